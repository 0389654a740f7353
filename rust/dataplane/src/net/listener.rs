//! Where clients connect.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};

/// Connections that are accepted in a turn, so that those that are there have their turn.
pub(crate) const AT_ONCE: usize = 64;
/// How long none is accepted after the process ran out of descriptors or memory (accept(2)).
const PAUSE: Duration = Duration::from_millis(100);

/// A listening socket of this thread.
pub(crate) struct Listener {
    socket: TcpListener,
    /// Its address, which policies see as the server's.
    address: Option<(Arc<str>, u16)>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Every connection that waited is accepted.
    Drained,
    /// Connections may wait.
    Ready,
    /// The system refused to give one; until then none is asked for.
    Paused(Instant),
}

/// A look for a connection.
pub(crate) enum Accepted {
    Client(TcpStream, SocketAddr),
    /// None waits.
    None,
    /// The system has no room for one; it is asked again later.
    Exhausted(io::Error),
}

impl Listener {
    pub(crate) fn new(
        listener: std::net::TcpListener,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut socket = TcpListener::from_std(listener);
        registry.register(&mut socket, token, Interest::READABLE)?;
        let address = socket.local_addr().ok().map(|at| (at.ip().to_string().into(), at.port()));
        Ok(Self { socket, address, state: State::Ready })
    }

    pub(crate) fn address(&self) -> Option<(Arc<str>, u16)> {
        self.address.clone()
    }

    /// An event said that connections wait.
    pub(crate) fn note(&mut self) {
        if self.state == State::Drained {
            self.state = State::Ready;
        }
    }

    /// True if connections may wait that can be accepted now.
    pub(crate) fn is_ready(&self, now: Instant) -> bool {
        match self.state {
            State::Drained => false,
            State::Ready => true,
            State::Paused(until) => until <= now,
        }
    }

    /// When it is to be asked again after the system had no room.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        match self.state {
            State::Paused(until) => Some(until),
            State::Drained | State::Ready => None,
        }
    }

    pub(crate) fn accept(&mut self, now: Instant) -> Accepted {
        loop {
            match self.socket.accept() {
                Ok((stream, peer)) => {
                    self.state = State::Ready;
                    return Accepted::Client(stream, peer);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.state = State::Drained;
                    return Accepted::None;
                }
                // A client that left before it was accepted, or a network that was down for a while
                // (accept(2), "Error handling"): the next one.
                Err(error) if !exhausted(&error) => {}
                Err(error) => {
                    self.state = State::Paused(now + PAUSE);
                    return Accepted::Exhausted(error);
                }
            }
        }
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) {
        let _ = registry.deregister(&mut self.socket);
    }
}

/// EMFILE, ENFILE, ENOBUFS and ENOMEM do not pass by themselves at once; nor does what is not known.
fn exhausted(error: &io::Error) -> bool {
    !matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::TimedOut
    )
}
