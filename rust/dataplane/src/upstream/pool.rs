//! The connections to one endpoint: which are idle, who waits for one, and how many there may be.
//! It decides; the reactor opens and closes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::refs::{Ask, UpstreamRef};
use crate::report::PoolReport;

/// Bounds for the connections to an endpoint.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamLimits {
    /// Open connections.
    pub connections: usize,
    /// Exchanges that wait for one of them; the next is refused at once.
    pub waiting: usize,
    /// To get a connection: the wait for a free one, DNS, TCP and TLS together.
    pub connect: Duration,
    /// Between two signs of life of an upstream that owes something.
    pub read: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
}

/// Where to connect, and how.
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// Addresses that the host resolves to are checked ([`crate::check_address`]).
    pub(crate) is_checked: bool,
}

/// An exchange that waits for a connection.
struct Waiter {
    ask: Ask,
    since: Instant,
    /// It takes a new connection only: one that was idle may have been closed by the other end.
    fresh: bool,
}

/// Connections to one endpoint. Waiters are served first in, first out, from released or new
/// connections; one attempt to connect is under way for each waiter, up to the limit.
pub(crate) struct Pool {
    pub(crate) target: Target,
    pub(crate) limits: UpstreamLimits,
    /// The one used last is the last.
    idle: VecDeque<(UpstreamRef, Instant)>,
    /// Open connections, and those being opened.
    open: usize,
    waiting: VecDeque<Waiter>,
    /// Attempts to connect, the oldest first.
    attempts: Vec<usize>,
    closed: bool,
    /// When it is looked at next, if that is arranged.
    pub(crate) watched_until: Option<Instant>,
}

/// What becomes of a request for a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It waits.
    Waits,
    /// It waits, and this idle connection is closed to make room.
    WaitsAfter(UpstreamRef),
    /// Too many wait already.
    Refused,
}

/// What becomes of a connection that is free.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Freed {
    /// It goes to what asked.
    Lent(Ask),
    /// It is kept.
    Kept,
    /// It is to be closed.
    Surplus,
}

impl Pool {
    pub(crate) fn new(target: Target, limits: UpstreamLimits) -> Self {
        Self {
            target,
            limits,
            idle: VecDeque::new(),
            open: 0,
            waiting: VecDeque::new(),
            attempts: Vec::new(),
            closed: false,
            watched_until: None,
        }
    }

    /// The idle connection that was used last; it may be gone.
    pub(crate) fn take_idle(&mut self) -> Option<UpstreamRef> {
        self.idle.pop_back().map(|(upstream, _)| upstream)
    }

    /// The connection that has been idle for longest.
    fn oldest_idle(&mut self) -> Option<UpstreamRef> {
        self.idle.pop_front().map(|(upstream, _)| upstream)
    }

    /// Lets a client wait for a connection.
    pub(crate) fn ask(&mut self, ask: Ask, fresh: bool, now: Instant) -> Asked {
        let full = self.open >= self.limits.connections;
        let room = if full { self.oldest_idle() } else { None };
        if full && room.is_none() && self.queued() >= self.limits.waiting {
            return Asked::Refused;
        }
        self.waiting.push_back(Waiter { ask, since: now, fresh });
        room.map_or(Asked::Waits, Asked::WaitsAfter)
    }

    /// Lets a client wait no longer. The attempt that is needed no more, if there is one.
    pub(crate) fn cancel(&mut self, ask: Ask) -> Option<usize> {
        self.waiting.retain(|waiter| waiter.ask != ask);
        if self.attempts.len() > self.waiting.len() { self.attempts.pop() } else { None }
    }

    /// True if another attempt to connect is to begin.
    pub(crate) fn wants_attempt(&self) -> bool {
        self.attempts.len() < self.waiting.len() && self.open < self.limits.connections
    }

    /// An attempt begins.
    pub(crate) fn attempt_begins(&mut self, attempt: usize) {
        self.open += 1;
        self.attempts.push(attempt);
    }

