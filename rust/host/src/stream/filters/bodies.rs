//! Bodies and trailers in the chain of a stream.

use crate::abi::enums::{Action, Direction};
use crate::context::direction::{FilterState, Iteration, Phase};
use crate::stream::filters::answers::HostResponse;
use crate::stream::filters::{FilterChain, length};
use crate::stream::state::FilterContext;
use crate::types::effects::Body;
use crate::types::headers::HeaderMap;

impl FilterChain<'_> {
    /// Runs body bytes from `step` on.
    pub(crate) fn body(&self, direction: Direction, from: usize, mut data: Vec<u8>, mut end: bool) {
        for step in from..self.count() {
            if self.is_over(direction) {
                return;
            }
            let position = self.mirror(direction, step);
            let Some(context) = self.admit(direction, position, &mut data, end) else {
                if self.is_stopped(direction, position) {
                    self.check_held(direction, position);
                    return;
                }
                continue;
            };
            let size = length(self.data.borrow_mut().filter(direction, position).body.len());
            let outcome = context
                .slot
                .call(context.generation, |vm| vm.on_body(direction, context.id, size, end));
            let Some(action) = self.settle(position, direction, outcome) else { return };
            let Some(mut held) = self.after_body(direction, position, action, end) else {
                self.check_held(direction, position);
                return;
            };
            let answers = self.answers();
            if held.headers {
                self.headers(direction, step + 1);
                if self.answers() != answers {
                    return;
                }
            }
            (data, end) = (held.take_body(), held.end);
            if held.trailers {
                self.body(direction, step + 1, data, false);
                if self.answers() == answers {
                    self.trailers(direction, step + 1);
                }
                return;
            }
        }
        self.let_out(direction, data, end);
    }

    /// After a body callback: the part of the buffer to forward; `None` if the policy stops.
    fn after_body(
        &self,
        direction: Direction,
        position: usize,
        action: Action,
        mut end: bool,
    ) -> Option<FilterState> {
        let stream = &mut *self.data.borrow_mut();
        let overruled = stream.info.overruled;
        // Trailers that came would have had their own callback: these the policy added.
        let added =
            stream.direction(direction).trailers.as_ref().is_some_and(|map| !map.is_empty());
        let trailers = end && added;
        let filter = stream.filter(direction, position);
        if filter.iteration == Iteration::Ended {
            return None;
        }
        filter.phase = Phase::None;
        filter.trailers |= trailers;
        end &= !trailers;
        if action != Action::Continue && !overruled {
            filter.stop_body(action, end);
            self.state.borrow_mut().watermarked |= action == Action::StopAndWatermark;
            return None;
        }
        filter.end |= end;
        let joined = !filter.consumed_earlier.is_empty();
        let held = filter.release();
        stream.direction(direction).rewritten |= joined;
        Some(held)
    }

    /// Body bytes of a response that a policy sends on itself, to the policies after it.
    pub(super) fn inject(&self, position: usize, data: Vec<u8>, end: bool) {
        let direction = Direction::Response;
        let step = self.mirror(direction, position);
        let answers = self.answers();
        let headers = {
            let stream = &mut *self.data.borrow_mut();
            let filter = stream.filter(direction, position);
            // It is of a response that another one has replaced.
            if filter.iteration == Iteration::Ended {
                return;
            }
            stream.response.rewritten = true;
            let filter = stream.filter(direction, position);
            let headers = std::mem::take(&mut filter.headers);
            if end {
                filter.finish();
            }
            headers
        };
        if headers {
            self.headers(direction, step + 1);
        }
        if self.answers() == answers {
            self.body(direction, step + 1, data, end);
        }
    }

    /// Puts body bytes before a policy. `None`: it has no say, or it is stopped and keeps them.
    fn admit(
        &self,
        direction: Direction,
        position: usize,
        data: &mut Vec<u8>,
        end: bool,
    ) -> Option<FilterContext> {
        let context = self.context(position);
        let mut stream = self.data.borrow_mut();
        let filter = stream.filter(direction, position);
        if filter.iteration == Iteration::Ended {
            return None;
        }
        let shut = filter.is_shut();
        if context.is_none() && !shut {
            return None;
        }
        let joined = !filter.body.is_empty();
        if joined {
            filter.body.append(data);
        } else {
            filter.body = std::mem::take(data);
        }
        filter.end |= end && shut;
        filter.phase = match (shut, end) {
            (true, _) => Phase::None,
            (false, false) => Phase::Body,
            (false, true) => Phase::LastBody,
        };
        stream.direction(direction).rewritten |= joined || shut;
        context.filter(|_| !shut)
    }

    fn is_stopped(&self, direction: Direction, position: usize) -> bool {
        self.data.borrow_mut().filter(direction, position).iteration != Iteration::Continue
    }

    /// Checks the limit of a policy's buffer.
    fn check_held(&self, direction: Direction, position: usize) {
        let overflow = {
            let limit = self.state.borrow().chain.plugins()[position].core().spec.limits.body;
            let mut stream = self.data.borrow_mut();
            let filter = stream.filter(direction, position);
            let over = filter.waits() && !filter.watermark && filter.held() > limit;
            // A policy that saw a head is not given that of the refusal: it keeps that mark.
            over.then(|| filter.release()).is_some()
        };
        if overflow {
            let refusal = match direction {
                Direction::Request => HostResponse::RequestBody,
                Direction::Response => HostResponse::ResponseBody,
            };
            self.warn(position, "buffered more of a body than its limit `body` allows");
            self.replace(refusal.response());
        }
    }

    fn let_out(&self, direction: Direction, data: Vec<u8>, end: bool) {
        if self.is_over(direction) {
            return;
        }
        let rewritten = {
            let mut stream = self.data.borrow_mut();
            let direction_state = stream.direction(direction);
            direction_state.ended |= end;
            direction_state.rewritten
        };
        let mut state = self.state.borrow_mut();
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
            // A policy that buffers the body gets its end here: before trailers no
            // body callback has the end.
            let context = self.context(position);
            let Some(fields) = self.admit_trailers(direction, position, context.is_some()) else {
                return;
            };
            let Some(context) = context else { continue };
            let outcome = context
                .slot
                .call(context.generation, |vm| vm.on_trailers(direction, context.id, fields));
            let Some(action) = self.settle(position, direction, outcome) else { return };
            let Some(mut held) = self.after_trailers(direction, position, action) else { return };
            let answers = self.answers();
            if held.headers {
                self.headers(direction, step + 1);
            }
            let body = held.take_body();
            if !body.is_empty() && self.answers() == answers {
                self.body(direction, step + 1, body, false);
            }
            if self.answers() != answers {
                return;
            }
        }
        self.let_out_trailers(direction);
    }

    /// Puts trailers before a policy, and tells how many; `None`: it is stopped and keeps them.
    fn admit_trailers(&self, direction: Direction, position: usize, heard: bool) -> Option<u32> {
        let mut stream = self.data.borrow_mut();
        let filter = stream.filter(direction, position);
        if filter.is_shut() {
            filter.trailers = true;
            return None;
        }
        filter.phase = if heard { Phase::Trailers } else { Phase::None };
        Some(length(stream.direction(direction).trailers.as_ref().map_or(0, HeaderMap::len)))
    }

    /// After a trailers callback: the part of the buffer to forward; `None` if the policy stops.
    fn after_trailers(
        &self,
        direction: Direction,
        position: usize,
        action: Action,
    ) -> Option<FilterState> {
        let stream = &mut *self.data.borrow_mut();
        let overruled = stream.info.overruled;
        let filter = stream.filter(direction, position);
        filter.phase = Phase::None;
        if filter.iteration == Iteration::Ended {
            return None;
        }
        if action != Action::Continue && !overruled {
            filter.iteration = Iteration::StoppedTrailers;
            return None;
        }
        let held = filter.release();
        stream.direction(direction).rewritten |= held.held() > 0;
        Some(held)
    }

    fn let_out_trailers(&self, direction: Direction) {
        if self.is_over(direction) {
            return;
        }
        let trailers = {
            let mut stream = self.data.borrow_mut();
            let direction_state = stream.direction(direction);
            direction_state.ended = true;
            // They stay readable, for `proxy_on_log`.
            direction_state.trailers.clone()
        };
        let mut state = self.state.borrow_mut();
        let progress = state.progress(direction);
        progress.trailers = trailers;
        progress.end = true;
    }
}
