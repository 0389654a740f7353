//! One request of the layer above and its response, over a connection to an endpoint.

use std::time::{Duration, Instant};

use wasmgate_gateway::{
    BodyFraming, Event, Failure, Incoming, Output, UpstreamConnection, WrongLength,
};
use wasmgate_host::HeaderMap;

use crate::core::Core;
use crate::core::connecting::Refused;
use crate::core::link::{Link, Taken};
use crate::refs::{Ask, Borrower, TransactionRef, UpstreamRef};

/// Bytes of a response's body that are kept for the layer above; then its upstream is not read.
const BUFFER: usize = 64 << 10;

/// A request that begins.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The endpoint: scheme, host and port.
    pub endpoint: &'a str,
    /// The method.
    pub method: &'a [u8],
    /// Request line and fields, and the empty line behind them.
    pub head: &'a [u8],
    /// How the body follows.
    pub framing: BodyFraming,
    /// What there is of the body.
    pub body: &'a [u8],
    /// Nothing follows that.
    pub end: bool,
    /// How long the whole may take.
    pub within: Option<Duration>,
}

/// What came of the response and was not taken yet.
#[derive(Debug, Default)]
pub struct Received {
    /// `:status` and the fields that go on; taken once.
    pub head: Option<HeaderMap>,
    /// Of the body.
    pub body: Vec<u8>,
    /// Fields behind the body.
    pub trailers: HeaderMap,
    /// The values of `link` of 103 (RFC 8297).
    pub hints: Vec<Vec<u8>>,
}

/// Why a transaction has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Of what kind it is.
    pub failure: Failure,
    /// The endpoint resolves to an address that is refused.
    pub denied: bool,
    /// Nothing of the request was sent: another endpoint may have it.
    pub unsent: bool,
    /// In words.
    pub reason: String,
}

/// How far a transaction is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something of the response is to come.
    UnderWay,
    /// All of it has come.
    Ended,
    /// Nothing more comes.
    Failed(Fault),
}

/// What is next to be taken of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing has come that was not taken.
    Nothing,
    /// Hints ([`Received::hints`]).
    Hints,
    /// Its head.
    Head,
    /// Nothing more comes ([`Progress::Failed`]).
    Failed,
}

impl Owner {
    /// The group that it is in.
    pub(crate) fn group(self) -> Option<usize> {
        match self {
            Self::Group(group) => Some(group),
            Self::Call(_, group) => group,
        }
    }
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The layer above, which has it in this group.
    Group(usize),
    /// The HTTP call of this callout; in a group, if its upstream is not a cluster.
    Call(u64, Option<usize>),
}

/// A transaction.
pub(crate) struct Transaction {
    pub(crate) this: TransactionRef,
    pub(crate) owner: Owner,
    /// Kept while the request may be sent again.
    head: Vec<u8>,
    url: String,
    http: UpstreamConnection,
    link: Link,
    /// Bytes of it went to an upstream.
    sent: bool,
    /// The head of the response has come.
    has_begun: bool,
    /// The last sign of life that counts.
    since: Instant,
    deadline: Option<Instant>,
    pub(crate) received: Received,
    pub(crate) progress: Progress,
}

impl Transaction {
    pub(crate) fn new(
        this: TransactionRef,
        owner: Owner,
        request: &Request<'_>,
        now: Instant,
    ) -> Self {
        Self {
            this,
            owner,
            head: request.head.to_vec(),
            url: request.endpoint.to_owned(),
            http: UpstreamConnection::new(request.method, request.framing),
            link: Link::None,
            sent: false,
            has_begun: false,
            since: now,
            deadline: request.within.map(|within| now + within),
            received: Received::default(),
            progress: Progress::UnderWay,
        }
    }

