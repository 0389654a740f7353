//! One request and its response: reading, routing, policies, the upstream, and the way back.
//!
//! The caller carries the bytes and performs the effects; both forms of the gateway use
//! this type. The route is selected by the request of the client: a policy that changes the path or
//! the authority changes the forwarded request, not the route. If a policy requests it
//! (`clear_route_cache`), the route is selected again when the head is forwarded; the policies stay those
//! of the first.

mod dispatch;
pub(crate) mod failure;
mod opening;
pub(crate) mod request_head;
pub(crate) mod response_flow;
pub(crate) mod response_head;
mod settling;
pub(crate) mod upstream_head;

#[cfg(test)]
mod request_head_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use wasmgate_host::{Effects, Error, HeaderMap, LocalResponse, Stream};

use crate::cluster::endpoint::InFlight;
use crate::exchange::failure::Failure;
use crate::exchange::request_head::LARGE_BODY;
use crate::exchange::response_flow::{ResponseFlow, Stage};
use crate::exchange::response_head::ResponseReader;
use crate::exchange::upstream_head::UpstreamRequest;
use crate::http::body_length::Count;
use crate::http::fields::may_trail;
use crate::http::framing::Framing;
use crate::http::problem::Problem;
use crate::routing::router::Router;
use crate::websocket::limits::WebSocketLimits;

const NO_ROUTE: Problem = Problem::new(404, "no route is for this request");
const WRONG_LENGTH: Problem =
    Problem::new(500, "a policy changed the length of the body after it was announced");

/// For the log: why a response that had begun was not sent to its end.
const POLICY: &str = "a policy failed, or gave an answer, in the middle of it";

/// One request and its response.
///
/// The effects are those of [`Stream`], except `request.head`: when the head is forwarded, it is
/// `Unchanged`, and [`Exchange::upstream`] has the whole head.
#[allow(clippy::struct_excessive_bools, reason = "each is known at a time of its own")]
pub struct Exchange {
    router: Arc<Router>,
    /// None if the request was refused before it had one.
    route: Option<usize>,
    stream: Stream,
    upstream: Option<Arc<UpstreamRequest>>,
    /// Counts it among the requests in flight to its endpoint, if they are counted.
    in_flight: Option<InFlight>,
    /// The client's address, if a route may depend on it.
    client: Option<Arc<str>>,
    framing: Framing,
    /// The client announced a body, if maybe an empty one.
    announced: bool,
    body_follows: bool,
    /// It is the handshake of a WebSocket.
    handshake: bool,
    /// Bytes of the body that came from the client.
    received: u64,
    /// Bytes of the body that were forwarded.
    sent: Count,
    /// The gateway has responded; later bytes of client and upstream are ignored.
    answered: bool,
    response: ResponseFlow,
    /// What was wrong with the upstream's head, or why the response was cut, for the log.
    fault: Option<String>,
}

impl Exchange {
    fn new(router: &Arc<Router>, route: Option<usize>, stream: Stream, head_only: bool) -> Self {
        Self {
            router: router.clone(),
            route,
            stream,
            upstream: None,
            in_flight: None,
            client: None,
            framing: Framing::default(),
            announced: false,
            body_follows: false,
            handshake: false,
            received: 0,
            sent: Count::default(),
            answered: false,
            response: ResponseFlow::new(head_only),
            fault: None,
        }
    }

