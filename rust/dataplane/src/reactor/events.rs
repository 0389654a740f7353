//! What the poll says, and what has its turn after it.

use mio::event::Event;

use crate::core::{CLIENT, Due, LISTENER, UPSTREAM, named};
use crate::downstream::Client;
use crate::net::socket::Received;
use crate::reactor::Reactor;
use crate::refs::{Ask, Borrower, UpstreamRef};
use crate::transaction::Transaction;
use crate::upstream::UpstreamState;

/// Looks at a socket in one turn: others have theirs.
const LOOKS: usize = 4;

impl Reactor {
    pub(super) fn handle(&mut self, event: &Event) {
        match named(event.token()) {
            (CLIENT, key) => self.client_event(key, event),
            (UPSTREAM, key) => self.upstream_event(key, event),
            (LISTENER, key) => {
                if let Some(front) = self.fronts.get_mut(key) {
                    front.listener.note();
                }
            }
            _ => self.commands(),
        }
    }

    pub(super) fn do_due(&mut self, due: Due) {
        match due {
            Due::Read(client) => {
                if self.find(client).is_some() {
                    self.read_client(client.key);
                }
            }
            Due::ReadUpstream(upstream) => {
                if self.core.find(upstream).is_some() {
                    self.read_upstream(upstream.key);
                }
            }
            Due::Connected(ask, upstream) => self.connected(ask, upstream),
            Due::Refused(ask, refused) => match ask.borrower {
                Borrower::Client(client) => {
                    self.with(client, |client, core| client.refuse(ask, refused, core));
                }
                Borrower::Transaction(transaction) => {
                    self.with_transaction(transaction, |its, core| its.refuse(ask, refused, core));
                }
            },
            Due::Attempt(attempt) => self.core.begin_attempt(attempt),
            Due::Proceed(client) => drop(self.with(client, Client::proceed)),
            Due::Resume(client) => drop(self.with(client, Client::resume)),
            Due::Call(callout) => self.begin_call(callout),
            Due::CancelCall(callout) => self.cancel_call(callout),
        }
    }

    fn connected(&mut self, ask: Ask, upstream: UpstreamRef) {
        let found = match ask.borrower {
            Borrower::Client(client) => {
                self.with(client, |client, core| client.take_upstream(ask, upstream, core))
            }
            Borrower::Transaction(transaction) => {
                self.with_transaction(transaction, |its, core| {
                    its.take_upstream(ask, upstream, core);
                })
            }
        };
        if found.is_none() && self.core.find(upstream).is_some() {
            self.core.give_back(upstream.key, true);
        }
    }

    fn client_event(&mut self, key: usize, event: &Event) {
        let Some(client) = self.clients.get_mut(key) else { return };
        client.socket.note(event);
        if client.socket.is_writable() && client.socket.waiting() > 0 {
            client.flush(&mut self.core);
        }
        self.read_client(key);
    }

    pub(super) fn read_client(&mut self, key: usize) {
        for _ in 0..LOOKS {
            let Some(client) = self.clients.get_mut(key).filter(|client| client.can_be_read())
            else {
                break;
            };
            let received = client.socket.read(&mut self.buffer);
            client.receive(received, &self.buffer, &mut self.core);
        }
        if let Some(client) = self.clients.get_mut(key) {
            if client.can_be_read() {
                self.core.due.push_back(Due::Read(client.this));
            } else if !client.stops.is_empty() && client.socket.has_hung_up() {
                client.leave();
            }
        }
        self.settle(key);
    }

    fn upstream_event(&mut self, key: usize, event: &Event) {
        let Some(upstream) = self.core.upstreams.get_mut(key) else { return };
        upstream.socket.note(event);
        match upstream.state {
            UpstreamState::Connecting(attempt) | UpstreamState::Securing(attempt) => {
                self.core.go_on(key, attempt);
            }
            UpstreamState::Promised(_) => {}
            UpstreamState::Parting { .. } => self.core.go_on_parting(key),
            UpstreamState::Idle(_) => self.read_upstream(key),
            UpstreamState::Lent { to, .. } => {
                let socket = &mut upstream.socket;
                let was_full = socket.is_full();
                if socket.is_writable() && socket.waiting() > 0 && socket.flush().is_err() {
                    socket.give_up_writing();
                }
                if was_full && !socket.is_full() {
                    match to {
                        Borrower::Client(client) => {
                            self.with(client, Client::upstream_has_room);
                        }
                        Borrower::Transaction(transaction) => {
                            self.with_transaction(transaction, Transaction::upstream_has_room);
                        }
                    }
                }
                self.read_upstream(key);
            }
        }
    }

    fn read_upstream(&mut self, key: usize) {
        for _ in 0..LOOKS {
            let Some(upstream) = self.core.upstreams.get_mut(key) else { return };
            if !upstream.socket.is_readable() {
                return;
            }
            let to = match upstream.state {
                UpstreamState::Lent { to, paused: false } => to,
                UpstreamState::Lent { .. }
                | UpstreamState::Promised(_)
                | UpstreamState::Connecting(_)
                | UpstreamState::Securing(_) => return,
                UpstreamState::Parting { .. } => return self.core.go_on_parting(key),
                // It closes, or speaks out of turn.
                UpstreamState::Idle(_) => {
                    if !upstream.socket.is_quiet() {
                        self.core.close_upstream(key);
                    }
                    return;
                }
            };
            let (used, this) = (upstream.used, upstream.this);
            match upstream.socket.read(&mut self.buffer) {
                Received::Nothing => return,
                Received::Bytes(count) => {
                    if !self.pass_on(to, this, count) {
                        return self.core.close_if_there(this);
                    }
                }
                received => {
                    let cleanly = matches!(received, Received::End) && !upstream.socket.is_broken();
                    self.core.close_upstream(key);
                    return self.lose(to, this, used, cleanly);
                }
            }
        }
        if let Some(upstream) = self.core.upstreams.get(key) {
            self.core.due.push_back(Due::ReadUpstream(upstream.this));
        }
    }

    /// Gives bytes of an upstream to what has it; false if that is gone.
    fn pass_on(&mut self, to: Borrower, upstream: UpstreamRef, count: usize) -> bool {
        let bytes = &self.buffer[..count];
        match to {
            Borrower::Client(to) => {
                let its = self.clients.get_mut(to.key).filter(|its| its.this == to);
                let Some(its) = its.filter(|its| its.has(upstream)) else { return false };
                its.receive_upstream(bytes, &mut self.core);
                self.settle(to.key);
            }
            Borrower::Transaction(to) => {
                let its = self.transactions.get_mut(to.key).filter(|its| its.this == to);
                let Some(its) = its.filter(|its| its.has(upstream)) else { return false };
                its.receive(bytes, &mut self.core);
            }
        }
        true
    }

    /// Tells what had a connection that it is gone.
    fn lose(&mut self, to: Borrower, upstream: UpstreamRef, used: bool, cleanly: bool) {
        match to {
            Borrower::Client(client) => self.with(client, |client, core| {
                if client.has(upstream) {
                    client.lose_upstream(used, cleanly, core);
                }
            }),
            Borrower::Transaction(transaction) => {
                self.with_transaction(transaction, |its, core| {
                    if its.has(upstream) {
                        its.lose(used, cleanly, core);
                    }
                })
            }
        };
    }
}
