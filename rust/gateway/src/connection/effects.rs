//! What the exchange asks, performed: heads and bodies written, exchanges ended and begun.

use wasmgate_host::{Body, Effects, Head, Pressure};

use crate::connection::body_reader::BodyReader;
use crate::connection::output::Chunk;
use crate::connection::writer::{BodyWriter, response_head, status};
use crate::connection::{Connection, State, Step, Upstream, replay};
use crate::exchange::Exchange;
use crate::exchange::failure::Failure;
use crate::http::framing::BodyFraming;

/// What came in with a step of the exchange; `last` ends its direction.
#[derive(Clone, Copy)]
pub(super) enum Came<'a> {
    Request(Chunk<'a>, bool),
    Response(Chunk<'a>, bool),
    Nothing,
}

impl Connection {
    /// Performs the effects of the exchange.
    pub(super) fn follow(
        &mut self,
        effects: Option<Result<Effects, wasmgate_host::Error>>,
        came: Came<'_>,
        step: &mut Step,
    ) {
        // A connection lives on one thread, so its exchanges cannot be on another.
        let Some(Ok(mut effects)) = effects else { return };
        step.note(&mut effects);
        let Effects { request, response, reset, pressure, .. } = effects;
        if pressure.changed {
            self.pressure = pressure;
            step.pressure = true;
        }
        if let Some(what) = self.exchange.as_mut().and_then(Exchange::take_fault) {
            self.blame(&what, step);
        }
        if reset {
            step.reset = true;
            return;
        }
        let (Came::Request(chunk, _) | Came::Response(chunk, _)) = came else {
            return self.go_on(&request, &response, Chunk::default(), step);
        };
        self.go_on(&request, &response, chunk, step);
        // Whatever a policy keeps back, it may let go while nothing else happens.
        let withheld = |body: &Body| matches!(body, Body::Nothing) && !chunk.bytes.is_empty();
        self.withheld |= match came {
            Came::Request(_, last) => {
                !self.dialled || withheld(&request.body) || last && !self.request_sent
            }
            Came::Response(_, last) => {
                !self.response_begun || withheld(&response.body) || last && !self.response_sent
            }
            Came::Nothing => false,
        };
    }

    fn go_on(
        &mut self,
        request: &wasmgate_host::Progress,
        response: &wasmgate_host::Progress,
        chunk: Chunk<'_>,
        step: &mut Step,
    ) {
        if request.head != Head::Held {
            self.dial(step);
        }
        if self.replay.is_some() {
            self.keep(request, chunk);
        }
        self.to_upstream.data(&mut step.upstream, &request.body, chunk);
        if request.end {
            self.to_upstream.end(step.upstream.own(), request.trailers.as_ref());
            self.request_sent = true;
        }
        if response.head != Head::Held {
            self.begin_response(step);
        }
        self.to_client.data(&mut step.client, &response.body, chunk);
        if response.end {
            self.to_client.end(step.client.own(), response.trailers.as_ref());
            self.response_sent = true;
        }
    }

    /// The request's head goes on.
    pub(super) fn dial(&mut self, step: &mut Step) {
        let Some(request) = self.exchange.as_ref().and_then(Exchange::upstream) else { return };
        step.dial = Some((request.cluster, request.endpoint));
        step.timed |= request.timeout != self.timeout;
        step.upstream.begin(request);
        self.to_upstream = match request.framing {
            BodyFraming::Chunked => BodyWriter::Chunked,
            BodyFraming::Empty | BodyFraming::Length(_) => BodyWriter::Plain,
        };
        self.dialled = true;
        self.replay = replay::begun(request);
        self.upstream = Upstream { there: true, ..Upstream::default() };
    }

    fn begin_response(&mut self, step: &mut Step) {
        let Some(exchange) = &self.exchange else { return };
        // The rest of a request that was answered early is not worth reading.
        self.keep_alive &= self.request_body == BodyReader::Done;
        let (head_only, newer, routed) = (self.head_only, self.newer, exchange.is_routed());
        let (keep_alive, request_body) = (&mut self.keep_alive, &mut self.request_body);
        let out = step.client.own();
        let (access, accesses) = (&mut self.access, &mut step.accesses);
        (self.to_client, self.delimited) = exchange.with_response(|map, flow| {
            let status = status(map);
            // Who breaks the rules of HTTP may mean something else by what follows, too.
            if !(routed || status == b"404" || status == b"200") {
                (*keep_alive, *request_body) = (false, BodyReader::Unread);
            }
            accesses.extend(access.take().map(|access| access.answered(status)));
            let bodiless = head_only || status == b"204" || status == b"304";
            let (writer, length) = response_head(out, map, flow, bodiless, newer, keep_alive);
            (writer, bodiless || newer || length)
        });
        self.response_begun = true;
    }

    /// The upstream failed, for a reason that is said in the log.
    pub(super) fn failed(&mut self, failure: Failure, what: &str, step: &mut Step) {
        if failure == Failure::Protocol || self.response_begun {
            self.blame(what, step);
        }
        self.drop_upstream(step);
        let effects = self.exchange.as_mut().map(|exchange| {
            let effects = exchange.failed(failure);
            exchange.take_fault(); // it was said
            effects
        });
        self.answer(effects, step);
    }

    /// Performs the effects of an answer of the gateway; policies may hold it, too.
    pub(super) fn answer(
        &mut self,
        effects: Option<Result<Effects, wasmgate_host::Error>>,
        step: &mut Step,
    ) {
        self.follow(effects, Came::Nothing, step);
        self.withheld |= !self.response_sent;
    }

    /// After every step: a finished exchange is ended and the next one begun; else says whether a
    /// policy is waited for.
    pub(super) fn settle(&mut self, step: &mut Step) {
        while self.exchange.is_some() && (self.response_sent || step.reset) {
            self.end_exchange(step);
            if step.reset || !self.keep_alive {
                // A response whose framing says that it is not whole can be sent as far as it came.
                step.reset &= !self.delimited;
                step.close = true;
                step.linger = self.request_body != BodyReader::Done || !self.input.is_empty();
                self.state = State::Over;
                self.input = Vec::new();
                return;
            }
            self.read_on(step);
        }
        step.waits = self.withheld && self.exchange.is_some();
    }

    pub(super) fn drop_upstream(&mut self, step: &mut Step) {
        if std::mem::take(&mut self.upstream).there {
            step.drop_upstream();
        }
    }

    pub(super) fn end_exchange(&mut self, step: &mut Step) {
        let Some(mut exchange) = self.exchange.take() else { return };
        // Released already when its response was whole; here it is in the middle of something.
        self.drop_upstream(step);
        step.ended = true;
        step.pressure |= self.pressure.request || self.pressure.response;
        self.pressure = Pressure::default();
        if let Ok(mut effects) = exchange.close() {
            step.note(&mut effects);
        }
    }
}
