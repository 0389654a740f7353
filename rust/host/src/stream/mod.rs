//! One request in a chain: each phase returns effects.

pub(crate) mod chain;
pub(crate) mod filters;
pub(crate) mod state;

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::abi::enums::Direction;
use crate::context::direction::DirectionState;
use crate::context::outbox::outbox;
use crate::context::stream_data::StreamData;
use crate::context::stream_table::SharedStream;
use crate::context::{reentrancy, step as budget, stream_table};
use crate::properties::USER;
use crate::stream::chain::Chain;
use crate::stream::filters::FilterChain;
use crate::stream::filters::answers::HostResponse;
use crate::stream::state::Shared;
use crate::thread::queue_calls;
use crate::types::attributes::Attributes;
use crate::types::effects::{Body, Effects, LocalResponse};
use crate::types::error::Error;
use crate::types::headers::HeaderMap;
use crate::wasm::signals;

/// A handle to a stream, whose state lives on the thread that opened it. Every phase answers
/// [`Error::WrongThread`] elsewhere, and [`Error::Busy`] while a foreign function runs there; a handle
/// that is dropped then is closed by its own thread, later.
pub struct Stream {
    key: u64,
    home: Arc<Inbox>,
    closed: bool,
}

/// Streams of one thread that were dropped on others. It goes with its thread and their handles.
#[derive(Default)]
struct Inbox {
    waiting: AtomicBool,
    keys: Mutex<Vec<u64>>,
}

thread_local! {
    static INBOX: Arc<Inbox> = Arc::default();
}

impl Inbox {
    fn put(&self, key: u64) {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).push(key);
        self.waiting.store(true, Ordering::Release);
    }

    fn take(&self) -> Vec<u64> {
        if !self.waiting.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        std::mem::take(&mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Stream {
    /// Opens a stream on this thread.
    #[must_use]
    pub fn open(chain: &Chain, attributes: Attributes) -> Self {
        signals::keep();
        let home = INBOX.with(Arc::clone);
        if !reentrancy::busy() {
            home.take().into_iter().for_each(abandon);
        }
        let key = state::open(chain.clone(), attributes);
        Self { key, home, closed: false }
    }

    /// Names the stream among those of its thread.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.key
    }

    fn is_home(&self) -> bool {
        // A handle can be dropped while its thread ends.
        INBOX.try_with(|inbox| Arc::ptr_eq(inbox, &self.home)).unwrap_or(false)
    }

    /// Whether a callback may run here and now.
    ///
    /// # Errors
    /// [`Error::WrongThread`] and [`Error::Busy`].
    pub fn can_move(&self) -> Result<(), Error> {
        if !self.is_home() {
            return Err(Error::WrongThread);
        }
        reentrancy::can_move()
    }

    fn step(&self, work: impl FnOnce(&FilterChain<'_>)) -> Result<Effects, Error> {
        self.can_move()?;
        Ok(step(self.key, work))
    }

    /// The request's head: `:method`, `:scheme`, `:authority`, `:path`, then the fields. `end`: no
    /// body follows. Client copies of stripped headers are removed first; a head over the limits is
    /// answered 431 and no policy sees it.
    ///
    /// # Errors
    /// [`Error::WrongThread`], as every phase.
    pub fn on_request_headers(&mut self, headers: HeaderMap, end: bool) -> Result<Effects, Error> {
        self.step(|chain| {
            let fits = {
                let policies = &chain.state.borrow().chain;
                let request = &mut chain.data.borrow_mut().request;
                *request = DirectionState {
                    headers,
                    begun: true,
                    headers_only: end,
                    ..DirectionState::default()
                };
                for name in policies.stripped() {
                    request.changed |= request.headers.remove(name);
                }
                policies.bounds().admit(&request.headers)
            };
            if fits {
                chain.headers(Direction::Request, 0);
            } else {
                chain.answer(HostResponse::RequestHeaders.response());
            }
        })
    }

    /// A chunk of the request's body.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_request_body(&mut self, chunk: &[u8], end: bool) -> Result<Effects, Error> {
        self.step(|chain| on_body(chain, Direction::Request, chunk, end))
    }

    /// The request's trailers; they end it. Headers that
    /// clients may not send are removed from trailers, too.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_request_trailers(&mut self, mut trailers: HeaderMap) -> Result<Effects, Error> {
        self.step(|chain| {
            let fits = {
                let state = chain.state.borrow();
                for name in state.chain.stripped() {
                    trailers.remove(name);
                }
                state.chain.bounds().admit(&trailers)
            };
            if fits {
                on_trailers(chain, Direction::Request, trailers);
            } else {
                chain.answer(HostResponse::RequestHeaders.response());
            }
        })
    }

    /// The response's head: `:status`, then the fields.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_response_headers(&mut self, headers: HeaderMap, end: bool) -> Result<Effects, Error> {
        self.step(|chain| {
            {
                let state = chain.state.borrow();
                if state.is_answered() || state.is_cut() {
                    return;
                }
                let data = &mut *chain.data.borrow_mut();
                data.response = DirectionState {
                    headers,
                    begun: true,
                    headers_only: end,
                    ..DirectionState::default()
                };
                if end {
                    data.info.answered = state.chain.now();
                }
            }
            chain.headers(Direction::Response, 0);
        })
    }

    /// A chunk of the response's body.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_response_body(&mut self, chunk: &[u8], end: bool) -> Result<Effects, Error> {
        self.step(|chain| on_body(chain, Direction::Response, chunk, end))
    }

    /// The response's trailers; they end it.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_response_trailers(&mut self, trailers: HeaderMap) -> Result<Effects, Error> {
        self.step(|chain| on_trailers(chain, Direction::Response, trailers))
    }

    /// A local response of the layer above: it passes the response callbacks of the policies that saw
    /// the request. A local response of a policy takes precedence.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn respond(&mut self, response: LocalResponse) -> Result<Effects, Error> {
        self.step(|chain| chain.answer(response))
    }

    /// The same after a timeout: it replaces every response whose head was not forwarded yet, also
    /// that of a policy. No policy can pause it: the step has its head and its end, or `reset`.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn overrule(&mut self, response: LocalResponse) -> Result<Effects, Error> {
        self.step(|chain| chain.overrule(response))
    }

    /// Performs what callbacks outside of this stream requested for it. Call it for each id
    /// in [`Effects::wake`].
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn resume(&mut self) -> Result<Effects, Error> {
        self.step(|chain| {
            chain.fail_abandoned();
        })
    }

    /// Ends the stream: `on_done`, `on_log`, `on_delete` of each policy that saw it. A second call
    /// does nothing.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn close(&mut self) -> Result<Effects, Error> {
        if self.closed {
            return Ok(Effects::default());
        }
        self.can_move()?;
        self.closed = true;
        let effects = match enter(self.key) {
            Some((state, data)) => {
                FilterChain { key: self.key, state: &state, data: &data }.end();
                queue_calls::deliver();
                state.borrow_mut().take_effects(self.key)
            }
            None => Effects::default(),
        };
        state::close(self.key);
        Ok(effects)
    }

    /// Adds properties of the request, if a policy can read them.
    pub fn note(&mut self, work: impl FnOnce(&mut Attributes)) {
        self.with_data((), |data| {
            if !data.filters.is_empty() {
                work(&mut data.attributes);
            }
        });
    }

    /// Whether a policy asked for the route to be chosen again (`clear_route_cache`).
    #[must_use]
    pub fn route_cleared(&self) -> bool {
        self.with_data(false, |data| data.info.route_cleared)
    }

    /// The user that a policy of this stream set: the property `wasmgate.user`.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.with_data(None, |data| {
            let user = data.properties.find(USER);
            user.map(|user| String::from_utf8_lossy(user).into_owned())
        })
    }

    /// Calls a function with the current head of the request.
    pub fn with_request_headers<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        match stream_table::find(self.key) {
            Some(data) if self.is_home() => work(&data.borrow().request.headers),
            _ => work(&HeaderMap::new()),
        }
    }

    /// Calls a function with the current head of the response.
    pub fn with_response_headers<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        match stream_table::find(self.key) {
            Some(data) if self.is_home() => work(&data.borrow().response.headers),
            _ => work(&HeaderMap::new()),
        }
    }

    fn with_data<R>(&self, otherwise: R, work: impl FnOnce(&mut StreamData) -> R) -> R {
        match stream_table::find(self.key) {
            Some(data) if self.is_home() => work(&mut data.borrow_mut()),
            _ => otherwise,
        }
    }
}

