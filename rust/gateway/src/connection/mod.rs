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
mod output;
mod replay;
mod step;
mod upstream;
mod writer;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wasmgate_host::TlsFacts;

use wasmgate_host::Pressure;

use crate::exchange::Exchange;
use crate::exchange::failure::Failure;
use crate::http::peer::Peer;
use crate::http::problem::Problem;
use crate::routing::router::Router;
pub use access::Access;
use body_reader::BodyReader;
use effects::Came;
pub use output::Output;
pub use step::Step;
use writer::BodyWriter;

/// Bytes that a client may send ahead of its turn.
pub const PIPELINED: usize = 64 << 10;
/// Bytes for the client from one step on which the next request waits: each answer may be much larger
/// than the request that asked for it.
const ANSWERS: usize = 64 << 10;

const LATE: Problem = Failure::LateRequest.problem();

/// One client and its exchanges.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Connection {
    router: Arc<Router>,
    /// Tells the connections of a process apart.
    id: u64,
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
    /// The client does not take its answers as fast as they come.
    choked: bool,
    request_body: BodyReader,
    to_upstream: BodyWriter,
    to_client: BodyWriter,
    /// How long the exchange may take.
    timeout: Option<Duration>,
    /// The request's head went to an upstream.
    dialled: bool,
    /// What the upstream got of the request's body, while the request can be sent once more.
    replay: Option<Vec<u8>>,
    /// A policy kept something back, and may let it go at any time.
    withheld: bool,
    /// What policies want to be read no more for now.
    pressure: Pressure,
    /// The upstream has the whole request.
    request_sent: bool,
    /// The client has the whole response.
    response_sent: bool,
    /// Something of the response has gone to the client.
    response_begun: bool,
    /// The client can see from the response itself whether it is whole.
    delimited: bool,
    /// Says what is to be known of exchanges for the access log.
    logs: bool,
    /// The request that was not answered yet.
    access: Option<Access>,
    upstream: Upstream,
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
    pub tls: Option<Arc<TlsFacts>>,
}

/// Who is waited for.
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
enum State {
    /// The head of a request.
    Head,
    /// The body of the exchange's request.
    Body,
    /// The next request, whose turn has not come.
    Next,
    /// The next request, which waits until the client has taken the answers before it.
    Unanswered,
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
    /// Bytes of interim responses.
    interim: usize,
    keep_alive: bool,
}

impl Connection {
    /// A connection that nothing came from yet.
    #[must_use]
    pub fn new(router: Arc<Router>, ends: Ends) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            router,
            id: IDS.fetch_add(1, Ordering::Relaxed),
            ends,
            input: Vec::new(),
            state: State::Head,
            exchange: None,
            keep_alive: true,
            draining: false,
            newer: true,
            expects: false,
            head_only: false,
            choked: false,
            request_body: BodyReader::Done,
            to_upstream: BodyWriter::Plain,
            to_client: BodyWriter::Plain,
            request_sent: false,
            response_sent: false,
            response_begun: false,
            timeout: None,
            dialled: false,
            replay: None,
            withheld: false,
            pressure: Pressure::default(),
            delimited: false,
            logs: false,
            access: None,
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
        matches!(self.state, State::Next | State::Unanswered) && self.input.len() > PIPELINED
    }

    /// Who has to do something for the exchange to go on.
    #[must_use]
    pub fn waits_for(&self) -> Waited {
        let upstream = self.upstream.there && self.upstream.body != Some(BodyReader::Done);
        match self.state {
            State::Body if self.pressure.request => Waited::Policy,
            State::Body | State::Head | State::Unanswered => Waited::Client,
            State::Next | State::Over if self.pressure.response => Waited::Policy,
            State::Next | State::Over if upstream && self.request_sent => Waited::Upstream,
            State::Next | State::Over => Waited::Policy,
        }
    }

    /// Whose bytes are to wait: a policy holds back as many as it may.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.pressure
    }

    /// From now on each step says which exchanges were answered.
    pub fn log_accesses(&mut self) {
        self.logs = true;
    }

    /// The client does not take what it is sent: no further request is read until [`Connection::proceed`].
    pub fn choke(&mut self) {
        self.choked = true;
    }

    /// The client takes its answers: goes on with the requests that waited for that ([`Step::unread`]).
    pub fn proceed(&mut self) -> Step {
        self.choked = false;
        let mut step = Step::default();
        if self.state == State::Unanswered {
            self.read_on(&mut step);
            self.settle(&mut step);
        }
        step
    }

    /// Goes on with what a policy held back (see [`Step::waits`]).
    pub fn resume(&mut self) -> Step {
        let mut step = Step::default();
        let effects = self.exchange.as_mut().map(Exchange::resume);
        self.follow(effects, Came::Nothing, &mut step);
        self.settle(&mut step);
        step
    }

    /// The upstream could not be reached, or took too long. Before anything of its response went to
    /// the client this is answered, afterwards the connection is cut.
    pub fn fail(&mut self, failure: Failure) -> Step {
        let mut step = Step::default();
        let what = match failure {
            Failure::Protocol => "the connection was reset",
            other => other.problem().detail,
        };
        self.failed(failure, what, &mut step);
        self.settle(&mut step);
        step
    }

    /// No further exchange begins once the one under way has ended.
    pub fn drain(&mut self) {
        self.draining = true;
        self.keep_alive = false;
    }

    /// The client took too long to send a head, or the rest of a body.
    pub fn late(&mut self) -> Step {
        let mut step = Step::default();
        if self.exchange.is_some() {
            self.give_up(LATE, &mut step);
        } else {
            self.refuse(LATE, &mut step);
        }
        self.settle(&mut step);
        step
    }

    /// The client is gone: ends the exchange under way.
    pub fn close(&mut self) -> Step {
        let mut step = Step::default();
        self.state = State::Over;
        self.input = Vec::new();
        self.end_exchange(&mut step);
        step
    }
}
