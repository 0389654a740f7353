//! Attempts to connect: begun for what waits for a connection, won or lost.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use wasmgate_gateway::Failure;

use crate::core::connecting::Refused;
use crate::core::{Core, Due, Timer, UPSTREAM, token};
use crate::mailbox::Command;
use crate::net::address_policy::checked;
use crate::net::socket::{Carrier, Socket};
use crate::net::tls::TlsStream;
use crate::refs::{AttemptRef, UpstreamRef};
use crate::upstream::attempt::{Attempt, HEAD_START, Reason, order};
use crate::upstream::{Upstream, UpstreamState};

impl Core {
    pub(super) fn begin_attempts(&mut self, pool: usize) {
        while self.pools[pool].wants_attempt() {
            let (serial, now) = (self.serial(), Instant::now());
            let its = &self.pools[pool];
            let (host, port, until) =
                (its.target.host.clone(), its.target.port, now + its.limits.connect);
            let entry = self.attempts.vacant_entry();
            let (key, this) = (entry.key(), AttemptRef { key: entry.key(), serial });
            entry.insert(Attempt {
                this,
                pool,
                began: now,
                until,
                addresses: VecDeque::new(),
                connecting: Vec::new(),
                reason: Reason::default(),
            });
            self.pools[pool].attempt_begins(key);
            self.wheel.insert(until, Timer::Attempt(this));
            if let Ok(address) = host.parse::<IpAddr>() {
                // In its turn: a connection that fails at once begins the next attempt.
                self.attempts[key].addresses.push_back(SocketAddr::new(address, port));
                self.due.push_back(Due::Attempt(this));
                continue;
            }
            let is_checked = self.pools[pool].target.is_checked;
            let (mailbox, name) = (Arc::clone(&self.mailbox), Arc::clone(&host));
            self.resolver.resolve(host, port, move |addresses| {
                let addresses = addresses.map_err(Reason::Unreachable).and_then(|found| {
                    if is_checked {
                        checked(&name, found).map_err(Reason::Denied)
                    } else {
                        Ok(found)
                    }
                });
                mailbox.post(Command::Resolved { attempt: this, addresses });
            });
        }
    }

    /// The attempt, if it is under way still.
    fn find_attempt(&mut self, attempt: AttemptRef) -> Option<&mut Attempt> {
        self.attempts.get_mut(attempt.key).filter(|its| its.this == attempt)
    }

    /// The addresses of an attempt are known.
    pub(crate) fn resolved(
        &mut self,
        this: AttemptRef,
        addresses: Result<Vec<SocketAddr>, Reason>,
    ) {
        let Some(attempt) = self.find_attempt(this) else { return };
        match addresses {
            Ok(addresses) => attempt.addresses = order(&addresses),
            Err(reason) => attempt.reason = reason,
        }
        self.next_address(this.key);
    }

    /// An attempt whose addresses were known at once has its turn.
    pub(crate) fn begin_attempt(&mut self, attempt: AttemptRef) {
        if self.find_attempt(attempt).is_some() {
            self.next_address(attempt.key);
        }
    }

    /// Tries the next address of an attempt, or ends it when there is none and none is being tried.
    fn next_address(&mut self, key: usize) {
        loop {
            let Some(attempt) = self.attempts.get_mut(key) else { return };
            let (pool, this) = (attempt.pool, attempt.this);
            let Some(address) = attempt.addresses.pop_front() else {
                if attempt.connecting.is_empty() {
                    let reason = std::mem::take(&mut attempt.reason);
                    self.fail_attempt(key, reason, Failure::Connect);
                }
                return;
            };
            match self.connect(key, pool, address) {
                Ok(()) => {
                    let at = Instant::now() + HEAD_START;
                    self.wheel.insert(at, Timer::Attempt(this));
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
    pub(super) fn end_attempt(&mut self, key: usize) {
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
    pub(crate) fn check_attempt(&mut self, this: AttemptRef) {
        let (now, key) = (self.now, this.key);
        let Some(attempt) = self.find_attempt(this) else { return };
        if now >= attempt.until {
            let reason = Reason::Unreachable("no answer in time".into());
            self.fail_attempt(key, reason, Failure::Timeout);
        } else if !attempt.addresses.is_empty() {
            self.next_address(key);
        }
    }
}