fn on_body(chain: &FilterChain<'_>, direction: Direction, chunk: &[u8], end: bool) {
    {
        let mut state = chain.state.borrow_mut();
        if state.is_answered() || state.is_cut() {
            return;
        }
        let data = &mut *chain.data.borrow_mut();
        let direction_state = data.direction(direction);
        direction_state.rewritten = false;
        direction_state.bytes += chunk.len() as u64;
        if end && direction == Direction::Response {
            data.info.answered = state.chain.now();
        }
        if state.lets_body_pass(data, direction) {
            let progress = state.progress(direction);
            progress.body = if chunk.is_empty() { Body::Nothing } else { Body::Same };
            progress.end = end;
            return;
        }
    }
    chain.body(direction, 0, chunk.to_vec(), end);
}

fn on_trailers(chain: &FilterChain<'_>, direction: Direction, trailers: HeaderMap) {
    {
        let state = chain.state.borrow();
        if state.is_answered() || state.is_cut() {
            return;
        }
        let data = &mut *chain.data.borrow_mut();
        let direction_state = data.direction(direction);
        direction_state.rewritten = false;
        direction_state.trailers = Some(trailers);
        if direction == Direction::Response {
            data.info.answered = state.chain.now();
        }
    }
    chain.trailers(direction, 0);
}

/// An open stream, for one step.
fn enter(key: u64) -> Option<(Shared, SharedStream)> {
    let state = state::find(key)?;
    let data = Rc::clone(&state.borrow().data);
    budget::begin();
    Some((state, data))
}

fn step(key: u64, work: impl FnOnce(&FilterChain<'_>)) -> Effects {
    let Some((state, data)) = enter(key) else { return Effects::default() };
    let chain = FilterChain { key, state: &state, data: &data };
    // What a tick or another stream requested since the last step is done first.
    chain.perform_pending();
    work(&chain);
    queue_calls::deliver();
    chain.perform_pending();
    // A crash in this step may have dropped the instance in which another policy of the stream waits.
    if outbox(|out| out.wake.contains(&key)) {
        chain.fail_abandoned();
    }
    state.borrow_mut().take_effects(key)
}

/// Ends a stream whose handle was dropped; its log lines come with this thread's next step.
fn abandon(key: u64) {
    if let Some((state, data)) = enter(key) {
        FilterChain { key, state: &state, data: &data }.end();
    }
    state::close(key);
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if self.can_move().is_ok() {
            abandon(self.key);
        } else {
            self.home.put(self.key);
        }
    }
}
