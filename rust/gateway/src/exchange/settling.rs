//! What a step of the policies means for the request and for the response.

use std::sync::Arc;

use wasmgate_host::{Effects, Error, Head, Progress};

use crate::exchange::dispatch::Undispatched;
use crate::exchange::response_flow::Stage;
use crate::exchange::{Exchange, POLICY, WRONG_LENGTH};
use crate::http::body_length::{Count, going_on};
use crate::http::framing::BodyFraming;

impl Exchange {
    /// Follows the effects of a step; `request` and `response` are the lengths of the chunks that
    /// came in with it.
    pub(super) fn settle(
        &mut self,
        mut effects: Effects,
        request: usize,
        response: usize,
    ) -> Result<Effects, Error> {
        if let Err(undispatched) = self.settle_request(&mut effects.request, request) {
            effects.request = Progress::default();
            let answered = match undispatched {
                Undispatched::Refused(problem) => self.answer(problem)?,
                Undispatched::Answered(answer) => self.respond(*answer)?,
            };
            return Ok(joined(effects, answered));
        }
        let cut = effects.reset.then_some(POLICY);
        self.settle_response(&mut effects, response);
        if effects.reset {
            self.fault.get_or_insert_with(|| cut.unwrap_or(WRONG_LENGTH.detail).into());
        }
        Ok(effects)
    }

    /// Follows the effects on the response. The route changes its head when that goes to the client.
    pub(super) fn settle_response(&mut self, effects: &mut Effects, chunk: usize) {
        let was_held = self.response.stage == Stage::Held;
        self.response.settle(effects, chunk, &self.stream);
        if was_held && self.response.stage != Stage::Held {
            self.change_response(effects);
        }
    }

    #[inline]
    fn change_response(&mut self, effects: &mut Effects) {
        let Some(route) = self.route.map(|route| self.router.route(route)) else { return };
        if !route.changes_responses() {
            return;
        }
        let cluster = self.upstream.as_ref().map(|its| self.router.clusters()[its.cluster].name());
        let cluster = cluster.map_or("", |name| &**name);
        let client = self.client.as_deref();
        let changed = self.stream.with_response_headers(|response| {
            self.stream.with_request_headers(|request| {
                route.change_response(response, request, client, cluster)
            })
        });
        if let Some(changed) = changed {
            self.response.replace_head(changed, &mut effects.response);
        }
    }

    fn settle_request(
        &mut self,
        progress: &mut Progress,
        chunk: usize,
    ) -> Result<(), Undispatched> {
        let length = going_on(progress, chunk);
        if progress.head != Head::Held {
            let upstream = self.dispatch(progress, length)?;
            self.sent = Count::of(match upstream.framing {
                BodyFraming::Empty => Some(0),
                BodyFraming::Length(length) => Some(length),
                BodyFraming::Chunked => None,
            });
            self.upstream = Some(Arc::new(upstream));
            progress.head = Head::Unchanged;
        }
        if self.sent.add(length, progress.end) { Ok(()) } else { Err(WRONG_LENGTH.into()) }
    }
}

/// The effects of two steps as those of one.
fn joined(mut first: Effects, mut second: Effects) -> Effects {
    first.note(&mut second);
    let reset = first.reset || second.reset;
    Effects { reset, request: second.request, response: second.response, ..first }
}
