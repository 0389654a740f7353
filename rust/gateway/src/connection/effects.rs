//! The effects of the exchange, performed: heads and bodies are written.

use wasmgate_host::{Body, Effects, Error, Head, Pressure, Progress};

use crate::connection::Step;
use crate::connection::body_reader::BodyReader;
use crate::connection::in_flight::{InFlight, ResponseProgress};
use crate::connection::output::Chunk;
use crate::connection::upstream_connection::UpstreamConnection;
use crate::connection::writer::{response_head, status};
use crate::exchange::failure::Failure;
use crate::http::problem::Problem;
use crate::http::version::Version;

/// Why an exchange fails whose request has another length than its head said: the upstream would read
/// what follows as a request of its own.
const WRONG_LENGTH: &str = "the body of the request is not as long as its head says";

/// What came in with a step of the exchange; `last` ends its direction.
#[derive(Clone, Copy)]
pub(super) enum Received<'a> {
    Request(Chunk<'a>, bool),
    Response(Chunk<'a>, bool),
    Nothing,
}

impl InFlight {
    /// Performs the effects of the exchange.
    pub(super) fn follow(
        &mut self,
        effects: Result<Effects, Error>,
        received: Received<'_>,
        step: &mut Step,
    ) {
        // A connection lives on one thread, so its exchanges cannot be on another.
        let Ok(mut effects) = effects else { return };
        step.note(&mut effects);
        let Effects { request, response, reset, pressure, .. } = effects;
        if pressure.changed {
            self.pressure = pressure;
            step.pressure = true;
        }
        if let Some(fault) = self.exchange.take_fault() {
            self.report_fault(&fault, step);
        }
        if reset {
            step.reset = true;
            return;
        }
        let (Received::Request(chunk, _) | Received::Response(chunk, _)) = received else {
            return self.advance(&request, &response, Chunk::default(), step);
        };
        self.advance(&request, &response, chunk, step);
        // What a policy holds back can go on while nothing else happens. Three cases for a direction:
        // 1. its head is held; 2. the bytes that came are held; 3. its end came and is held.
        let withheld = |body: &Body| matches!(body, Body::Nothing) && !chunk.bytes.is_empty();
        self.withheld |= match received {
            Received::Request(_, last) => {
                self.upstream.is_held()
                    || last && !self.upstream.is_sent()
                    || withheld(&request.body)
            }
            Received::Response(_, last) => match self.response {
                ResponseProgress::Held => true,
                ResponseProgress::Body { .. } => last || withheld(&response.body),
                ResponseProgress::Switched => false,
                ResponseProgress::Sent => withheld(&response.body),
            },
            Received::Nothing => false,
        };
    }

    /// Writes what goes on in both directions.
    fn advance(
        &mut self,
        request: &Progress,
        response: &Progress,
        chunk: Chunk<'_>,
        step: &mut Step,
    ) {
        if request.head != Head::Held {
            self.dial(step);
        }
        let Progress { body, end, trailers, .. } = request;
        let written = self.upstream.write(&mut step.upstream, body, chunk, *end, trailers.as_ref());
        if written.is_err() {
            return self.failed(Failure::Protocol, WRONG_LENGTH, step);
        }
        if response.head != Head::Held {
            self.begin_response(step);
        }
        let writer = self.response.writer();
        writer.data(&mut step.client, &response.body, chunk);
        if response.end && self.tunnel.is_none() {
            writer.end(step.client.own(), response.trailers.as_ref());
            self.response = ResponseProgress::Sent;
        }
    }

    /// Sends the request's head, for which an upstream connection is asked.
    fn dial(&mut self, step: &mut Step) {
        let Some(request) = self.exchange.upstream() else { return };
        step.dial = Some((request.cluster, request.endpoint));
        step.timed |= request.timeout != self.timeout;
        step.upstream.begin(request);
        self.upstream = UpstreamConnection::new(request.method(), request.framing);
    }

    /// Sends the response's head.
    fn begin_response(&mut self, step: &mut Step) {
        if let Some(limits) = self.exchange.websocket() {
            return self.switch(limits, step);
        }
        // The rest of a request that was answered early is not read.
        self.keep_alive &= self.request_body == BodyReader::Done;
        let (newer, routed) = (self.version == Version::Http11, self.exchange.is_routed());
        let (keep_alive, request_body) = (&mut self.keep_alive, &mut self.request_body);
        let out = step.client.own();
        let (access, accesses) = (&mut self.access, &mut step.accesses);
        self.response = self.exchange.with_response(|map, flow| {
            let status = status(map);
            // A client that breaks the rules of HTTP may mean something else by what follows, too.
            if !(routed || status == b"404" || status == b"200") {
                (*keep_alive, *request_body) = (false, BodyReader::Unread);
            }
            accesses.extend(access.take().map(|access| access.answered(status)));
            let bodiless = flow.is_head_only() || status == b"204" || status == b"304";
            let (writer, length) = response_head(out, map, flow, bodiless, newer, keep_alive);
            ResponseProgress::Body { writer, delimited: bodiless || newer || length }
        });
    }

    /// The upstream failed; `reason` is for the log.
    pub(super) fn failed(&mut self, failure: Failure, reason: &str, step: &mut Step) {
        if failure == Failure::Protocol || self.response.has_begun() {
            self.report_fault(reason, step);
        }
        self.drop_upstream(step);
        let effects = self.exchange.failed(failure);
        // The reason is in the log already.
        self.exchange.take_fault();
        self.answer(effects, step);
    }

    /// Nothing more of the request can be read, for this reason.
    pub(super) fn give_up(&mut self, problem: Problem, step: &mut Step) {
        self.drop_upstream(step);
        self.keep_alive = false;
        if self.response.has_begun() {
            step.reset = true;
            return;
        }
        let effects = self.exchange.respond(problem.response());
        self.answer(effects, step);
    }

    /// Performs the effects of an answer of the gateway; policies may hold it, too.
    fn answer(&mut self, effects: Result<Effects, Error>, step: &mut Step) {
        self.follow(effects, Received::Nothing, step);
        self.withheld |= !self.is_answered();
    }

    /// Closes the upstream connection, if there is one.
    pub(super) fn drop_upstream(&mut self, step: &mut Step) {
        if self.upstream.abandon() {
            step.drop_upstream();
        }
    }

    /// Ends the exchange, however far it got.
    pub(super) fn end(&mut self, step: &mut Step) {
        if let Some(tunnel) = &self.tunnel {
            step.part = self.upstream.abandon();
            let access = self.access.take();
            step.accesses.extend(access.map(|access| access.of_websocket(tunnel.bytes())));
        }
        // It was given back when the response was whole; here it is in the middle of something.
        self.drop_upstream(step);
        step.ended = true;
        step.pressure |= self.pressure.request || self.pressure.response;
        self.pressure = Pressure::default();
        if let Ok(mut effects) = self.exchange.close() {
            step.note(&mut effects);
        }
    }
}
