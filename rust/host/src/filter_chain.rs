//! Moves heads, bodies and trailers through the policies of a stream.
//!
//! A request meets policies in order, a response in reverse. Nothing is re-entered: hostcalls only
//! note what they ask (`asked`), and it is performed here, after the callback returned.

use std::cell::RefCell;

use crate::abi::{Action, Direction};
use crate::effects::{Body, Head, LocalResponse, LogRecord};
use crate::flow::{Gate, Stop};
use crate::instances::{self, outbox};
use crate::stream_state::{Asked, Seat, StreamState};
use crate::{Error, HeaderMap, LogLevel};

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
        state.effects.reset || (direction == Direction::Request && state.answered)
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

    /// Runs body bytes from `step` on.
    pub(crate) fn body(&self, direction: Direction, from: usize, mut data: Vec<u8>, mut end: bool) {
        for step in from..self.count() {
            if self.is_over(direction) {
                return;
            }
            let position = self.mirror(direction, step);
            let Some(seat) = self.admit(direction, position, &mut data, end) else {
                if self.is_stopped(direction, position) {
                    self.check_held(direction, position);
                    return;
                }
                continue;
            };
            let size = length(self.state.borrow_mut().gate(direction, position).body.len());
            let outcome = seat
                .slot
                .call(seat.generation, |vm| vm.on_body(direction, seat.context, size, end));
            self.state.borrow_mut().gate(direction, position).open = false;
            if self.settle(direction, position, outcome, Stop::Body) == Turn::Stopped {
                self.state.borrow_mut().gate(direction, position).end |= end;
                self.check_held(direction, position);
                return;
            }
            let mut state = self.state.borrow_mut();
            let gate = state.gate(direction, position);
            gate.stop = Stop::No;
            data = std::mem::take(&mut gate.body);
            end |= std::mem::take(&mut gate.end);
        }
        self.let_out(direction, data, end);
    }

    /// Puts body bytes before a policy. `None`: it has no say, or it is stopped and keeps them.
    fn admit(
        &self,
        direction: Direction,
        position: usize,
        data: &mut Vec<u8>,
        end: bool,
    ) -> Option<Seat> {
        let seat = self.seat(position);
        let mut state = self.state.borrow_mut();
        let gate = state.gate(direction, position);
        let stopped = matches!(gate.stop, Stop::Headers | Stop::Trailers);
        if seat.is_none() && !stopped {
            return None;
        }
        let joined = !gate.body.is_empty();
        if joined {
            gate.body.append(data);
        } else {
            gate.body = std::mem::take(data);
        }
        gate.end |= end && stopped;
        gate.open = !stopped;
        state.flow(direction).rewritten |= joined || stopped;
        seat.filter(|_| !stopped)
    }

    fn is_stopped(&self, direction: Direction, position: usize) -> bool {
        self.state.borrow_mut().gate(direction, position).stop != Stop::No
    }

    /// A policy may hold back so much and no more.
    fn check_held(&self, direction: Direction, position: usize) {
        let overflow = {
            let mut state = self.state.borrow_mut();
            let limit = state.chain.plugins()[position].core().spec.limits.body;
            let gate = state.gate(direction, position);
            let held = gate.stop != Stop::No && gate.body.len() > limit;
            held.then(|| std::mem::take(gate)).is_some()
        };
        if overflow {
            let status = if direction == Direction::Request { 413 } else { 500 };
            self.warn(position, "held back more of a body than its limit `body` allows");
            self.answer(Some(position), plain(status));
        }
    }

    fn let_out(&self, direction: Direction, data: Vec<u8>, end: bool) {
        if self.is_over(direction) {
            return;
        }
        let mut state = self.state.borrow_mut();
        let rewritten = state.flow(direction).rewritten;
        let progress = state.progress(direction);
        progress.end |= end;
        match &mut progress.body {
            Body::Bytes(bytes) => bytes.extend_from_slice(&data),
            body if rewritten && !data.is_empty() => *body = Body::Bytes(data),
            body if !data.is_empty() => *body = Body::Same,
            _ => {}
        }
    }

    /// Runs trailers from `step` on.
    pub(crate) fn trailers(&self, direction: Direction, from: usize) {
        for step in from..self.count() {
            if self.is_over(direction) {
                return;
            }
            let position = self.mirror(direction, step);
            let fields = {
                let mut state = self.state.borrow_mut();
                let gate = state.gate(direction, position);
                if gate.stop != Stop::No {
                    gate.trailers = true;
                    return;
                }
                state.flow(direction).trailers.as_ref().map_or(0, HeaderMap::len)
            };
            let Some(seat) = self.seat(position) else { continue };
            let fields = length(fields);
            let outcome = seat
                .slot
                .call(seat.generation, |vm| vm.on_trailers(direction, seat.context, fields));
            if self.settle(direction, position, outcome, Stop::Trailers) == Turn::Stopped {
                return;
            }
        }
        if self.is_over(direction) {
            return;
        }
        let mut state = self.state.borrow_mut();
        let trailers = state.flow(direction).trailers.take();
        let progress = state.progress(direction);
        progress.trailers = trailers;
        progress.end = true;
    }

    /// After a callback: performs what was asked, then goes on or stops.
    fn settle(
        &self,
        direction: Direction,
        position: usize,
        outcome: Result<Action, Error>,
        stop: Stop,
    ) -> Turn {
        let answered = self.state.borrow().answered;
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
        let replaced = state.answered && !answered;
        if replaced || state.effects.reset {
            return Turn::Stopped;
        }
        if action == Action::Pause {
            state.gate(direction, position).stop = stop;
            return Turn::Stopped;
        }
        Turn::Next
    }

    /// Performs what a policy asked.
    pub(crate) fn perform(&self, position: usize, asked: Asked) {
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
        let step = self.mirror(direction, position);
        let Gate { stop, body, end, trailers, .. } =
            std::mem::take(self.state.borrow_mut().gate(direction, position));
        let next = match stop {
            Stop::No => return,
            Stop::Headers => {
                self.headers(direction, step + 1);
                step
            }
            Stop::Body => step + 1,
            Stop::Trailers => {
                self.trailers(direction, step + 1);
                return;
            }
        };
        self.state.borrow_mut().flow(direction).rewritten = true;
        if !body.is_empty() || end {
            self.body(direction, next, body, end);
        }
        if trailers {
            self.trailers(direction, step);
        }
    }

    /// A response that does not come from the upstream: it passes the policies that saw the
    /// request, in reverse; from the middle of a response, those that have not seen it yet.
    pub(crate) fn answer(&self, by: Option<usize>, response: LocalResponse) {
        let from = {
            let mut state = self.state.borrow_mut();
            if state.response.passed {
                state.effects.reset = true;
                return;
            }
            if state.answered {
                return;
            }
            state.answered = true;
            let begun = std::mem::replace(&mut state.response.begun, true);
            for filter in &mut state.filters {
                filter.request = Gate::default();
                filter.response = Gate::default();
            }
            let mut headers = HeaderMap::with_capacity(response.headers.len() + 1, 256);
            headers.push(b":status", response.status.to_string().as_bytes());
            response.headers.iter().for_each(|(name, value)| headers.push(name, value));
            state.response.headers = headers;
            state.response.changed = true;
            state.response.rewritten = true;
            state.response.headers_only = response.body.is_empty();
            match (begun, by) {
                (false, _) => 0,
                (true, Some(position)) => state.filters.len() - position,
                (true, None) => state.filters.len(),
            }
        };
        self.headers(Direction::Response, from);
        if !response.body.is_empty() {
            self.body(Direction::Response, from, response.body, true);
        }
    }

    /// The failure policy: open skips the policy, closed answers 503.
    fn failed(&self, position: usize, error: &Error) -> Turn {
        if matches!(error, Error::BackOff | Error::InstanceGone) {
            self.warn(position, &error.to_string());
        }
        let open = {
            let mut state = self.state.borrow_mut();
            let filter = &mut state.filters[position];
            filter.seat = None;
            filter.skipped = true;
            state.asked.retain(|(who, _)| *who != position);
            state.chain.plugins()[position].core().spec.fail_open
        };
        if open {
            return Turn::Next;
        }
        self.answer(Some(position), plain(503));
        Turn::Stopped
    }

    /// The policies whose instance crashed on another stream get their failure policy, if this
    /// stream waits for them.
    pub(crate) fn fail_abandoned(&self) {
        for position in 0..self.count() {
            let waits = {
                let state = self.state.borrow();
                let filter = &state.filters[position];
                let gone = |seat: &Seat| !seat.slot.serves(seat.generation);
                let held = [&filter.request, &filter.response].map(|gate| gate.stop != Stop::No);
                (filter.seat.as_ref().is_some_and(gone) && held != [false; 2]).then_some(held)
            };
            let Some([request, response]) = waits else { continue };
            if self.failed(position, &Error::InstanceGone) == Turn::Stopped {
                return;
            }
            if request {
                self.proceed(Direction::Request, position);
            }
            if response {
                self.proceed(Direction::Response, position);
            }
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

/// An answer of the host itself: problem+json (RFC 9457) that says nothing of the request.
pub(crate) fn plain(status: u16) -> LocalResponse {
    let title = match status {
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    };
    let mut headers = HeaderMap::new();
    headers.push(b"content-type", b"application/problem+json");
    let body = format!(r#"{{"title":"{title}","status":{status}}}"#).into_bytes();
    LocalResponse { status, headers, body }
}
