//! The clients of a thread: accepted, found, ended.

use mio::net::TcpStream;
use std::net::SocketAddr;
use std::sync::Arc;
use wasmgate_gateway::{Connection, Ends, Peer};

use crate::core::{CLIENT, Core, token};
use crate::deployment::ClientSettings;
use crate::downstream::{Client, Phase};
use crate::net::admission::{Asked, Place, RETRY};
use crate::net::listener::{AT_ONCE, Accepted};
use crate::net::socket::{Carrier, Socket};
use crate::net::tls::TlsStream;
use crate::reactor::{Front, Reactor};
use crate::refs::ClientRef;

impl Reactor {
    /// Accepts clients that wait.
    pub(super) fn accept(&mut self) {
        let Some(deployment) = self.core.latest() else { return };
        for index in 0..self.fronts.len() {
            for _ in 0..AT_ONCE {
                if !self.fronts[index].listener.is_ready(self.core.now) {
                    break;
                }
                let Some(place) = self.place(index) else { return };
                let Front { listener, settings } = &mut self.fronts[index];
                match listener.accept(self.core.now) {
                    Accepted::None => {}
                    Accepted::Client(stream, peer) => {
                        let (address, settings) = (listener.address(), Arc::clone(settings));
                        self.greet(stream, (peer, address), settings, deployment, place);
                    }
                    Accepted::Exhausted(error) => {
                        self.core
                            .fault("accept", format!("no connection can be accepted: {error}"));
                    }
                }
            }
        }
    }

    /// A place for a client that waits; none: the thread is told when it may ask again.
    fn place(&mut self, front: usize) -> Option<Place> {
        if self.full.is_some_and(|until| self.core.now < until) {
            return None;
        }
        self.full = None;
        let admission = &self.fronts[front].settings.admission;
        match admission.ask(self.core.thread, &self.room, self.core.now) {
            Asked::Place(place) => Some(place),
            Asked::Full(said) => {
                self.full = Some(self.core.now + RETRY);
                if let Some(most) = said {
                    self.core.warn(format!(
                        "{most} clients are connected, as many as may be (server.connections): \
                         others wait until one leaves"
                    ));
                }
                None
            }
        }
    }

    fn greet(
        &mut self,
        stream: TcpStream,
        (peer, address): (SocketAddr, Option<(Arc<str>, u16)>),
        settings: Arc<ClientSettings>,
        deployment: usize,
        place: Place,
    ) {
        // Answers are written in one go: none waits for the client's ACK of another (RFC 9293 §3.7.4).
        let _ = stream.set_nodelay(true);
        let carrier = match &settings.certificate {
            None => Carrier::Plain(stream),
            Some(certificate) => match TlsStream::server(stream, certificate) {
                Ok(tls) => Carrier::Tls(Box::new(tls)),
                Err(error) => {
                    return self.core.fault("accept", format!("TLS cannot begin: {error}"));
                }
            },
        };
        let mut socket = Socket::new(carrier);
        let serial = self.core.serial();
        let entry = self.clients.vacant_entry();
        let this = ClientRef { key: entry.key(), serial };
        if let Err(error) = socket.register(&self.core.registry, token(CLIENT, this.key)) {
            return self.core.fault("accept", format!("no connection can be accepted: {error}"));
        }
        let ends = Ends {
            peer: Some(Peer::new(&peer.ip().to_string(), peer.port())),
            server: address,
            secure: settings.certificate.is_some(),
            facts: None,
        };
        let router = Arc::clone(&self.core.served[deployment].deployment.router);
        let mut connection = Connection::new(router, ends);
        if settings.logs_accesses {
            connection.log_accesses();
        }
        let name = settings.logs_accesses.then(|| peer.to_string());
        let now = self.core.now;
        let about = (name, place);
        let mut client = Client::new(this, socket, connection, deployment, settings, about, now);
        self.core.served[deployment].clients += 1;
        client.check_deadlines(&mut self.core);
        entry.insert(client);
    }

    pub(super) fn find(&self, client: ClientRef) -> Option<&Client> {
        self.clients.get(client.key).filter(|its| its.this == client)
    }

    /// Works on a client, and settles what came of it; none if the client is gone.
    pub(super) fn with(
        &mut self,
        client: ClientRef,
        work: impl FnOnce(&mut Client, &mut Core),
    ) -> Option<()> {
        let its = self.clients.get_mut(client.key).filter(|its| its.this == client)?;
        work(its, &mut self.core);
        self.settle(client.key);
        Some(())
    }

    /// Removes a client that is gone.
    pub(super) fn settle(&mut self, key: usize) {
        let Some(client) = self.clients.get_mut(key) else { return };
        match client.phase {
            Phase::Serving | Phase::Closing | Phase::Lingering { .. } => {}
            Phase::Lost | Phase::Closed => {
                let mut client = self.clients.remove(key);
                client.end(&mut self.core);
                client.socket.deregister(&self.core.registry);
                self.core.served[client.served].clients -= 1;
                self.core.retire(client.served);
            }
        }
    }
}
