//! One HTTP/1.1 connection of a client, without I/O: bytes and events in, a [`Step`] out.
//!
//! It owns its exchanges, one at a time; requests that the client pipelines wait for their turn.
//! The bytes of client and upstream may be cut anywhere: any split gives the same result.

mod access;
mod body_reader;
mod downstream;
mod effects;
mod fault;
mod head;
mod in_flight;
mod malformed;
mod output;
mod relay;
mod step;
mod tunnel;
mod upstream;
mod upstream_connection;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmgate_host::{Facts, Pressure};

use crate::connection::body_reader::BodyReader;
use crate::connection::effects::Received;
use crate::connection::in_flight::InFlight;
use crate::exchange::Exchange;
use crate::exchange::failure::Failure;
use crate::http::peer::Peer;
use crate::http::problem::Problem;
use crate::routing::router::Router;
use crate::websocket::close::{IDLE, STOPPING};
use crate::websocket::limits::WebSocketLimits;

pub use access::Access;
pub use output::Output;
pub use step::Step;
pub use upstream_connection::{Event, Incoming, UpstreamConnection, WrongLength};

/// Bytes that a client may send ahead of its turn.
pub const PIPELINED: usize = 64 << 10;
/// Bytes for the client in one step above which the next pipelined request waits: an answer can be much
/// larger than its request.
const ANSWERS: usize = 64 << 10;

const LATE: Problem = Failure::LateRequest.problem();

/// One client and its exchanges.
pub struct Connection {
    router: Arc<Router>,
    /// Unique in the process.
    id: u64,
    ends: Ends,
    /// Bytes of the client that were not read yet.
    input: Vec<u8>,
    reading: Reading,
    /// The exchange under way.
    in_flight: Option<InFlight>,
    /// The server is about to stop.
    draining: bool,
    /// The client reads its answers more slowly than they come.
    choked: bool,
    /// Each step says which exchanges were answered, for the access log.
    logs: bool,
}

/// The two ends of the client's connection.
pub struct Ends {
    /// The client.
    pub peer: Option<Peer>,
    /// The server's host and port.
    pub server: Option<(Arc<str>, u16)>,
    /// True over TLS.
    pub secure: bool,
    /// What is known of it.
    pub facts: Option<Arc<Facts>>,
}

/// The party that the exchange waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The rest of a request.
    Client,
    /// A response, or the rest of one.
    Upstream,
    /// What it keeps back.
    Policy,
}

/// What the client's next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The head of a request.
    Head,
    /// The body of the request in flight.
    Body,
    /// The next request, which waits for the end of the exchange in flight.
    Waiting,
    /// The next request, which waits until the client has taken the answers before it.
    Paused,
    /// The frames of a WebSocket.
    Tunnel,
    /// Nothing: the connection is over.
    Closed,
}

