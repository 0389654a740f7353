//! Moves heads, bodies and trailers through the policies of a stream.
//!
//! A request meets policies in order, a response in reverse. Nothing is re-entered: hostcalls only
//! note what they ask (`asked`), and it is performed here, after the callback returned.

mod answers;
mod bodies;

use std::cell::RefCell;

pub(crate) use answers::plain;

use crate::abi::{Action, Direction};
use crate::effects::{Head, LogRecord};
use crate::flow::{Gate, Stop};
use crate::instances::{self, outbox};
use crate::stream_state::{Asked, Seat, StreamState};
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
        if self.is_over(direction) {
            return;
        }
        let mut state = self.state.borrow_mut();
        if direction == Direction::Request && !state.filters.is_empty() {
            state.course.forwarded = Some(state.chain.now());
        }
        let flow = state.flow(direction);
        flow.passed = true;
        let (changed, end) = (flow.changed, flow.headers_only);
        let progress = state.progress(direction);
        progress.head = if changed { Head::Changed } else { Head::Unchanged };
        progress.end |= end;
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
            let flow = state.flow(direction);
            flow.at = Some(position);
            (length(flow.headers.len()), flow.headers_only)
        };
        let outcome = seat
            .slot
            .call(seat.generation, |vm| vm.on_headers(direction, seat.context, fields, end));
        self.state.borrow_mut().flow(direction).at = None;
        self.settle(direction, position, outcome, Stop::Headers)
    }

    /// After a callback: performs what was asked, then goes on or stops.
    fn settle(
        &self,
        direction: Direction,
        position: usize,
        outcome: Result<Action, Error>,
        stop: Stop,
    ) -> Turn {
        let answers = self.state.borrow().answers;
        let mut action = match outcome {
            Ok(action) => action,
            Err(error) => return self.failed(position, &error),
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
        let mut state = self.state.borrow_mut();
        if state.answers != answers || state.is_cut() {
            return Turn::Stopped;
        }
        if action == Action::Pause {
            state.gate(direction, position).stop = stop;
            return Turn::Stopped;
        }
        Turn::Next
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
            Asked::Respond(response) => self.answer(Some(position), response),
            Asked::Reset => self.state.borrow_mut().effects.reset = true,
        }
    }

    /// `proxy_continue_stream` for a policy that stopped.
    fn proceed(&self, direction: Direction, position: usize) {
        if self.is_over(direction) {
            return;
        }
        if !self.is_stopped(direction, position) {
            return;
        }
        let step = self.mirror(direction, position);
        let answers = self.state.borrow().answers;
        let Gate { stop, body, end, trailers, .. } =
            std::mem::take(self.state.borrow_mut().gate(direction, position));
        // The policy that stopped at the headers has not seen what came after them.
        let next = if stop == Stop::Headers { step } else { step + 1 };
        if stop == Stop::Headers {
            self.headers(direction, step + 1);
        }
        self.state.borrow_mut().flow(direction).rewritten = true;
        // What is held here is of a response that another policy may have replaced meanwhile.
        let replaced = || self.state.borrow().answers != answers;
        if (!body.is_empty() || end) && !replaced() {
            self.body(direction, next, body, end);
        }
        if (trailers || stop == Stop::Trailers) && !replaced() {
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
        let slot = instances::slot(&core);
        let generation = slot.ready()?;
        let context = slot.call(generation, |vm| vm.create_stream(self.key, position))?;
        let seat = Seat { slot, generation, context };
        self.state.borrow_mut().filters[position].seat = Some(seat.clone());
        Ok(Some(seat))
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