    /// An attempt is over. Its connection counts still, if it has made one.
    pub(crate) fn attempt_ends(&mut self, attempt: usize, connected: bool) {
        self.attempts.retain(|other| *other != attempt);
        self.open -= usize::from(!connected);
    }

    /// Who has waited longest and since then at least, and waits no more.
    pub(crate) fn first_waiter(&mut self, since: Instant) -> Option<Ask> {
        self.waiting.pop_front_if(|waiter| waiter.since <= since).map(|waiter| waiter.ask)
    }

    /// The client that has waited for too long, if there is one; it waits no more.
    pub(crate) fn late_waiter(&mut self, now: Instant) -> Option<Ask> {
        let first = self.waiting.front()?;
        if now.saturating_duration_since(first.since) <= self.limits.connect {
            return None;
        }
        self.first_waiter(now)
    }

    /// A connection is free; `used`: an exchange has ended on it.
    pub(crate) fn free(&mut self, upstream: UpstreamRef, used: bool, now: Instant) -> Freed {
        let takes = |waiter: &Waiter| !(used && waiter.fresh);
        if let Some(index) = self.waiting.iter().position(takes)
            && let Some(waiter) = self.waiting.remove(index)
        {
            return Freed::Lent(waiter.ask);
        }
        // In its place a new one is made for a client that waits for one.
        let wanted = !self.waiting.is_empty() && self.open >= self.limits.connections;
        if self.closed || wanted {
            return Freed::Surplus;
        }
        self.idle.push_back((upstream, now));
        Freed::Kept
    }

    /// A connection is closed.
    pub(crate) fn lost(&mut self, upstream: UpstreamRef, was_idle: bool) {
        if was_idle {
            self.idle.retain(|(other, _)| *other != upstream);
        }
        self.open -= 1;
    }