impl Connection {
    /// A connection without any bytes yet.
    #[must_use]
    pub fn new(router: Arc<Router>, ends: Ends) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            router,
            id: IDS.fetch_add(1, Ordering::Relaxed),
            ends,
            input: Vec::new(),
            reading: Reading::Head,
            in_flight: None,
            draining: false,
            choked: false,
            logs: false,
        }
    }

    /// The router for the exchanges that begin from now on.
    pub fn set_router(&mut self, router: Arc<Router>) {
        self.router = router;
    }

    /// What is known of its TLS, which is agreed on after the connection is made.
    pub fn set_facts(&mut self, facts: Arc<Facts>) {
        self.ends.facts = Some(facts);
    }

    /// The exchange under way.
    #[must_use]
    pub fn exchange(&self) -> Option<&Exchange> {
        self.in_flight.as_ref().map(|in_flight| &in_flight.exchange)
    }

    /// The method and the path of the exchange's request, escaped: a query may hold secrets.
    #[must_use]
    pub fn request(&self) -> String {
        self.in_flight.as_ref().map(InFlight::request).unwrap_or_default()
    }

    /// True between two exchanges with nothing read of the next one.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_none() && self.input.is_empty() && self.reading == Reading::Head
    }

    /// True while the client has sent more ahead of its turn than may wait.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self.reading, Reading::Waiting | Reading::Paused) && self.input.len() > PIPELINED
    }

    /// The party that has to act for the exchange to go on.
    #[must_use]
    pub fn waits_for(&self) -> Waited {
        let in_flight = self.in_flight.as_ref();
        let upstream = in_flight.is_some_and(|it| it.upstream.is_open() && it.upstream.is_sent());
        let pressure = self.pressure();
        match self.reading {
            // 1. The request comes still: from the client, unless policies hold as much as they may.
            Reading::Body if pressure.request => Waited::Policy,
            Reading::Body | Reading::Head | Reading::Paused | Reading::Tunnel => Waited::Client,
            // 2. It has come: its response does, unless policies hold as much as they may.
            Reading::Waiting | Reading::Closed if pressure.response => Waited::Policy,
            Reading::Waiting | Reading::Closed if upstream => Waited::Upstream,
            // 3. Neither: a policy holds something.
            Reading::Waiting | Reading::Closed => Waited::Policy,
        }
    }

    /// Which sides are not to be read: a policy holds back as many bytes as its limit allows.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.in_flight.as_ref().map_or(Pressure::default(), |in_flight| in_flight.pressure)
    }

    /// Has each step name the exchanges that were answered, for the access log.
    pub fn log_accesses(&mut self) {
        self.logs = true;
    }

    /// The client does not read its answers: no further request is read until [`Connection::proceed`].
    pub fn choke(&mut self) {
        self.choked = true;
    }

    /// The client reads its answers again: reads the requests that waited for that ([`Step::unread`]).
    pub fn proceed(&mut self) -> Step {
        self.choked = false;
        let mut step = Step::default();
        if self.reading == Reading::Paused {
            self.read_on(&mut step);
            self.settle(&mut step);
        }
        step
    }

    /// Sends on what a policy held back and has let go (see [`Step::waits`]).
    pub fn resume(&mut self) -> Step {
        self.advance(|in_flight, step| {
            let effects = in_flight.exchange.resume();
            in_flight.follow(effects, Received::Nothing, step);
        })
    }

    /// Bytes came from the upstream.
    pub fn receive_upstream(&mut self, data: &[u8]) -> Step {
        self.advance(|in_flight, step| in_flight.receive_upstream(data, step))
    }

    /// The upstream closed its connection.
    pub fn receive_upstream_eof(&mut self) -> Step {
        self.advance(InFlight::receive_upstream_eof)
    }

    /// The upstream could not be reached, or took too long. The client gets an answer of the gateway as
    /// long as nothing of the response is sent; afterwards its connection is cut.
    pub fn fail(&mut self, failure: Failure) -> Step {
        let reason = match failure {
            Failure::Protocol => "the connection was reset",
            other => other.problem().detail,
        };
        self.advance(|in_flight, step| match in_flight.tunnel {
            Some(_) => in_flight.lose_tunnel(reason, step),
            None => in_flight.failed(failure, reason, step),
        })
    }

    /// True when the request can be sent once more over another connection.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        let unanswered = |it: &InFlight| it.upstream.may_retry() && !it.response.has_begun();
        self.in_flight.as_ref().is_some_and(unanswered)
    }

    /// Sends the request once more: its bytes so far, for a new connection to the same endpoint.
    pub fn retry(&mut self) -> Step {
        let mut step = Step::default();
        if let Some(InFlight { exchange, upstream, .. }) = &mut self.in_flight
            && let (Some(request), Some(body)) = (exchange.upstream(), upstream.retry())
        {
            step.dial = Some((request.cluster, request.endpoint));
            step.upstream.begin(request);
            step.upstream.own().extend_from_slice(&body);
        }
        step
    }

    /// No further exchange begins once the one under way has ended.
    pub fn drain(&mut self) {
        self.draining = true;
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.keep_alive = false;
        }
    }

    /// The bounds of the WebSocket connection, if it is one.
    #[must_use]
    pub fn websocket(&self) -> Option<WebSocketLimits> {
        self.in_flight.as_ref()?.tunnel.as_ref().map(|tunnel| tunnel.limits)
    }

    /// Ends a WebSocket connection with close frames for both ends: nothing has come for too long.
    pub fn end_idle_websocket(&mut self) -> Step {
        self.advance(|in_flight, step| in_flight.end_tunnel(Some(IDLE), Some(IDLE), step))
    }

    /// The same, because the gateway stops.
    pub fn end_websocket(&mut self) -> Step {
        self.advance(|in_flight, step| in_flight.end_tunnel(Some(STOPPING), Some(STOPPING), step))
    }

    /// True once no further request is to follow.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// The client took too long to send a head, or the rest of a body.
    pub fn late(&mut self) -> Step {
        let mut step = Step::default();
        match &mut self.in_flight {
            Some(in_flight) => in_flight.give_up(LATE, &mut step),
            None => {
                self.refuse(LATE, &mut step);
            }
        }
        self.settle(&mut step);
        step
    }

    /// The client is gone: ends the exchange under way.
    pub fn close(&mut self) -> Step {
        let mut step = Step::default();
        self.reading = Reading::Closed;
        self.input = Vec::new();
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.leave_tunnel(&mut step);
            in_flight.end(&mut step);
        }
        self.in_flight = None;
        step
    }

    /// A step of the exchange in flight, if there is one.
    fn advance(&mut self, work: impl FnOnce(&mut InFlight, &mut Step)) -> Step {
        let mut step = Step::default();
        if let Some(in_flight) = &mut self.in_flight {
            work(in_flight, &mut step);
        }
        self.settle(&mut step);
        step
    }

    /// After every step: ends the exchange that is over, and reads the next request.
    fn settle(&mut self, step: &mut Step) {
        while let Some(in_flight) = &mut self.in_flight {
            if in_flight.tunnel.is_some() && self.reading == Reading::Waiting {
                self.reading = Reading::Tunnel;
                in_flight.begin_tunnel(&std::mem::take(&mut self.input), step);
            }
            // 1. Something is to come of it, or is held by a policy.
            if !in_flight.is_answered() && !step.reset {
                step.waits = in_flight.withheld;
                return;
            }
            in_flight.end(step);
            let reusable = in_flight.keep_alive && !step.reset;
            if !reusable {
                // A response whose framing says that it is not whole can be sent as far as it came.
                step.reset &= !in_flight.response.is_delimited();
                step.close = true;
                let unread = in_flight.request_body != BodyReader::Done;
                let expected = in_flight.tunnel.is_some();
                step.linger = unread || expected || !self.input.is_empty();
            }
            self.in_flight = None;
            // 2. It was the last one of the connection.
            if !reusable {
                self.reading = Reading::Closed;
                self.input = Vec::new();
                return;
            }
            // 3. The next one has its turn.
            self.read_on(step);
        }
    }
}