    /// Names the exchange's stream among those of its thread.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.stream.id()
    }

    /// The router that the exchange was opened with.
    #[must_use]
    pub fn router(&self) -> &Arc<Router> {
        &self.router
    }

    /// True if the request has a body to come; false also for a request that was refused.
    #[must_use]
    pub fn body_follows(&self) -> bool {
        self.body_follows
    }

    /// How the request's body is delimited, as its fields say.
    pub(crate) fn framing(&self) -> Framing {
        self.framing
    }

    /// False for a request that was refused before it had a route.
    pub(crate) fn is_routed(&self) -> bool {
        self.route.is_some()
    }

    /// True if the request is the handshake of a WebSocket.
    #[must_use]
    pub fn is_handshake(&self) -> bool {
        self.handshake
    }

    /// The bounds of the WebSocket connection, once the handshake has succeeded.
    #[must_use]
    pub fn websocket(&self) -> Option<WebSocketLimits> {
        let switched = self.response.switches && self.response.stage != Stage::Held;
        self.websocket_limits().filter(|_| switched)
    }

    /// The bounds of WebSocket connections of the current route.
    #[must_use]
    pub fn websocket_limits(&self) -> Option<WebSocketLimits> {
        self.route.map(|route| self.router.route(route).websocket)
    }

    /// The time from the request's head to the last byte of the response, or to the end of the
    /// handshake, of the current route.
    #[must_use]
    pub fn timeout(&self) -> Option<Duration> {
        if self.websocket().is_some() {
            return None;
        }
        match &self.upstream {
            Some(upstream) => upstream.timeout,
            None => self.router.route(self.route?).timeout,
        }
    }

    /// The request for the upstream, from the step in which its head is forwarded.
    #[must_use]
    pub fn upstream(&self) -> Option<&Arc<UpstreamRequest>> {
        self.upstream.as_ref()
    }

    /// A chunk of the request's body.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_request_body(&mut self, chunk: &[u8], end: bool) -> Result<Effects, Error> {
        if self.answered {
            return Ok(Effects::default());
        }
        self.received += chunk.len() as u64;
        if self.router.limits.body.is_some_and(|limit| self.received > limit) {
            return self.answer(LARGE_BODY);
        }
        let effects = self.stream.on_request_body(chunk, end)?;
        self.settle(effects, chunk.len(), 0)
    }

    /// The trailers of the request; they end it. Those that have no place there are left out.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_request_trailers(&mut self, mut trailers: HeaderMap) -> Result<Effects, Error> {
        trailers.retain(may_trail);
        if trailers.is_empty() || self.answered {
            return self.on_request_body(&[], true);
        }
        let effects = self.stream.on_request_trailers(trailers)?;
        self.settle(effects, 0, 0)
    }

    /// The head of the upstream's response. An interim one (1xx) goes no further and asks nothing;
    /// one that breaks a rule of HTTP is answered 502.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_response_headers(
        &mut self,
        reader: ResponseReader,
        end: bool,
    ) -> Result<Effects, Error> {
        let interim = (100..200).contains(&reader.status()) && reader.status() != 101;
        if interim || self.answered || self.response.stage != Stage::Held {
            return Ok(Effects::default());
        }
        let asked = self.upstream.as_ref().and_then(|request| request.accept.as_deref());
        let finished = match asked.filter(|_| reader.status() == 101) {
            Some(accept) => reader.finish_handshake(accept).map(|map| (map, true, true)),
            None => reader.finish().map(|(map, stripped)| (map, stripped, false)),
        };
        let (map, stripped, switches) = match finished {
            Ok(head) => head,
            Err(wrong) => {
                self.fault = Some(wrong);
                return self.failed(Failure::Protocol);
            }
        };
        (self.response.stripped, self.response.switches) = (stripped, switches);
        let effects = self.stream.on_response_headers(map, end)?;
        self.settle(effects, 0, 0)
    }

    /// A chunk of the response's body.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_response_body(&mut self, chunk: &[u8], end: bool) -> Result<Effects, Error> {
        if self.answered {
            return Ok(Effects::default());
        }
        let effects = self.stream.on_response_body(chunk, end)?;
        self.settle(effects, 0, chunk.len())
    }

    /// The response's trailers; they end it. Those that have no place there are left out.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn on_response_trailers(&mut self, mut trailers: HeaderMap) -> Result<Effects, Error> {
        trailers.retain(may_trail);
        if trailers.is_empty() || self.answered {
            return self.on_response_body(&[], true);
        }
        let effects = self.stream.on_response_trailers(trailers)?;
        self.settle(effects, 0, 0)
    }

    /// The upstream failed: the response is 502, 503 or 504. If the response has begun,
    /// the connection is closed (`reset`). After the timeout of the route no
    /// policy can pause the response: the step has all of it.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn failed(&mut self, failure: Failure) -> Result<Effects, Error> {
        self.note_cut(failure.problem());
        self.answer_with(failure.response(), failure == Failure::RouteTimeout)
    }

    /// What was wrong with the upstream's head, or why the response was cut, for the log: once.
    pub fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    fn note_cut(&mut self, problem: Problem) {
        if self.response.stage != Stage::Held && !self.answered {
            self.fault.get_or_insert_with(|| problem.detail.into());
        }
    }

    /// A response of the caller; otherwise like [`Exchange::failed`].
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn respond(&mut self, response: LocalResponse) -> Result<Effects, Error> {
        self.answer_with(response, false)
    }

    fn answer_with(&mut self, response: LocalResponse, now: bool) -> Result<Effects, Error> {
        if self.response.stage != Stage::Held {
            let reset = self.response.stage == Stage::Begun;
            return Ok(Effects { reset, ..Effects::default() });
        }
        let stream = &mut self.stream;
        let mut effects = if now { stream.overrule(response) } else { stream.respond(response) }?;
        // Not before: a step that comes to nothing leaves the exchange as it was.
        self.answered = true;
        self.settle_response(&mut effects, 0);
        Ok(effects)
    }

    fn answer(&mut self, problem: Problem) -> Result<Effects, Error> {
        self.note_cut(problem);
        self.respond(problem.response())
    }

    /// Performs what callbacks outside of this exchange's stream requested for it ([`Effects::wake`]).
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn resume(&mut self) -> Result<Effects, Error> {
        let effects = self.stream.resume()?;
        self.settle(effects, 0, 0)
    }

    /// Ends the exchange in any phase. A second call does nothing.
    ///
    /// # Errors
    /// [`Error::WrongThread`].
    pub fn close(&mut self) -> Result<Effects, Error> {
        self.in_flight = None;
        self.stream.close()
    }

    /// Works on the request's head as the policies left it: `:method`, `:scheme`, `:authority`,
    /// `:path`, then the fields.
    pub fn with_request_headers<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        self.stream.with_request_headers(work)
    }

    /// Works on the response's head as the client gets it: `:status`, then the fields.
    pub fn with_response_headers<R>(&self, work: impl FnOnce(&HeaderMap) -> R) -> R {
        self.with_response(|map, response| work(&response.for_client(map)))
    }

    /// Works on the response's head as the policies left it, and what of it the client gets.
    pub(crate) fn with_response<R>(&self, work: impl FnOnce(&HeaderMap, &ResponseFlow) -> R) -> R {
        let response = &self.response;
        self.stream.with_response_headers(|map| work(response.head(map), response))
    }
}
