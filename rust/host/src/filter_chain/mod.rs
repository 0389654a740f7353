//! Moves heads, bodies and trailers through the policies of a stream.
//!
//! A request meets policies in order, a response in reverse. Nothing is re-entered: hostcalls only
//! note what they ask (`asked`), and it is performed here, after the callback returned.

mod answers;
mod bodies;
pub(crate) mod grpc;
mod heads;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

pub(crate) use answers::Refusal;

use crate::abi::{Action, Direction};
use crate::effects::{Head, LogRecord};
use crate::flow::Stop;
use crate::instances::{self, outbox};
use crate::plugin::PluginCore;
use crate::stream_state::{Asked, Seat, StreamState};
use crate::tenants::Visit;
use crate::{Error, LogLevel};

/// One stream and its policies.
pub(crate) struct FilterChain<'a> {
    pub(crate) key: u64,
    pub(crate) state: &'a RefCell<StreamState>,
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
        if direction == Direction::Request {
            state.course.forwarded = state.chain.now();
        }
        let flow = state.flow(direction);
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
        let mut state = self.state.borrow_mut();
        let flow = state.flow(direction);
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
        drop(state);
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
            let mut state = self.state.borrow_mut();
            let gate = state.gate(direction, position);
            (gate.seen, gate.headers) = (true, true);
            let flow = state.flow(direction);
            (length(flow.headers.len()), flow.headers_only)
        };
        let outcome = seat
            .slot
            .call(seat.generation, |vm| vm.on_headers(direction, seat.context, fields, end));
        let Some(action) = self.settle(position, direction, outcome) else { return Turn::Stopped };
        let state = &mut *self.state.borrow_mut();
        let action = if state.course.overruled { Action::Continue } else { action };
        let gate = state.gate(direction, position);
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
                state.watermarked |= stop == Action::StopAndWatermark;
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
        let asked = std::mem::take(&mut self.state.borrow_mut().asked);
        for (who, what) in asked {
            match what {
                // Asked before the answer "pause" was given: the policy does not want to stop.
                Asked::Continue(way) if who == position && way == direction => {
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
    pub(crate) fn perform_asked(&self) {
        let asked = std::mem::take(&mut self.state.borrow_mut().asked);
        for (position, asked) in asked {
            self.perform(position, asked);
        }
    }

    /// Performs what a policy asked.
    fn perform(&self, position: usize, asked: Asked) {
        match asked {
            Asked::Continue(direction) => self.proceed(direction, position),
            Asked::Respond(response) => {
                self.replace(response);
            }
            Asked::Inject(data, end) => self.inject(position, data, end),
            Asked::Reset => self.state.borrow_mut().effects.reset = true,
        }
    }

    /// `proxy_continue_stream` for a policy that stopped.
    fn proceed(&self, direction: Direction, position: usize) {
        if self.is_over(direction) || !self.state.borrow_mut().gate(direction, position).waits() {
            return;
        }
        let step = self.mirror(direction, position);
        let answers = self.answers();
        let mut held = {
            let state = &mut *self.state.borrow_mut();
            state.flow(direction).rewritten = true;
            state.gate(direction, position).release()
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
        let core = {
            let state = self.state.borrow();
            let filter = &state.filters[position];
            if filter.seat.is_some() || filter.skipped {
                return Ok(filter.seat.clone());
            }
            state.chain.plugins()[position].core().clone()
        };
        let visit = self.visit(&core)?;
        let slot = instances::slot(visit.as_ref().map_or(&core, |visit| &visit.core));
        let generation = slot.ready()?;
        let context = slot.call(generation, |vm| vm.create_stream(self.key, position))?;
        let seat = Seat { slot, generation, context, visit };
        self.state.borrow_mut().filters[position].seat = Some(seat.clone());
        Ok(Some(seat))
    }

    /// The tenant that the stream is of, as the request is now that the policy has its turn.
    fn visit(&self, core: &Arc<PluginCore>) -> Result<Option<Rc<Visit>>, Error> {
        let Some(tenants) = &core.vm.tenants else { return Ok(None) };
        let key = tenants.key(&self.state.borrow());
        tenants.enter(core, &key).map(|visit| Some(Rc::new(visit)))
    }

    /// Ends every policy's context: `on_done`, `on_log`, `on_delete`.
    pub(crate) fn end(&self) {
        for position in 0..self.count() {
            let Some(seat) = self.seat(position) else { continue };
            let parked = seat.slot.call(seat.generation, |vm| {
                vm.end_stream(seat.context)?;
                Ok(vm.is_parked(seat.context))
            });
            if !matches!(parked, Ok(true)) {
                self.state.borrow_mut().filters[position].seat = None;
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
