//! Connections to endpoints: asked for, made, given back, closed.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use wasmgate_gateway::Failure;

use crate::core::{Core, Due, Timer, UPSTREAM, token};
use crate::net::socket::{Carrier, Socket};
use crate::net::tls::TlsStream;
use crate::refs::{Ask, AttemptRef, GroupRef, UpstreamRef};
use crate::upstream::attempt::{Attempt, HEAD_START, Reason, order};
use crate::upstream::pool::{Asked, Freed, Pool, Question};
use crate::upstream::{Upstream, UpstreamState};

/// Of connections that were idle for too long, so many are closed in a turn: to close thousands at
/// once would hold up the requests.
const CLOSED_AT_ONCE: usize = 64;

/// What becomes of the wish for a connection.
pub(crate) enum Dialled {
    Lent(UpstreamRef),
    Waits,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) failure: Failure,
    /// The layer above refuses the addresses.
    pub(crate) denied: bool,
    /// In words, with the endpoint's URL.
    pub(crate) reason: String,
}

impl Refused {
    /// The endpoint is one to which there can be no connection.
    pub(crate) fn unreachable(reason: String) -> Self {
        Self { failure: Failure::Connect, denied: false, reason }
    }
}

impl Core {
    /// The pool of an endpoint.
    pub(crate) fn pool(&mut self, served: usize, (cluster, endpoint): (usize, usize)) -> usize {
        let its = &mut self.served[served];
        if let Some(pool) = its.pools.get(&(cluster, endpoint)) {
            return *pool;
        }
        let (target, limits) = its.deployment.target(cluster, endpoint);
        let pool = self.pools.insert(Pool::new(target, limits));
        its.pools.insert((cluster, endpoint), pool);
        pool
    }

    /// A connection for what asks: an idle one unless it is to be `fresh`, or one that it waits for.
    ///
    /// # Errors
    /// Too many wait already.
    pub(crate) fn dial(&mut self, pool: usize, ask: Ask, fresh: bool) -> Result<Dialled, Refused> {
        while !fresh && let Some(upstream) = self.pools[pool].take_idle() {
            let Some(idle) = self.find(upstream) else { continue };
            // What came or ended in the meantime makes it of no use.
            if !idle.socket.is_quiet() {
                self.close_upstream(upstream.key);
                continue;
            }
            idle.state = UpstreamState::Lent { to: ask.borrower, paused: false };
            return Ok(Dialled::Lent(upstream));
        }
        match self.pools[pool].ask(ask, fresh, self.now) {
            Asked::Waits => {}
            Asked::WaitsAfter(idle) => {
                self.close_if_there(idle);
            }
            Asked::Refused => {
                let (open, waiting) = self.pools[pool].counts();
                let url = &self.pools[pool].target.url;
                let reason = format!("{url}: {open} connections busy, {waiting} requests wait");
                let failure = Failure::NoHealthyEndpoint;
                return Err(Refused { failure, denied: false, reason });
            }
        }
        self.begin_attempts(pool);
        self.watch_pool(pool);
        Ok(Dialled::Waits)
    }

    /// Lets it wait no longer.
    pub(crate) fn cancel(&mut self, pool: usize, ask: Ask) {
        if let Some(attempt) = self.pools[pool].cancel(ask) {
            self.end_attempt(attempt);
        }
    }

    /// Takes a connection back.
    pub(crate) fn give_back(&mut self, key: usize, reusable: bool) {
        let now = self.now;
        let upstream = &mut self.upstreams[key];
        upstream.used = true;
        let reusable = reusable && upstream.socket.waiting() == 0 && upstream.socket.is_quiet();
        if !reusable {
            return self.close_upstream(key);
        }
        upstream.state = UpstreamState::Idle(now);
        self.free(key);
    }

    /// Gives a connection that is free to what waits for one, or keeps it.
    fn free(&mut self, key: usize) {
        let now = self.now;
        let Upstream { this, used, pool, .. } = self.upstreams[key];
        match self.pools[pool].free(this, used, now) {
            Freed::Lent(ask) => {
                self.upstreams[key].state = UpstreamState::Promised(ask);
                self.due.push_back(Due::Connected(ask, this));
            }
            Freed::Kept => {
                self.upstreams[key].state = UpstreamState::Idle(now);
                self.watch_pool(pool);
            }
            Freed::Surplus => self.close_upstream(key),
        }
    }

    pub(crate) fn find(&mut self, upstream: UpstreamRef) -> Option<&mut Upstream> {
        let found = self.upstreams.get_mut(upstream.key)?;
        (found.this == upstream).then_some(found)
    }

    /// Sends bytes of a request. When the connection is broken, what the upstream sent before is read
    /// first: it may be why.
    pub(crate) fn write_upstream(&mut self, key: usize, parts: [&[u8]; 4]) {
        let upstream = &mut self.upstreams[key];
        if upstream.socket.write(parts).is_err() {
            upstream.socket.give_up_writing();
            self.due.push_back(Due::ReadUpstream(upstream.this));
        }
    }

