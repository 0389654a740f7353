//! One HTTP/1.1 connection of a client, without I/O: bytes and events in, a [`Step`] out.
//!
//! It owns its exchanges, one at a time; requests that the client pipelines wait for their turn.
//! The bytes of client and upstream may be cut anywhere: any split gives the same result.

mod body_reader;
mod downstream;
mod head;
mod step;
mod upstream;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use wasmgate_host::{Body, Effects, Head};

use crate::upstream_head::BodyFraming;
use crate::{Exchange, Failure, Router};
use body_reader::BodyReader;
pub use step::Step;
use writer::{BodyWriter, response_head};

/// Bytes that a client may send ahead of its turn.
pub const PIPELINED: usize = 64 << 10;

/// One client and its exchanges.
pub struct Connection {
    router: Arc<Router>,
    ends: Ends,
    /// Bytes of the client that were not read yet.
    input: Vec<u8>,
    state: State,
    exchange: Option<Exchange>,
    /// The client wants to send another request on this connection.
    keep_alive: bool,
    /// The server is about to stop.
    draining: bool,
    /// The client speaks HTTP/1.1, not 1.0.
    newer: bool,
    /// The client waits for 100 (Continue) before it sends the body.
    expects: bool,
    /// The request's method is HEAD.
    head_only: bool,
    request_body: BodyReader,
    to_upstream: BodyWriter,
    to_client: BodyWriter,
    /// The upstream has the whole request.
    request_sent: bool,
    /// The client has the whole response.
    response_sent: bool,
    /// Something of the response has gone to the client.
    response_begun: bool,
    upstream: Upstream,
}

/// The two ends of the client's connection.
pub struct Ends {
    /// The client's host and port.
    pub peer: Option<(String, u16)>,
    /// The server's host and port.
    pub server: Option<(String, u16)>,
    /// True over TLS.
    pub secure: bool,
}

/// What the client's next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The head of a request.
    Head,
    /// The body of the exchange's request.
    Body,
    /// The next request, whose turn has not come.
    Next,
    /// Nothing: the connection is over.
    Over,
}

/// The upstream's side of the exchange.
#[derive(Default)]
struct Upstream {
    /// One was asked for, and not given back.
    there: bool,
    /// Bytes of its head that were not read yet.
    input: Vec<u8>,
    /// How much of its response is to come; none before its head.
    body: Option<BodyReader>,
    /// It sent something for this exchange.
    answered: bool,
    keep_alive: bool,
}

impl Connection {
    /// A connection that nothing came from yet.
    #[must_use]
    pub fn new(router: Arc<Router>, ends: Ends) -> Self {
        Self {
            router,
            ends,
            input: Vec::new(),
            state: State::Head,
            exchange: None,
            keep_alive: true,
            draining: false,
            newer: true,
            expects: false,
            head_only: false,
            request_body: BodyReader::Done,
            to_upstream: BodyWriter::Plain,
            to_client: BodyWriter::Plain,
            request_sent: false,
            response_sent: false,
            response_begun: false,
            upstream: Upstream::default(),
        }
    }

    /// The router for the exchanges that begin from now on.
    pub fn set_router(&mut self, router: Arc<Router>) {
        self.router = router;
    }

