//! Responses that do not come from the upstream: a policy's own, and what failures answer.

use crate::abi::enums::Direction;
use crate::context::direction::FilterState;
use crate::stream::filters::{FilterChain, Turn, grpc};
use crate::stream::state::FilterContext;
use crate::types::effects::LocalResponse;
use crate::types::error::Error;
use crate::types::headers::HeaderMap;

impl FilterChain<'_> {
    /// A response of the layer above, unless there is one already that did not come from the
    /// upstream.
    pub(crate) fn answer(&self, response: LocalResponse) {
        if !self.state.borrow().is_answered() {
            self.replace(response);
        }
    }

    /// A response of the layer above after a timeout: policies see it and may change or
    /// replace it, but cannot pause it.
    pub(crate) fn overrule(&self, response: LocalResponse) {
        {
            let mut data = self.data.borrow_mut();
            data.info.overruled = !data.response.passed;
        }
        self.replace(response);
    }

    /// A response that does not come from the upstream, instead of every other one, as in Envoy the
    /// later one counts. It passes the policies that saw the request, in reverse, but for those that
    /// have seen the head of another response: each policy sees one. If a head was forwarded
    /// to the client, the connection is closed; false if that response is forwarded unchanged.
    pub(super) fn replace(&self, response: LocalResponse) -> bool {
        let called = self.data.borrow().is_grpc_call();
        let response = if called { grpc::answer(&response) } else { response };
        let (from, answers) = {
            let mut state = self.state.borrow_mut();
            let data = &mut *self.data.borrow_mut();
            if data.response.passed {
                let stays = data.info.overruled || data.response.ended;
                state.effects.reset |= !stays;
                return !stays;
            }
            state.answers += 1;
            data.response.begun = true;
            data.response.trailers = None;
            let seen = data.filters.iter().position(|filter| filter.response.seen);
            for filter in &mut data.filters {
                filter.request = FilterState::default();
                if filter.response.seen {
                    filter.response.finish();
                } else {
                    filter.response = FilterState::default();
                }
            }
            let mut headers = HeaderMap::with_capacity(response.headers.len() + 1, 256);
            headers.push(b":status", response.status.to_string().as_bytes());
            response.headers.iter().for_each(|(name, value)| headers.push(name, value));
            data.response.headers = headers;
            data.info.details = Some(response.details);
            data.response.changed = true;
            data.response.rewritten = true;
            data.response.headers_only = response.body.is_empty();
            // Responses pass in reverse, so the first one that has seen a head was the last to do so.
            let from = seen.map_or(0, |position| state.filters.len() - position);
            (from, state.answers)
        };
        self.headers(Direction::Response, from);
        if !response.body.is_empty() && self.state.borrow().answers == answers {
            self.body(Direction::Response, from, response.body, true);
        }
        true
    }

    /// The failure policy: open skips the policy, closed answers 503 without a body, as Envoy does.
    ///
    /// Forwards the other direction's buffer of a policy that failed open; the caller continues in `direction`.
    pub(super) fn failed(&self, position: usize, direction: Direction, error: &Error) -> Turn {
        let open = self.leave_out(position, error);
        if open {
            self.proceed(direction.other(), position);
            return Turn::Next;
        }
        if self.replace(HostResponse::Failed.response()) { Turn::Stopped } else { Turn::Next }
    }

    /// Skips a policy that failed from now on; whether its failure policy is open.
    fn leave_out(&self, position: usize, error: &Error) -> bool {
        if matches!(
            error,
            Error::InstanceGone | Error::TooManyTenants { .. } | Error::TenantKey { .. }
        ) {
            self.warn(position, &error.to_string());
        }
        let mut state = self.state.borrow_mut();
        let filter = &mut state.filters[position];
        filter.context = None;
        filter.skipped = true;
        self.data.borrow_mut().pending_actions.retain(|(who, _)| *who != position);
        state.chain.plugins()[position].core().spec.fail_open
    }

    /// The policies whose instance crashed on another stream get their failure policy, if this
    /// stream waits for them.
    pub(crate) fn fail_abandoned(&self) {
        for position in 0..self.count() {
            let waits = {
                let state = self.state.borrow();
                let filter = &state.filters[position];
                let gone = |context: &FilterContext| !context.slot.serves(context.generation);
                let states = &self.data.borrow().filters[position];
                let held = [&states.request, &states.response].map(FilterState::waits);
                filter.context.as_ref().is_some_and(gone) && held != [false; 2]
            };
            if !waits {
                continue;
            }
            let open = self.leave_out(position, &Error::InstanceGone);
            if !open && self.replace(HostResponse::Failed.response()) {
                return;
            }
            self.proceed(Direction::Request, position);
            self.proceed(Direction::Response, position);
        }
    }
}

/// An answer of the host itself, as Envoy words it: nothing of the request is in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostResponse {
    /// A policy has failed.
    Failed,
    /// A policy buffers more of the request's body than its limit.
    RequestBody,
    /// The same of the response.
    ResponseBody,
    /// The request has more fields, or larger ones, than a policy may be given.
    RequestHeaders,
    /// A policy changed the request's head into an invalid one.
    InvalidRequest,
}

impl HostResponse {
    pub(crate) fn response(self) -> LocalResponse {
        let (status, text, details) = match self {
            Self::Failed => (503, "", "wasm_fail_stream"),
            Self::RequestBody => (413, "Payload Too Large", "request_payload_too_large"),
            Self::ResponseBody => (500, "Internal Server Error", "response_payload_too_large"),
            Self::RequestHeaders => (431, "", "request_headers_too_large"),
            Self::InvalidRequest => (500, "Internal Server Error", "invalid_request_of_a_policy"),
        };
        let mut headers = HeaderMap::new();
        if !text.is_empty() {
            headers.push(b"content-type", b"text/plain");
        }
        LocalResponse { status, headers, body: text.into(), details: details.into() }
    }
}