    /// Closes a connection that may be gone already.
    pub(crate) fn close_if_there(&mut self, upstream: UpstreamRef) {
        if self.find(upstream).is_some() {
            self.close_upstream(upstream.key);
        }
    }

    /// Closes a connection; its place in the pool is free again.
    pub(crate) fn close_upstream(&mut self, key: usize) {
        let Some(mut upstream) = self.upstreams.try_remove(key) else { return };
        upstream.socket.deregister(&self.registry);
        let Upstream { this, pool, state, .. } = upstream;
        // Its descriptor is free for the connection that takes its place.
        drop(upstream);
        match state {
            UpstreamState::Connecting(attempt) | UpstreamState::Securing(attempt) => {
                if let Some(attempt) = self.attempts.get_mut(attempt) {
                    attempt.connecting.retain(|other| *other != this);
                }
            }
            UpstreamState::Idle(_) | UpstreamState::Promised(_) | UpstreamState::Lent { .. } => {
                let was_idle = matches!(state, UpstreamState::Idle(_));
                self.pools[pool].lost(this, was_idle);
                self.begin_attempts(pool);
                self.forget_pool(pool);
            }
        }
    }

    fn begin_attempts(&mut self, pool: usize) {
        while self.pools[pool].wants_attempt() {
            let (serial, now) = (self.serial(), self.now);
            let its = &self.pools[pool];
            let (host, port, until) =
                (its.target.host.clone(), its.target.port, now + its.limits.connect);
            let key = self.attempts.insert(Attempt {
                serial,
                pool,
                began: now,
                until,
                addresses: std::collections::VecDeque::new(),
                connecting: Vec::new(),
                reason: Reason::default(),
            });
            self.pools[pool].attempt_begins(key);
            self.wheel.insert(until, Timer::Attempt(key, serial));
            if let Ok(address) = host.parse::<IpAddr>() {
                // In its turn: a connection that fails at once begins the next attempt.
                self.attempts[key].addresses.push_back(SocketAddr::new(address, port));
                self.due.push_back(Due::Attempt(key, serial));
                continue;
            }
            if let Some(group) = self.pools[pool].target.asks {
                let attempt = AttemptRef { key, serial };
                self.questions.push(Question { group: GroupRef(group), attempt, host, port });
                continue;
            }
            let mailbox = std::sync::Arc::clone(&self.mailbox);
            self.resolver.resolve(host, port, move |addresses| {
                let addresses = addresses.map_err(|error| Reason::from(&error));
                let attempt = AttemptRef { key, serial };
                mailbox.post(crate::mailbox::Command::Resolved { attempt, addresses });
            });
        }
    }

    /// The attempt with this serial, if it is under way still.
    fn find_attempt(&mut self, key: usize, serial: u64) -> Option<&mut Attempt> {
        self.attempts.get_mut(key).filter(|its| its.serial == serial)
    }

    /// The addresses of an attempt are known.
    pub(crate) fn resolved(
        &mut self,
        AttemptRef { key, serial }: AttemptRef,
        addresses: Result<Vec<SocketAddr>, Reason>,
    ) {
        let Some(attempt) = self.find_attempt(key, serial) else { return };
        match addresses {
            Ok(addresses) => attempt.addresses = order(&addresses),
            Err(reason) => attempt.reason = reason,
        }
        self.next_address(key);
    }

    /// An attempt whose addresses were known at once has its turn.
    pub(crate) fn begin_attempt(&mut self, key: usize, serial: u64) {
        if self.find_attempt(key, serial).is_some() {
            self.next_address(key);
        }
    }

    /// Tries the next address of an attempt, or ends it when there is none and none is being tried.
    fn next_address(&mut self, key: usize) {
        loop {
            let Some(attempt) = self.attempts.get_mut(key) else { return };
            let (pool, attempt_serial) = (attempt.pool, attempt.serial);
            let Some(address) = attempt.addresses.pop_front() else {
                if attempt.connecting.is_empty() {
                    let reason = std::mem::take(&mut attempt.reason);
                    self.fail_attempt(key, reason, Failure::Connect);
                }
                return;
            };
            match self.connect(key, pool, address) {
                Ok(()) => {
                    let at = self.now + HEAD_START;
                    self.wheel.insert(at, Timer::Attempt(key, attempt_serial));
                    return;
                }
                Err(error) => {
                    if let Some(attempt) = self.attempts.get_mut(key) {
                        attempt.reason = Reason::from(&error);
                    }
                }
            }
        }
    }

    fn connect(&mut self, attempt: usize, pool: usize, address: SocketAddr) -> io::Result<()> {
        let tcp = TcpStream::connect(address)?;
        // A request's head and body may be two writes: neither waits for the other's ACK (RFC 9293 §3.7.4).
        let _ = tcp.set_nodelay(true);
        let serial = self.serial();
        let carrier = match &self.pools[pool].target.tls {
            None => Carrier::Plain(tcp),
            Some((config, host)) => {
                let tls = TlsStream::client(tcp, config, host.clone());
                Carrier::Tls(Box::new(tls.map_err(io::Error::other)?))
            }
        };
        let entry = self.upstreams.vacant_entry();
        let key = entry.key();
        let mut socket = Socket::new(carrier);
        socket.register(&self.registry, token(UPSTREAM, key))?;
        let (this, state) = (UpstreamRef { key, serial }, UpstreamState::Connecting(attempt));
        entry.insert(Upstream { this, socket, pool, state, used: false });
        self.attempts[attempt].connecting.push(this);
        Ok(())
    }