    /// The connection that has been idle for too long, if there is one.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<UpstreamRef> {
        let (_, since) = self.idle.front()?;
        if now.saturating_duration_since(*since) <= self.limits.idle {
            return None;
        }
        self.oldest_idle()
    }

    /// When it is to be looked at next.
    fn next_check(&self) -> Option<Instant> {
        let idle = self.idle.front().map(|(_, since)| *since + self.limits.idle);
        let waiting = self.waiting.front().map(|first| first.since + self.limits.connect);
        idle.into_iter().chain(waiting).min()
    }

    /// When it is to be looked at, if that is sooner than what is arranged.
    pub(crate) fn watch(&mut self) -> Option<Instant> {
        let next = self.next_check()?;
        if self.watched_until.is_some_and(|at| at <= next) {
            return None;
        }
        self.watched_until = Some(next);
        Some(next)
    }

    /// What is told of it.
    pub(crate) fn report(&self) -> PoolReport {
        PoolReport {
            url: self.target.url.clone(),
            open: self.open,
            idle: self.idle.len(),
            waiting: self.waiting.len(),
        }
    }

    /// How many connections are open or being opened, and how many exchanges wait beside those that
    /// one is opened for.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.open, self.queued())
    }

    fn queued(&self) -> usize {
        self.waiting.len().saturating_sub(self.attempts.len())
    }

    /// No connection is kept from now on; those that are idle are to be closed.
    pub(crate) fn close(&mut self) -> Vec<UpstreamRef> {
        self.closed = true;
        std::mem::take(&mut self.idle).into_iter().map(|(upstream, _)| upstream).collect()
    }

    /// True while there is neither a connection nor a wish for one.
    pub(crate) fn is_unused(&self) -> bool {
        self.open == 0 && self.waiting.is_empty()
    }

    /// True once it can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        self.closed && self.is_unused()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refs::{Borrower, ClientRef};

    const LIMITS: UpstreamLimits = UpstreamLimits {
        connections: 1,
        waiting: 1,
        connect: Duration::from_secs(5),
        read: Duration::from_mins(1),
        idle: Duration::from_secs(4),
    };

    fn pool() -> Pool {
        let target = Target {
            url: "http://a".into(),
            host: "a".into(),
            port: 80,
            tls: None,
            is_checked: false,
        };
        Pool::new(target, LIMITS)
    }

    fn client(serial: u64) -> Ask {
        Ask { borrower: Borrower::Client(ClientRef { key: 0, serial: 1 }), serial }
    }

    fn upstream(serial: u64) -> UpstreamRef {
        UpstreamRef { key: 0, serial }
    }

    /// A pool with one connection, which is lent.
    fn busy(now: Instant) -> Pool {
        let mut pool = pool();
        assert_eq!(pool.ask(client(1), false, now), Asked::Waits);
        assert!(pool.wants_attempt());
        pool.attempt_begins(7);
        assert!(!pool.wants_attempt());
        pool.attempt_ends(7, true);
        assert_eq!(pool.free(upstream(1), false, now), Freed::Lent(client(1)));
        pool
    }

    #[test]
    fn waiters_are_served_in_their_order_and_bounded() {
        let now = Instant::now();
        let mut pool = busy(now);
        assert_eq!(pool.ask(client(2), false, now), Asked::Waits);
        assert_eq!(pool.ask(client(3), false, now), Asked::Refused);
        assert_eq!(pool.free(upstream(1), true, now), Freed::Lent(client(2)));
        assert_eq!(pool.free(upstream(1), true, now), Freed::Kept);
        assert_eq!(pool.take_idle(), Some(upstream(1)));
    }

    #[test]
    fn a_request_that_is_sent_again_takes_a_new_connection_only() {
        let now = Instant::now();
        let mut pool = busy(now);
        assert_eq!(pool.ask(client(2), true, now), Asked::Waits);
        assert_eq!(pool.free(upstream(1), true, now), Freed::Surplus);
        pool.lost(upstream(1), false);
        assert!(pool.wants_attempt());
        pool.attempt_begins(8);
        pool.attempt_ends(8, true);
        assert_eq!(pool.free(upstream(2), false, now), Freed::Lent(client(2)));
    }

    #[test]
    fn an_idle_connection_makes_room_for_a_new_one() {
        let now = Instant::now();
        let mut pool = busy(now);
        assert_eq!(pool.free(upstream(1), true, now), Freed::Kept);
        assert_eq!(pool.ask(client(2), true, now), Asked::WaitsAfter(upstream(1)));
    }

    #[test]
    fn waits_and_idleness_end() {
        let now = Instant::now();
        let mut pool = busy(now);
        assert_eq!(pool.ask(client(2), false, now), Asked::Waits);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!((pool.late_waiter(at(5)), pool.next_check()), (None, Some(at(5))));
        assert_eq!(pool.late_waiter(at(6)), Some(client(2)));
        assert_eq!(pool.free(upstream(1), true, at(6)), Freed::Kept);
        assert_eq!((pool.expired(at(10)), pool.next_check()), (None, Some(at(10))));
        assert_eq!(pool.expired(at(11)), Some(upstream(1)));
    }

    #[test]
    fn who_waits_no_longer_needs_no_attempt() {
        let now = Instant::now();
        let mut pool = pool();
        assert_eq!(pool.ask(client(1), false, now), Asked::Waits);
        pool.attempt_begins(7);
        assert_eq!(pool.cancel(client(1)), Some(7));
        assert_eq!(pool.cancel(client(1)), None);
    }

    #[test]
    fn a_closed_pool_keeps_nothing() {
        let now = Instant::now();
        let mut pool = busy(now);
        assert_eq!(pool.close(), []);
        assert_eq!(pool.free(upstream(1), true, now), Freed::Surplus);
        assert!(!pool.is_over());
        pool.lost(upstream(1), false);
        assert!(pool.is_over());
    }
}
