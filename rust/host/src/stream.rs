//! One request passing a chain: phases in, effects out.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::abi::Direction;
use crate::effects::{Body, Effects, LocalResponse};
use crate::filter_chain::{FilterChain, plain};
use crate::flow::Flow;
use crate::stream_state::{self, StreamState};
use crate::{Attributes, Chain, Error, HeaderMap, instances};

/// A handle to a stream, whose state lives on the thread that opened it. Every phase answers
/// [`Error::WrongThread`] elsewhere; a handle that is dropped elsewhere is closed by its own thread.
pub struct Stream {
    key: u64,
    thread: u64,
    closed: bool,
}

/// Streams that were dropped on a foreign thread: (thread, key).
static ORPHANS: Mutex<Vec<(u64, u64)>> = Mutex::new(Vec::new());
static ORPHAN_COUNT: AtomicU64 = AtomicU64::new(0);

fn this_thread() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static THIS: Cell<u64> = const { Cell::new(0) };
    }
    // A handle can be dropped while its thread ends.
    THIS.try_with(|this| {
        if this.get() == 0 {
            this.set(THREADS.fetch_add(1, Ordering::Relaxed));
        }
        this.get()
    })
    .unwrap_or(0)
}

impl Stream {
    /// Opens a stream on this thread.
    #[must_use]
    pub fn open(chain: &Chain, attributes: Attributes) -> Self {
        let thread = this_thread();
        close_orphans(thread);
        let key = stream_state::keep(StreamState::new(chain.clone(), attributes));
        Self { key, thread, closed: false }
    }

    /// Names the stream among those of its thread.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.key
    }

    fn step(&self, work: impl FnOnce(&FilterChain<'_>)) -> Result<Effects, Error> {
        if self.thread != this_thread() {
            return Err(Error::WrongThread);
        }
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
                let state = &mut *chain.state.borrow_mut();
                state.request = Flow { headers, begun: true, headers_only: end, ..Flow::default() };
                for name in state.chain.stripped() {
                    state.request.changed |= state.request.headers.remove(name);
                }
                let (bounds, headers) = (state.chain.bounds(), &state.request.headers);
                headers.len() <= bounds.headers && headers.byte_len() <= bounds.header_bytes
            };
            if fits {
                chain.headers(Direction::Request, 0);
            } else {
                chain.answer(None, plain(431));
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

    /// The request's trailers; they end it.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_request_trailers(&mut self, trailers: HeaderMap) -> Result<Effects, Error> {
        self.step(|chain| on_trailers(chain, Direction::Request, trailers))
    }

    /// The response's head: `:status`, then the fields.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_response_headers(&mut self, headers: HeaderMap, end: bool) -> Result<Effects, Error> {
        self.step(|chain| {
            {
                let mut state = chain.state.borrow_mut();
                if state.answered {
                    return;
                }
                state.response =
                    Flow { headers, begun: true, headers_only: end, ..Flow::default() };
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

    /// The layer above answers itself: it passes the response callbacks of the policies that saw
    /// the request.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn respond(&mut self, response: LocalResponse) -> Result<Effects, Error> {
        self.step(|chain| chain.answer(None, response))
    }

    /// Performs what was asked of this stream from outside of its own callbacks. Call it for each id
    /// in [`Effects::wake`].
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn resume(&mut self) -> Result<Effects, Error> {
        self.step(|chain| {
            let asked = std::mem::take(&mut chain.state.borrow_mut().asked);
            for (position, asked) in asked {
                chain.perform(position, asked);
            }
            chain.fail_abandoned();
        })
    }

    /// Ends the stream: `on_done`, `on_log`, `on_delete` of each policy that saw it. A second call
    /// does nothing.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn close(&mut self) -> Result<Effects, Error> {
        let thread = this_thread();
        if self.closed {
            return Ok(Effects::default());
        }
        if self.thread != thread {
            return Err(Error::WrongThread);
        }
        self.closed = true;
        let effects = step(self.key, end);
        stream_state::release(self.key);
        Ok(effects)
    }

    /// Works on the request's head as it stands.
    pub fn with_request_headers<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        match stream_state::find(self.key) {
            Some(state) if self.thread == this_thread() => work(&state.borrow().request.headers),
            _ => work(&HeaderMap::new()),
        }
    }

    /// Works on the response's head as it stands.
    pub fn with_response_headers<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        match stream_state::find(self.key) {
            Some(state) if self.thread == this_thread() => work(&state.borrow().response.headers),
            _ => work(&HeaderMap::new()),
        }
    }
}

fn on_body(chain: &FilterChain<'_>, direction: Direction, chunk: &[u8], end: bool) {
    {
        let mut state = chain.state.borrow_mut();
        if state.answered {
            return;
        }
        let flow = state.flow(direction);
        flow.rewritten = false;
        flow.bytes += chunk.len() as u64;
        if state.filters.iter().all(|filter| filter.seat.is_none()) {
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
        let mut state = chain.state.borrow_mut();
        if state.answered {
            return;
        }
        state.flow(direction).trailers = Some(trailers);
    }
    chain.trailers(direction, 0);
}

fn step(key: u64, work: impl FnOnce(&FilterChain<'_>)) -> Effects {
    let Some(state) = stream_state::find(key) else { return Effects::default() };
    work(&FilterChain { key, state: &state });
    instances::deliver_queues();
    state.borrow_mut().take_effects(key)
}

fn end(chain: &FilterChain<'_>) {
    chain.end();
    chain.state.borrow_mut().closed = true;
}

/// Ends a stream that nobody holds; what is said meanwhile comes with this thread's next step.
fn abandon(key: u64) {
    if let Some(state) = stream_state::find(key) {
        end(&FilterChain { key, state: &state });
    }
    stream_state::release(key);
}

fn close_orphans(thread: u64) {
    if ORPHAN_COUNT.load(Ordering::Acquire) == 0 {
        return;
    }
    let mine: Vec<u64> = {
        let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
        let (mine, others) = orphans.drain(..).partition(|(owner, _)| *owner == thread);
        *orphans = others;
        ORPHAN_COUNT.store(orphans.len() as u64, Ordering::Release);
        mine
    }
    .into_iter()
    .map(|(_, key)| key)
    .collect();
    mine.into_iter().for_each(abandon);
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        if self.thread == this_thread() {
            abandon(self.key);
            return;
        }
        let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
        orphans.push((self.thread, self.key));
        ORPHAN_COUNT.store(orphans.len() as u64, Ordering::Release);
    }
}