    /// An event of a connection that is being made.
    pub(crate) fn go_on(&mut self, key: usize, attempt: usize) {
        match self.try_to_finish(key) {
            Ok(true) => self.finish_attempt(key, attempt),
            Ok(false) => {}
            Err(error) => {
                if let Some(its) = self.attempts.get_mut(attempt) {
                    its.reason = Reason::from(&error);
                }
                self.close_upstream(key);
                self.next_address(attempt);
            }
        }
    }

    /// True once the connection can be used.
    fn try_to_finish(&mut self, key: usize) -> io::Result<bool> {
        let upstream = &mut self.upstreams[key];
        if let UpstreamState::Connecting(attempt) = upstream.state {
            let tcp = upstream.socket.tcp();
            if let Some(error) = tcp.take_error()? {
                return Err(error);
            }
            match tcp.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
                Err(error) => return Err(error),
            }
            upstream.state = UpstreamState::Securing(attempt);
        }
        upstream.socket.shake_hands()
    }

    fn finish_attempt(&mut self, key: usize, attempt: usize) {
        let Some(its) = self.attempts.try_remove(attempt) else { return self.close_upstream(key) };
        self.upstreams[key].state = UpstreamState::Idle(self.now);
        for other in its.connecting {
            if other.key != key {
                self.close_if_there(other);
            }
        }
        self.pools[its.pool].attempt_ends(attempt, true);
        self.free(key);
    }

    /// Ends an attempt without a connection.
    fn end_attempt(&mut self, key: usize) {
        let Some(attempt) = self.attempts.try_remove(key) else { return };
        for upstream in attempt.connecting {
            self.close_if_there(upstream);
        }
        self.pools[attempt.pool].attempt_ends(key, false);
        self.begin_attempts(attempt.pool);
        self.forget_pool(attempt.pool);
    }

    fn fail_attempt(&mut self, key: usize, reason: Reason, failure: Failure) {
        let Attempt { pool, began, .. } = self.attempts[key];
        // Who came later has an attempt to come still.
        if let Some(ask) = self.pools[pool].first_waiter(began) {
            let (denied, reason) = match reason {
                Reason::Unreachable(reason) => {
                    (false, format!("cannot connect to {}: {reason}", self.pools[pool].target.url))
                }
                Reason::Denied(reason) => (true, reason),
            };
            self.due.push_back(Due::Refused(ask, Refused { failure, denied, reason }));
        }
        self.end_attempt(key);
    }

    /// A deadline of an attempt: the next address has its turn, or the time is over.
    pub(crate) fn check_attempt(&mut self, key: usize, serial: u64) {
        let now = self.now;
        let Some(attempt) = self.find_attempt(key, serial) else { return };
        if now >= attempt.until {
            let reason = Reason::Unreachable("no answer in time".into());
            self.fail_attempt(key, reason, Failure::Timeout);
        } else if !attempt.addresses.is_empty() {
            self.next_address(key);
        }
    }

    fn watch_pool(&mut self, pool: usize) {
        if let Some(at) = self.pools[pool].watch() {
            self.wheel.insert(at, Timer::Pool(pool));
        }
    }

    /// Closes what has been idle for too long, before the upstream does; ends long waits.
    pub(crate) fn check_pool(&mut self, key: usize) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        pool.watched_until = None;
        for _ in 0..CLOSED_AT_ONCE {
            let Some(upstream) = self.pools[key].expired(self.now) else { break };
            self.close_if_there(upstream);
        }
        while let Some(ask) = self.pools[key].late_waiter(self.now) {
            let (url, (open, waiting)) = (&self.pools[key].target.url, self.pools[key].counts());
            let reason =
                format!("no connection to {url} in time: {open} open, {waiting} requests wait");
            let refused = Refused { failure: Failure::Timeout, denied: false, reason };
            self.due.push_back(Due::Refused(ask, refused));
        }
        self.watch_pool(key);
    }

    pub(crate) fn close_pool(&mut self, key: usize) {
        for upstream in self.pools[key].close() {
            self.close_if_there(upstream);
        }
        self.forget_pool(key);
    }

    pub(crate) fn forget_pool(&mut self, key: usize) {
        let in_use = || {
            self.served.iter().any(|(_, its)| its.pools.values().any(|at| *at == key))
                || self.groups.iter().any(|(_, its)| its.pools.values().any(|at| *at == key))
        };
        if self.pools.get(key).is_some_and(Pool::is_over) && !in_use() {
            self.pools.remove(key);
        }
    }
}