    /// Sends the request, as soon as there is a connection of the pool.
    pub(crate) fn dial(&mut self, pool: usize, request: &Request<'_>, core: &mut Core) {
        if request.within == Some(Duration::ZERO) {
            return self.fail_in_time(core);
        }
        let mut out = Output::default();
        if self.http.write_bytes(&mut out, request.body, request.end).is_err() {
            return self.wrong_length(core);
        }
        let [_, body, _, _] = out.parts(&[]);
        let parts: [&[u8]; 4] = [request.head, body, &[], &[]];
        if !self.http.may_retry() {
            self.head = Vec::new();
        }
        let borrower = Borrower::Transaction(self.this);
        if let Err(refused) = self.link.open(borrower, pool, false, parts, core) {
            self.fail_unconnected(refused, core);
        }
        self.sent = !self.link.is_dialling();
    }

    /// Sends more of the body; false if it is not as long as its head says. What comes after the
    /// response has ended is dropped.
    pub(crate) fn write(&mut self, bytes: &[u8], end: bool, core: &mut Core) -> bool {
        if !self.accepts() {
            return true;
        }
        let mut out = Output::default();
        self.since = core.now;
        let written = self.http.write_bytes(&mut out, bytes, end);
        match written {
            Ok(()) => self.link.write(out.parts(&[]), core),
            Err(WrongLength) => self.wrong_length(core),
        }
        written.is_ok()
    }

    fn wrong_length(&mut self, core: &mut Core) {
        let reason = "the request body is not as long as its head says".to_owned();
        self.fail(Failure::Protocol, reason, core);
    }

    /// True while the upstream wants the rest of the body.
    pub(crate) fn accepts(&self) -> bool {
        self.progress == Progress::UnderWay && self.http.is_open() && !self.http.is_sent()
    }

    /// True while so much waits for the upstream that no more is to come.
    pub(crate) fn is_full(&self, core: &Core) -> bool {
        self.link.is_full(core)
    }

    pub(crate) fn has(&self, upstream: UpstreamRef) -> bool {
        self.link.has(upstream)
    }

    /// Bytes of the upstream came.
    pub(crate) fn receive(&mut self, bytes: &[u8], core: &mut Core) {
        self.since = core.now;
        self.head = Vec::new();
        let mut incoming = self.http.receive(bytes);
        loop {
            match self.http.next(&mut incoming) {
                Event::More => break,
                event => self.handle(event, &incoming, core),
            }
        }
        if self.received.body.len() > BUFFER {
            self.link.pause(Borrower::Transaction(self.this), true, core);
        }
    }

    fn handle(&mut self, event: Event, incoming: &Incoming<'_>, core: &mut Core) {
        let ended = match event {
            Event::More => return,
            Event::Interim(reader) => {
                // ASGI has a message for these alone ("Early Hint Extension").
                let hints = if reader.status() == 103 { reader.finish_interim() } else { None };
                let fields = hints.iter().flat_map(HeaderMap::iter);
                let links = fields.filter(|(name, _)| *name == b"link");
                self.received.hints.extend(links.map(|(_, value)| value.to_vec()));
                false
            }
            Event::Head(reader, ended) => match reader.finish() {
                Ok((map, _)) => {
                    self.received.head = Some(map);
                    self.has_begun = true;
                    ended
                }
                Err(reason) => return self.blame(&reason, core),
            },
            Event::Data(range, last) => {
                self.received.body.extend_from_slice(incoming.data(range));
                last
            }
            Event::End(trailers) => {
                self.received.trailers = trailers.unwrap_or_default();
                true
            }
            Event::Bad(reason) => return self.blame(&reason, core),
        };
        core.changed(self.this);
        if ended {
            self.link.give_back(self.http.is_reusable(), core);
            self.progress = Progress::Ended;
        }
    }

    /// The response is not valid, or was cut.
    fn blame(&mut self, reason: &str, core: &mut Core) {
        let line = if self.has_begun {
            format!("the response of {} was cut: {reason}", self.url)
        } else {
            format!("{} gave no valid response: {reason}", self.url)
        };
        self.fail(Failure::Protocol, line, core);
    }

