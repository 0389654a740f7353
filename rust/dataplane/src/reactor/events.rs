//! What the poll says, and what has its turn after it.

use mio::event::Event;

use crate::core::{CLIENT, Due, LISTENER, UPSTREAM, named};
use crate::downstream::Client;
use crate::net::socket::Received;
use crate::reactor::Reactor;
use crate::upstream::UpstreamState;

/// Looks at a socket in one turn: others have theirs.
const LOOKS: usize = 4;

impl Reactor {
    pub(super) fn handle(&mut self, event: &Event) {
        match named(event.token()) {
            (CLIENT, key) => self.client_event(key, event),
            (UPSTREAM, key) => self.upstream_event(key, event),
            (LISTENER, key) => {
                if let Some(listener) = self.listeners.get_mut(key) {
                    listener.note();
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
            Due::Connected(ask, upstream) => {
                if self.find(ask.client).is_some() {
                    self.with(ask.client, |client, core| {
                        client.take_upstream(ask, upstream, core);
                    });
                } else if self.core.find(upstream).is_some() {
                    self.core.give_back(upstream.key, true);
                }
            }
            Due::Refused(ask, failure) => {
                self.with(ask.client, |client, core| client.refuse(ask, failure, core));
            }
            Due::Attempt(attempt, serial) => self.core.begin_attempt(attempt, serial),
            Due::Proceed(client) => self.with(client, Client::proceed),
            Due::Resume(client) => self.with(client, Client::resume),
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
            UpstreamState::Idle(_) => self.read_upstream(key),
            UpstreamState::Lent { to, .. } => {
                let socket = &mut upstream.socket;
                let was_full = socket.is_full();
                if socket.is_writable() && socket.waiting() > 0 && socket.flush().is_err() {
                    socket.give_up_writing();
                }
                if was_full && !socket.is_full() {
                    self.with(to, Client::upstream_has_room);
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
                    let Some(client) = self
                        .clients
                        .get_mut(to.key)
                        .filter(|client| client.this == to && client.has(this))
                    else {
                        return self.core.close_upstream(key);
                    };
                    client.receive_upstream(&self.buffer[..count], &mut self.core);
                    self.settle(to.key);
                }
                received => {
                    let cleanly = matches!(received, Received::End) && !upstream.socket.is_broken();
                    let has = self.find(to).is_some_and(|client| client.has(this));
                    self.core.close_upstream(key);
                    if has {
                        self.with(to, |client, core| {
                            client.lose_upstream(used, cleanly, core);
                        });
                    }
                    return;
                }
            }
        }
        if let Some(upstream) = self.core.upstreams.get(key) {
            self.core.due.push_back(Due::ReadUpstream(upstream.this));
        }
    }
}
