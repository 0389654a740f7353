//! Bodies and trailers on their way through the policies of a stream.

use super::{FilterChain, Turn, length, plain};
use crate::HeaderMap;
use crate::abi::Direction;
use crate::effects::Body;
use crate::flow::Stop;
use crate::stream_state::Seat;

impl FilterChain<'_> {
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

    pub(super) fn is_stopped(&self, direction: Direction, position: usize) -> bool {
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
            self.replace(Some(position), plain(status));
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
                if matches!(gate.stop, Stop::Headers | Stop::Trailers) {
                    gate.trailers = true;
                    return;
                }
                state.flow(direction).trailers.as_ref().map_or(0, HeaderMap::len)
            };
            // A policy that holds back the body learns here that it is complete: before trailers no
            // body callback has the end.
            let Some(seat) = self.seat(position) else { continue };
            let fields = length(fields);
            let outcome = seat
                .slot
                .call(seat.generation, |vm| vm.on_trailers(direction, seat.context, fields));
            if self.settle(direction, position, outcome, Stop::Trailers) == Turn::Stopped {
                return;
            }
            let answers = self.state.borrow().answers;
            let held = std::mem::take(self.state.borrow_mut().gate(direction, position));
            if !held.body.is_empty() {
                self.state.borrow_mut().flow(direction).rewritten = true;
                self.body(direction, step + 1, held.body, false);
                if self.state.borrow().answers != answers {
                    return;
                }
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
}