    /// The connection is gone; not `cleanly`: by a reset, or another failure. What may be sent again is,
    /// over a new connection: whatever closed the first may have closed all that were idle (RFC 9110
    /// §9.2.2).
    pub(crate) fn lose(&mut self, used: bool, cleanly: bool, core: &mut Core) {
        let link = std::mem::replace(&mut self.link, Link::None);
        if let Link::Lent { pool, .. } = link
            && used
            && let Some(body) = self.http.retry()
        {
            let head = std::mem::take(&mut self.head);
            let parts: [&[u8]; 4] = [&head, &body, &[], &[]];
            let borrower = Borrower::Transaction(self.this);
            if let Err(refused) = self.link.open(borrower, pool, true, parts, core) {
                self.fail_unconnected(refused, core);
            }
        } else if cleanly {
            let event = self.http.end();
            self.handle(event, &Incoming::default(), core);
        } else {
            self.blame("the connection was reset", core);
        }
    }

    /// The connection that was asked for is there.
    pub(crate) fn take_upstream(&mut self, asked: Ask, taken: UpstreamRef, core: &mut Core) {
        match self.link.take(asked, taken, core) {
            Taken::Connected => {
                self.since = Instant::now();
                self.sent = true;
                self.link.pause(Borrower::Transaction(self.this), false, core);
                core.changed(self.this);
            }
            Taken::Refused(refused) => self.fail_unconnected(refused, core),
            Taken::Waits | Taken::Unwanted => {}
        }
    }

    /// There will be no connection for what it asked.
    pub(crate) fn refuse(&mut self, asked: Ask, refused: Refused, core: &mut Core) {
        if self.link.asks(asked) {
            self.fail_unconnected(refused, core);
        }
    }

    /// Its upstream takes bytes again.
    pub(crate) fn upstream_has_room(&mut self, core: &mut Core) {
        self.since = core.now;
        core.changed(self.this);
    }

    /// What is next to be taken of the response.
    pub(crate) fn state(&self) -> State {
        if !self.received.hints.is_empty() {
            State::Hints
        } else if self.received.head.is_some() {
            State::Head
        } else if matches!(self.progress, Progress::Failed(_)) {
            State::Failed
        } else {
            State::Nothing
        }
    }

    /// What has come of the body. Its upstream is read again.
    pub(crate) fn take_body(&mut self, core: &mut Core) -> Vec<u8> {
        let body = std::mem::take(&mut self.received.body);
        if body.len() > BUFFER {
            self.since = core.now;
            self.link.pause(Borrower::Transaction(self.this), false, core);
        }
        body
    }

    /// Ends what took too long.
    pub(crate) fn check_deadlines(&mut self, core: &mut Core) {
        if self.progress != Progress::UnderWay {
            return;
        }
        // The silence is the layer's above: it does not take the response, or sends no body.
        let owes_nothing =
            self.received.body.len() > BUFFER || self.accepts() && !self.is_full(core);
        if owes_nothing {
            self.since = core.now;
        }
        let read = self.link.pool().map(|pool| core.pools[pool].limits.read);
        if self.deadline.is_some_and(|deadline| core.now >= deadline) {
            self.fail_in_time(core);
        } else if let Some(read) = read
            && !self.link.is_dialling()
            && core.now.saturating_duration_since(self.since) >= read
        {
            let reason = format!("{} was silent for {} s", self.url, read.as_secs_f64());
            self.fail(Failure::Timeout, reason, core);
        }
    }

    fn fail_in_time(&mut self, core: &mut Core) {
        let reason = format!("{} did not answer within the route's time", self.url);
        self.fail(Failure::Timeout, reason, core);
    }

    /// Gives up what has not ended.
    pub(crate) fn give_up(&mut self, core: &mut Core) {
        if self.progress == Progress::UnderWay {
            self.fail(Failure::Protocol, format!("{}: given up by the gateway", self.url), core);
        }
    }

    pub(crate) fn fail_unconnected(&mut self, refused: Refused, core: &mut Core) {
        let Refused { failure, denied, reason } = refused;
        self.end(Fault { failure, denied, unsent: !self.sent, reason }, core);
    }

    fn fail(&mut self, failure: Failure, reason: String, core: &mut Core) {
        self.end(Fault { failure, denied: false, unsent: false, reason }, core);
    }

    fn end(&mut self, fault: Fault, core: &mut Core) {
        self.link.give_back(false, core);
        self.http.abandon();
        self.progress = Progress::Failed(fault);
        core.changed(self.this);
    }
}
