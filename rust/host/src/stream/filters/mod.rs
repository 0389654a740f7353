//! Moves heads, bodies and trailers through the policies of a stream.
//!
//! A request meets policies in order, a response in reverse. Nothing is re-entered: hostcalls only
//! note what they ask, and it is performed here, after the callback returned.

pub(crate) mod answers;
mod bodies;
mod grpc;
mod heads;

use std::cell::RefCell;
use std::rc::Rc;

use crate::abi::enums::{Action, Direction};
use crate::context::direction::Iteration;
use crate::context::outbox::outbox;
use crate::context::stream_data::{StreamAction, StreamData};
use crate::host::plugin::Plugin;
use crate::host::tenants::TenantLease;
use crate::stream::filters::answers::HostResponse;
use crate::stream::state::{FilterContext, StreamState};
use crate::thread::slots;
use crate::types::effects::{Head, LogRecord};
use crate::types::error::Error;
use crate::types::log_level::LogLevel;

/// One stream and its policies.
pub(crate) struct FilterChain<'a> {
    pub(crate) key: u64,
    pub(crate) state: &'a RefCell<StreamState>,
    pub(crate) data: &'a RefCell<StreamData>,
}

/// Whether the next policy runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Next,
    Stopped,
}

impl FilterChain<'_> {
    fn count(&self) -> usize {
        self.state.borrow().filters.len()
    }

    /// The position of the policy at `step`; and the step of a position.
    fn mirror(&self, direction: Direction, step: usize) -> usize {
        match direction {
            Direction::Request => step,
            Direction::Response => self.count() - 1 - step,
        }
    }

    fn is_over(&self, direction: Direction) -> bool {
        let state = self.state.borrow();
        state.is_cut() || (direction == Direction::Request && state.is_answered())
    }

    /// Runs the headers from `step` on.
    pub(crate) fn headers(&self, direction: Direction, from: usize) {
        for step in from..self.count() {
            if self.one_headers(direction, self.mirror(direction, step)) == Turn::Stopped {
                return;
            }
        }
        if self.is_over(direction) || !self.is_sound(direction) {
            return;
        }
        let mut state = self.state.borrow_mut();
        let data = &mut *self.data.borrow_mut();
        if direction == Direction::Request {
            data.info.forwarded = state.chain.now();
        }
        let direction_state = data.direction(direction);
        direction_state.passed = true;
        direction_state.ended |= direction_state.headers_only;
        let (changed, end) = (direction_state.changed, direction_state.headers_only);
        let progress = state.progress(direction);
        progress.head = if changed { Head::Changed } else { Head::Unchanged };
        progress.end |= end;
    }

    /// Looks at a head that policies changed: an invalid request is answered, a response
    /// without a status gets that of any failing server.
    fn is_sound(&self, direction: Direction) -> bool {
        let mut data = self.data.borrow_mut();
        let direction_state = data.direction(direction);
        let sound = match direction {
            _ if direction_state.writer.is_none() => true,
            Direction::Request => heads::is_request(&direction_state.headers),
            Direction::Response => heads::is_response(&direction_state.headers),
        };
        let writer = direction_state.writer;
        if writer.is_some() {
            heads::mend(&mut direction_state.headers, direction);
        }
        if sound || direction == Direction::Response {
            if !sound {
                direction_state.headers.set(b":status", b"500");
            }
            return true;
        }
        drop(data);
        if let Some(position) = writer {
            self.warn(position, "made the request invalid: look at its method, path and authority");
        }
        self.replace(HostResponse::InvalidRequest.response());
        false
    }

    fn one_headers(&self, direction: Direction, position: usize) -> Turn {
        let outcome = match (self.context(position), direction) {
            (Some(context), _) => {
                if self.looks_away(direction, position) && context.slot.serves(context.generation) {
                    let mut data = self.data.borrow_mut();
                    data.filter(direction, position).seen = true;
                    return Turn::Next;
                }
                let (fields, end) = self.bring_headers(direction, position);
                context.slot.call(context.generation, |vm| {
                    vm.on_headers(direction, context.id, fields, end)
                })
            }
            (None, Direction::Request) if !self.state.borrow().filters[position].skipped => {
                match self.first_headers(position) {
                    // It has no context, and was not brought the headers.
                    Err(error) if self.context(position).is_none() => {
                        return self.failed(position, direction, &error);
                    }
                    outcome => outcome,
                }
            }
            (None, _) => return Turn::Next,
        };
        let Some(action) = self.settle(position, direction, outcome) else { return Turn::Stopped };
        let data = &mut *self.data.borrow_mut();
        let action = if data.info.overruled { Action::Continue } else { action };
        let filter = data.filter(direction, position);
        match action {
            // What it injected took them along.
            _ if !filter.headers => {
                if action != Action::Continue && filter.iteration != Iteration::Ended {
                    filter.stop_body(action, false);
                }
                return Turn::Stopped;
            }
            Action::Continue => filter.headers = false,
            stop => {
                filter.stop_headers(stop);
                self.state.borrow_mut().watermarked |= stop == Action::StopAndWatermark;
                return Turn::Stopped;
            }
        }
        Turn::Next
    }

    /// After a callback: performs what was asked. `None`: the stream goes another way now.
    fn settle(
        &self,
        position: usize,
        direction: Direction,
        outcome: Result<Action, Error>,
    ) -> Option<Action> {
        let answers = self.answers();
        let mut action = match outcome {
            Ok(action) => action,
            Err(error) => {
                return (self.failed(position, direction, &error) == Turn::Next)
                    .then_some(Action::Continue);
            }
        };
        let pending = std::mem::take(&mut self.data.borrow_mut().pending_actions);
        for (who, what) in pending {
            match what {
                // Asked before the answer "pause" was given: the policy does not want to stop.
                StreamAction::Continue(way) if who == position && way == direction => {
                    action = Action::Continue;
                }
                what => self.perform(who, what),
            }
        }
        let state = self.state.borrow();
        (state.answers == answers && !state.is_cut()).then_some(action)
    }

    fn answers(&self) -> usize {
        self.state.borrow().answers
    }

    /// Performs what was asked outside of this stream's own callbacks.
    pub(crate) fn perform_pending(&self) {
        let pending = std::mem::take(&mut self.data.borrow_mut().pending_actions);
        for (position, action) in pending {
            self.perform(position, action);
        }
    }

    /// Performs what a policy asked.
    fn perform(&self, position: usize, action: StreamAction) {
        match action {
            StreamAction::Continue(direction) => self.proceed(direction, position),
            StreamAction::Respond(response) => {
                self.replace(response);
            }
            StreamAction::Inject(data, end) => self.inject(position, data, end),
            StreamAction::Reset => self.state.borrow_mut().effects.reset = true,
        }
    }

    /// `proxy_continue_stream` for a policy that stopped.
    fn proceed(&self, direction: Direction, position: usize) {
        if self.is_over(direction) || !self.data.borrow_mut().filter(direction, position).waits() {
            return;
        }
        let step = self.mirror(direction, position);
        let answers = self.answers();
        let mut held = {
            let data = &mut *self.data.borrow_mut();
            data.direction(direction).rewritten = true;
            data.filter(direction, position).release()
        };
        // The policy that stopped everything at the headers has not seen what came after them.
        let next = if held.iteration == Iteration::StoppedAll { step } else { step + 1 };
        if held.headers {
            self.headers(direction, step + 1);
        }
        // What is held here is of a response that another policy may have replaced meanwhile.
        let replaced = || self.answers() != answers;
        let body = held.take_body();
        if (!body.is_empty() || held.end) && !replaced() {
            self.body(direction, next, body, held.end);
        }
        if (held.trailers || held.iteration == Iteration::StoppedTrailers) && !replaced() {
            self.trailers(direction, next);
        }
    }

    /// The context of a policy that saw the request and did not fail.
    fn context(&self, position: usize) -> Option<FilterContext> {
        self.state.borrow().filters[position].context.clone()
    }

    /// Brings the headers to a policy; the number of fields, and whether the stream ends with them.
    fn bring_headers(&self, direction: Direction, position: usize) -> (u32, bool) {
        let mut data = self.data.borrow_mut();
        let filter = data.filter(direction, position);
        (filter.seen, filter.headers) = (true, true);
        let direction_state = data.direction(direction);
        (length(direction_state.headers.len()), direction_state.headers_only)
    }

    /// Whether a policy has no callback for the headers of this direction.
    fn looks_away(&self, direction: Direction, position: usize) -> bool {
        direction == Direction::Response
            && !self.state.borrow().chain.looks_at_response_headers(position)
    }

    /// Makes the context of a policy and brings the request's headers to it, in one step of the guest.
    fn first_headers(&self, position: usize) -> Result<Action, Error> {
        let plugin = self.state.borrow().chain.plugins()[position].clone();
        let lease = self.lease(&plugin)?;
        let slot = slots::slot_of(lease.as_ref().map_or(plugin.core(), |lease| &lease.core));
        let generation = slot.ready()?;
        let created = |id| {
            let slot = Rc::clone(&slot);
            let context = FilterContext { slot, generation, id, lease };
            self.state.borrow_mut().filters[position].context = Some(context);
            self.bring_headers(Direction::Request, position)
        };
        slot.call(generation, |vm| vm.open_stream(self.key, position, created))
    }

    /// The tenant of the stream, by the request at the time of the policy's first callback.
    fn lease(&self, plugin: &Plugin) -> Result<Option<Rc<TenantLease>>, Error> {
        let Some(tenants) = plugin.tenants() else { return Ok(None) };
        let key = tenants.key(&self.data.borrow(), plugin.core().services.clock());
        tenants.enter(plugin.core(), &key).map(|lease| Some(Rc::new(lease)))
    }

    /// Ends every policy's context: `on_done`, `on_log`, `on_delete`.
    pub(crate) fn end(&self) {
        self.data.borrow_mut().info.ended = true;
        for position in 0..self.count() {
            if let Some(context) = self.context(position) {
                // How it failed is in the outbox. A context that waits for `proxy_done` stays.
                let _ = context.slot.call(context.generation, |vm| vm.end_stream(context.id));
            }
        }
        self.data.borrow_mut().drop_held();
    }

    fn warn(&self, position: usize, message: &str) {
        let policy = self.state.borrow().chain.plugins()[position].core().name.clone();
        let record = LogRecord { policy, level: LogLevel::Warn, message: message.into() };
        outbox(|out| out.logs.push(record));
    }
}

/// A count as the guest takes it.
fn length(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