    /// The exchange under way.
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_ref()
    }

    /// True between two exchanges with nothing read of the next one.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.exchange.is_none() && self.input.is_empty() && self.state == State::Head
    }

    /// True while the client has sent more ahead of its turn than may wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.state == State::Next && self.input.len() > PIPELINED
    }

    /// What was not read, for whoever takes the connection over.
    pub fn take_unread(&mut self) -> Vec<u8> {
        self.state = State::Over;
        std::mem::take(&mut self.input)
    }

    /// Goes on with what a policy held back (see [`Step::waits`]).
    pub fn resume(&mut self) -> Step {
        let mut step = Step::default();
        let effects = self.exchange.as_mut().map(Exchange::resume);
        self.follow(effects, &[], &mut step);
        self.settle(&mut step);
        step
    }

    /// The upstream could not be reached, or took too long. Before anything of its response went to
    /// the client this is answered, afterwards the connection is cut.
    pub fn fail(&mut self, failure: Failure) -> Step {
        let mut step = Step::default();
        self.failed(failure, &mut step);
        self.settle(&mut step);
        step
    }

    fn failed(&mut self, failure: Failure, step: &mut Step) {
        step.abandon |= std::mem::take(&mut self.upstream).there;
        let effects = self.exchange.as_mut().map(|exchange| exchange.failed(failure));
        self.follow(effects, &[], step);
    }

    /// No further exchange begins once the one under way has ended.
    pub fn drain(&mut self) {
        self.draining = true;
        self.keep_alive = false;
    }

    /// The client is gone, or its time is up: ends the exchange under way.
    pub fn close(&mut self) -> Step {
        let mut step = Step::default();
        self.state = State::Over;
        self.input = Vec::new();
        self.end_exchange(&mut step);
        step
    }

    /// Performs the effects of the exchange; `chunk` is what came in with the step.
    fn follow(
        &mut self,
        effects: Option<Result<Effects, wasmgate_host::Error>>,
        chunk: &[u8],
        step: &mut Step,
    ) {
        // A connection lives on one thread, so its exchanges cannot be on another.
        let Some(Ok(effects)) = effects else { return };
        let Effects { request, response, reset, wake, logs, timers } = effects;
        step.wake.extend(wake);
        step.logs.extend(logs);
        step.timers |= timers;
        if reset {
            step.reset = true;
            return;
        }
        if request.head != Head::Held {
            self.dial(step);
        }
        self.to_upstream.data(&mut step.upstream, bytes(&request.body, chunk));
        if request.end {
            self.to_upstream.end(&mut step.upstream, None);
            self.request_sent = true;
        }
        if response.head != Head::Held {
            self.begin_response(step);
        }
        self.to_client.data(&mut step.client, bytes(&response.body, chunk));
        if response.end {
            self.to_client.end(&mut step.client, response.trailers.as_ref());
            self.response_sent = true;
        }
    }

    /// The request's head goes on.
    fn dial(&mut self, step: &mut Step) {
        let Some(request) = self.exchange.as_ref().and_then(Exchange::upstream) else { return };
        step.dial = Some((request.cluster, request.endpoint));
        step.upstream.extend_from_slice(request.head());
        self.to_upstream = match request.framing {
            BodyFraming::Chunked => BodyWriter::Chunked,
            BodyFraming::Empty | BodyFraming::Length(_) => BodyWriter::Plain,
        };
        self.upstream = Upstream { there: true, ..Upstream::default() };
        if self.expects && self.request_body != BodyReader::Done {
            step.client.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    fn begin_response(&mut self, step: &mut Step) {
        let Some(exchange) = &self.exchange else { return };
        // The rest of a request that was answered early is not worth reading.
        self.keep_alive &= self.request_body == BodyReader::Done;
        let (head_only, newer) = (self.head_only, self.newer);
        let keep_alive = &mut self.keep_alive;
        let out = &mut step.client;
        self.to_client = exchange.with_response_headers(|map| {
            let status = map.get(b":status").unwrap_or_default();
            let bodiless = head_only || status == b"204" || status == b"304";
            response_head(out, map, bodiless, newer, keep_alive)
        });
        self.response_begun = true;
    }

    /// After every step: a finished exchange is ended and the next one begun; else says whether a
    /// policy is waited for.
    fn settle(&mut self, step: &mut Step) {
        while self.exchange.is_some() && (self.response_sent || step.reset) {
            self.end_exchange(step);
            if step.reset || !self.keep_alive {
                step.close = true;
                self.state = State::Over;
                self.input = Vec::new();
                return;
            }
            self.state = State::Head;
            let input = std::mem::take(&mut self.input);
            self.read(&input, step);
        }
        step.waits = self.waits();
    }

    /// True when only a policy keeps the exchange from going on.
    fn waits(&self) -> bool {
        let request = self.state == State::Next && !self.request_sent;
        let response = matches!(self.upstream.body, Some(BodyReader::Done));
        let head = !self.upstream.there && !self.response_begun;
        self.exchange.is_some() && (request || response || head)
    }

    fn end_exchange(&mut self, step: &mut Step) {
        let Some(mut exchange) = self.exchange.take() else { return };
        let upstream = std::mem::take(&mut self.upstream);
        // Released already when its response was whole; here it is in the middle of something.
        step.abandon |= upstream.there;
        step.ended = true;
        if let Ok(effects) = exchange.close() {
            step.wake.extend(effects.wake);
            step.logs.extend(effects.logs);
            step.timers |= effects.timers;
        }
    }
}

fn bytes<'a>(body: &'a Body, chunk: &'a [u8]) -> &'a [u8] {
    match body {
        Body::Nothing => &[],
        Body::Same => chunk,
        Body::Bytes(bytes) => bytes,
    }
}
