//! Connections to endpoints: asked for, made, given back, closed.

use std::time::Instant;

use wasmgate_gateway::Failure;

use crate::core::{Core, Due, Timer};
use crate::refs::{Ask, UpstreamRef};
use crate::upstream::pool::{Asked, Freed, Pool};
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
    /// An address is refused.
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
        if its.retired {
            self.pools[pool].close();
        }
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
        // A policy may have computed since the last poll: that takes nothing from the wait.
        match self.pools[pool].ask(ask, fresh, Instant::now()) {
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
    pub(super) fn free(&mut self, key: usize) {
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
            UpstreamState::Idle(_)
            | UpstreamState::Promised(_)
            | UpstreamState::Lent { .. }
            | UpstreamState::Parting { .. } => {
                self.parting -= usize::from(matches!(state, UpstreamState::Parting { .. }));
                let was_idle = matches!(state, UpstreamState::Idle(_));
                self.pools[pool].lost(this, was_idle);
                self.begin_attempts(pool);
                self.forget_pool(pool);
            }
        }
    }

    fn watch_pool(&mut self, pool: usize) {
        if let Some(at) = self.pools[pool].watch() {
            self.wheel.insert(at, Timer::Pool(pool, at));
        }
    }

    /// Closes what has been idle for too long, before the upstream does; ends long waits.
    pub(crate) fn check_pool(&mut self, key: usize, at: Instant) {
        let pool = self.pools.get_mut(key).filter(|pool| pool.watched_until == Some(at));
        let Some(pool) = pool else { return };
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
