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
use crate::context::flow::Stop;
use crate::context::outbox::outbox;
use crate::context::stream_data::{StreamAction, StreamData};
use crate::host::plugin::Plugin;
use crate::host::tenants::Visit;
use crate::stream::filters::answers::Refusal;
use crate::stream::state::{Seat, StreamState};
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

/// Whether the next policy has its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Next,
    Stopped,
}

impl FilterChain<'_> {
    fn count(&self) -> usize {
        self.state.borrow().filters.len()
    }

    /// The position of the policy that has its turn at `step`; and the step of a position.
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
        let flow = data.flow(direction);
        flow.passed = true;
        flow.ended |= flow.headers_only;
        let (changed, end) = (flow.changed, flow.headers_only);
        let progress = state.progress(direction);
        progress.head = if changed { Head::Changed } else { Head::Unchanged };
        progress.end |= end;
    }

    /// Looks at a head that policies changed: a request that is none any more is answered, a response
    /// without a status gets that of any failing server.
    fn is_sound(&self, direction: Direction) -> bool {
        let mut data = self.data.borrow_mut();
        let flow = data.flow(direction);
        let sound = match direction {
            _ if flow.writer.is_none() => true,
            Direction::Request => heads::is_request(&flow.headers),
            Direction::Response => heads::is_response(&flow.headers),
        };
        let writer = flow.writer;
        if writer.is_some() {
            heads::mend(&mut flow.headers, direction);
        }
        if sound || direction == Direction::Response {
            if !sound {
                flow.headers.set(b":status", b"500");
            }
            return true;
        }
        drop(data);
        if let Some(position) = writer {
            self.warn(position, "made the request invalid: look at its method, path and authority");
        }
        self.replace(Refusal::InvalidRequest.response());
        false
    }

    fn one_headers(&self, direction: Direction, position: usize) -> Turn {
        let seat = match direction {
            Direction::Request => self.take_seat(position),
            Direction::Response => Ok(self.seat(position)),
        };
        let seat = match seat {
            Ok(Some(seat)) => seat,
            Ok(None) => return Turn::Next,
            Err(error) => return self.failed(position, &error),
        };
        let (fields, end) = {
            let mut data = self.data.borrow_mut();
            let gate = data.gate(direction, position);
            (gate.seen, gate.headers) = (true, true);
            let flow = data.flow(direction);
            (length(flow.headers.len()), flow.headers_only)
        };
        let outcome = seat
            .slot
            .call(seat.generation, |vm| vm.on_headers(direction, seat.context, fields, end));
        let Some(action) = self.settle(position, direction, outcome) else { return Turn::Stopped };
        let data = &mut *self.data.borrow_mut();
        let action = if data.info.overruled { Action::Continue } else { action };
        let gate = data.gate(direction, position);
        match action {
            // What it injected took them along.
            _ if !gate.headers => {
                if action != Action::Continue && gate.stop != Stop::Ended {
                    gate.stop_body(action, false);
                }
                return Turn::Stopped;
            }
            Action::Continue => gate.headers = false,
            stop => {
                gate.stop_headers(stop);
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
                return (self.failed(position, &error) == Turn::Next).then_some(Action::Continue);
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
        if self.is_over(direction) || !self.data.borrow_mut().gate(direction, position).waits() {
            return;
        }
        let step = self.mirror(direction, position);
        let answers = self.answers();
        let mut held = {
            let data = &mut *self.data.borrow_mut();
            data.flow(direction).rewritten = true;
            data.gate(direction, position).release()
        };
        // The policy that stopped everything at the headers has not seen what came after them.
        let next = if held.stop == Stop::All { step } else { step + 1 };
        if held.headers {
            self.headers(direction, step + 1);
        }
        // What is held here is of a response that another policy may have replaced meanwhile.
        let replaced = || self.answers() != answers;
        let body = held.take_body();
        if (!body.is_empty() || held.end) && !replaced() {
            self.body(direction, next, body, held.end);
        }
        if (held.trailers || held.stop == Stop::Trailers) && !replaced() {
            self.trailers(direction, next);
        }
    }

    /// The seat of a policy that saw the request and did not fail.
    fn seat(&self, position: usize) -> Option<Seat> {
        self.state.borrow().filters[position].seat.clone()
    }

    /// The seat of a policy, taken now if it has none yet.
    fn take_seat(&self, position: usize) -> Result<Option<Seat>, Error> {
        let plugin = {
            let state = self.state.borrow();
            let filter = &state.filters[position];
            if filter.seat.is_some() || filter.skipped {
                return Ok(filter.seat.clone());
            }
            state.chain.plugins()[position].clone()
        };
        let visit = self.visit(&plugin)?;
        let slot = slots::slot(visit.as_ref().map_or(plugin.core(), |visit| &visit.core));
        let generation = slot.ready()?;
        let context = slot.call(generation, |vm| vm.create_stream(self.key, position))?;
        let seat = Seat { slot, generation, context, visit };
        self.state.borrow_mut().filters[position].seat = Some(seat.clone());
        Ok(Some(seat))
    }

    /// The tenant that the stream is of, as the request is now that the policy has its turn.
    fn visit(&self, plugin: &Plugin) -> Result<Option<Rc<Visit>>, Error> {
        let Some(tenants) = plugin.tenants() else { return Ok(None) };
        let key = tenants.key(&self.data.borrow(), plugin.core().services.clock());
        tenants.enter(plugin.core(), &key).map(|visit| Some(Rc::new(visit)))
    }

    /// Ends every policy's context: `on_done`, `on_log`, `on_delete`.
    pub(crate) fn end(&self) {
        self.data.borrow_mut().info.ended = true;
        for position in 0..self.count() {
            if let Some(seat) = self.seat(position) {
                // How it failed is in the outbox. A context that waits for `proxy_done` stays.
                let _ = seat.slot.call(seat.generation, |vm| vm.end_stream(seat.context));
            }
        }
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
