//! A client's connection: what its `Connection` decides is done here.

pub(crate) mod performing;
pub(crate) mod timeouts;

use std::sync::Arc;
use std::time::Instant;

use wasmgate_gateway::{Connection, Step};

use crate::core::link::Link;
use crate::core::{Core, Due};
use crate::deployment::ClientSettings;
use crate::net::admission::Place;
use crate::net::socket::{Received, Socket};
use crate::refs::{ClientRef, UpstreamRef};

/// A client, its connection, and the upstream of the exchange under way.
pub(crate) struct Client {
    pub(crate) this: ClientRef,
    pub(crate) socket: Socket,
    pub(crate) connection: Connection,
    pub(crate) phase: Phase,
    /// The deployment that its exchanges begin on.
    pub(crate) served: usize,
    pub(crate) stops: Stops,
    settings: Arc<ClientSettings>,
    link: Link,
    /// A policy holds back as much of the response as it may.
    held: bool,
    /// The stream that it waits for.
    waits_for: Option<u64>,
    /// Address and port, for the access log.
    name: Option<String>,
    pub(crate) clock: Clock,
    _place: Place,
}

/// What a client's deadlines are counted from.
pub(crate) struct Clock {
    /// The last sign of life that counts.
    since: Instant,
    /// When the exchange is over by its route.
    deadline: Option<Instant>,
    /// Something of a request's head has come, or nothing ever.
    in_head: bool,
    /// Bytes that the client had not taken at the last look, and since when.
    stalled: (usize, Instant),
    /// When it is looked at next.
    pub(crate) check_at: Instant,
}

/// How far the client's connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Exchange after exchange.
    Serving,
    /// What is written goes out, then it is closed.
    Closing,
    /// The same, and what still comes is read and dropped: closing a socket with unread bytes resets
    /// the connection, and a reset can overtake the answer (RFC 9112 §9.6).
    Lingering {
        since: Instant,
        heard: Instant,
        /// The answer is sent whole, and its end was said.
        ended: bool,
    },
    /// It failed, or the client left: the exchange is to be ended.
    Lost,
    /// Nothing more is to be done.
    Closed,
}

/// Why the client is not read: a set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stops(u8);

impl Stops {
    /// It sends requests before their turn.
    pub(crate) const AHEAD: Self = Self(1);
    /// Enough waits for the upstream, which is not there yet, or reads slowly.
    pub(crate) const UPSTREAM: Self = Self(2);
    /// A policy holds back as much of the request as it may.
    pub(crate) const HELD: Self = Self(4);

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Client {
    pub(crate) fn new(
        this: ClientRef,
        socket: Socket,
        connection: Connection,
        served: usize,
        settings: Arc<ClientSettings>,
        (name, place): (Option<String>, Place),
        now: Instant,
    ) -> Self {
        let clock =
            Clock { since: now, deadline: None, in_head: true, stalled: (0, now), check_at: now };
        Self {
            this,
            socket,
            connection,
            phase: Phase::Serving,
            served,
            stops: Stops::default(),
            settings,
            link: Link::None,
            held: false,
            waits_for: None,
            name,
            clock,
            _place: place,
        }
    }

    /// True if a look at its socket may bring something that can be used.
    pub(crate) fn can_be_read(&self) -> bool {
        let wanted = match self.phase {
            Phase::Serving => self.stops.is_empty(),
            Phase::Lingering { .. } => true,
            Phase::Closing | Phase::Lost | Phase::Closed => false,
        };
        wanted && self.socket.is_readable()
    }

    /// Takes what a look at its socket brought.
    pub(crate) fn receive(&mut self, received: Received, buffer: &[u8], core: &mut Core) {
        match (received, &mut self.phase) {
            (Received::Nothing, _) => {}
            (Received::Bytes(_), Phase::Lingering { heard, .. }) => *heard = core.now,
            (Received::Bytes(count), _) => {
                if let Some(facts) = self.socket.take_tls_facts() {
                    self.connection.set_facts(Arc::new(facts));
                }
                self.receive_bytes(&buffer[..count], core);
            }
            (Received::End, Phase::Lingering { .. }) => self.phase = Phase::Closed,
            // A client that closes looks the same as one that only sends no more: it is taken to
            // have left, as uvicorn takes it.
            (Received::End, _) => {
                let step = self.connection.close();
                self.perform(step, &[], core);
                self.close();
            }
            (Received::Broken, _) => self.phase = Phase::Lost,
        }
    }

    fn receive_bytes(&mut self, bytes: &[u8], core: &mut Core) {
        if self.connection.exchange().is_none() {
            self.move_on(core);
        }
        let step = self.connection.receive(bytes);
        if !step.is_empty() || self.connection.is_full() {
            self.clock.in_head = false;
            self.clock.since = core.now;
            self.perform(step, bytes, core);
        } else if self.connection.exchange().is_some() {
            self.clock.since = core.now;
            self.go_on_reading(core);
        } else if !self.clock.in_head {
            // Only the first byte of a head counts: one who sends one now and then gains nothing.
            self.clock.in_head = true;
            self.clock.since = core.now;
        }
    }

    /// Takes the latest deployment for the exchanges that come.
    fn move_on(&mut self, core: &mut Core) {
        if !core.served[self.served].retired {
            return;
        }
        let Some(latest) = core.latest() else { return };
        let before = std::mem::replace(&mut self.served, latest);
        core.served[latest].clients += 1;
        core.served[before].clients -= 1;
        self.connection.set_router(Arc::clone(&core.served[latest].deployment.router));
        core.retire(before);
    }

    /// True if its exchange has this connection.
    pub(crate) fn has(&self, upstream: UpstreamRef) -> bool {
        self.link.has(upstream)
    }

    /// Bytes of its upstream came.
    pub(crate) fn receive_upstream(&mut self, bytes: &[u8], core: &mut Core) {
        let step = self.connection.receive_upstream(bytes);
        self.clock.since = core.now;
        self.perform(step, bytes, core);
    }

    /// Its upstream is gone; not `cleanly`: by a reset, or another failure.
    ///
    /// An upstream closes a connection that was idle for long just when a request is on its way: it
    /// was not at fault, and neither is the client (RFC 9110 §9.2.2). The second connection is a new
    /// one: whatever closed the first may have closed all that were idle.
    pub(crate) fn lose_upstream(&mut self, used: bool, cleanly: bool, core: &mut Core) {
        let link = std::mem::replace(&mut self.link, Link::None);
        self.go(Stops::UPSTREAM, core);
        let Link::Lent { pool, .. } = link else { return };
        if used && self.connection.may_retry() {
            let step = self.connection.retry();
            if let Err(refused) = self.open(pool, true, step.upstream.parts(&[]), core) {
                self.fail_upstream(pool, refused, core);
            }
            return;
        }
        let step = if cleanly {
            self.connection.receive_upstream_eof()
        } else {
            self.connection.fail(wasmgate_gateway::Failure::Protocol)
        };
        self.perform(step, &[], core);
    }

    /// Its upstream takes bytes again.
    pub(crate) fn upstream_has_room(&mut self, core: &mut Core) {
        self.clock.since = core.now;
        self.go(Stops::UPSTREAM, core);
    }

    /// Its socket takes bytes: writes what waits.
    pub(crate) fn flush(&mut self, core: &mut Core) {
        let was_full = self.socket.is_full();
        if self.socket.flush().is_err() {
            self.phase = Phase::Lost;
            return;
        }
        if was_full && !self.socket.is_full() {
            self.clock.since = core.now;
            self.pause_upstream(core);
            self.proceed(core);
        }
        self.close_if_sent();
    }

    /// Takes the requests that waited until the client had its answers.
    pub(crate) fn proceed(&mut self, core: &mut Core) {
        if !self.socket.is_full() {
            self.go(Stops::AHEAD, core);
            let step = self.connection.proceed();
            self.perform(step, &[], core);
        }
    }

    /// A policy may have let go of what it held back.
    pub(crate) fn resume(&mut self, core: &mut Core) {
        let step = self.connection.resume();
        // While it waits for the same stream it is told again when that is woken, and not before.
        if !step.waits {
            self.forget(core);
        }
        self.perform(step, &[], core);
    }

    /// The client has closed while it is not read.
    pub(crate) fn leave(&mut self) {
        if self.phase == Phase::Serving {
            self.phase = Phase::Lost;
        }
    }

    /// Cuts the connection, whatever is under way.
    pub(crate) fn abort(&mut self) {
        self.phase = Phase::Lost;
    }

    /// No exchange follows the one under way. A client that is idle between two is closed; one that has
    /// connected, or begun a head, may send it: what it sends is on its way.
    pub(crate) fn drain(&mut self, core: &mut Core) {
        self.connection.drain();
        if self.connection.exchange().is_none() {
            if self.clock.in_head {
                self.clock.since = core.now;
                self.watch(core.now + timeouts::LAST_HEAD, core);
            } else {
                self.close();
            }
        }
    }

    /// Ends it because the server stops: with close frames if it is a WebSocket.
    pub(crate) fn part(&mut self, core: &mut Core) {
        if self.connection.websocket().is_none() {
            return self.abort();
        }
        let step = self.connection.end_websocket();
        self.perform(step, &[], core);
    }

    /// Closes once everything is written.
    pub(crate) fn close(&mut self) {
        if matches!(self.phase, Phase::Serving | Phase::Lingering { .. }) {
            self.phase = Phase::Closing;
        }
        self.close_if_sent();
    }

    fn close_if_sent(&mut self) {
        if self.socket.waiting() > 0 {
            return;
        }
        match &mut self.phase {
            // TLS says its end in so many bytes (RFC 8446 §6.1); without TLS there are none.
            Phase::Closing if self.socket.says_end() => self.phase = Phase::Closed,
            Phase::Lingering { ended, .. } if !*ended => {
                *ended = true;
                self.socket.end();
            }
            _ => {}
        }
    }

    fn stop(&mut self, reason: Stops) {
        self.stops.0 |= reason.0;
    }

    fn go(&mut self, reasons: Stops, core: &mut Core) {
        if self.stops.meets(reasons) {
            self.stops.0 &= !reasons.0;
            self.go_on_reading(core);
        }
    }

    fn go_on_reading(&self, core: &mut Core) {
        if self.can_be_read() {
            core.due.push_back(Due::Read(self.this));
        }
    }

    /// What ends an exchange that no client waits for any more.
    pub(crate) fn end(&mut self, core: &mut Core) {
        let step: Step = self.connection.close();
        self.perform(step, &[], core);
        self.give_back(false, core);
        self.forget(core);
        self.phase = Phase::Closed;
    }
}
