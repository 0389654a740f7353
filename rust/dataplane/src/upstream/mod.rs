//! Connections to endpoints: made, bounded, lent one at a time.

pub(crate) mod attempt;
pub(crate) mod pool;

use std::time::Instant;

use crate::net::socket::Socket;
use crate::refs::{Ask, Borrower, UpstreamRef};

/// A connection to an endpoint.
pub(crate) struct Upstream {
    pub(crate) this: UpstreamRef,
    pub(crate) socket: Socket,
    pub(crate) pool: usize,
    pub(crate) state: UpstreamState,
    /// An exchange has ended on it.
    pub(crate) used: bool,
}

/// Who has the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpstreamState {
    /// An attempt, until it is connected.
    Connecting(usize),
    /// The same attempt, until TLS is agreed on.
    Securing(usize),
    /// The pool, since then.
    Idle(Instant),
    /// What asked, which hears of it in a moment; nothing is read until then.
    Promised(Ask),
    /// An exchange. `paused`: it does not read what comes.
    Lent { to: Borrower, paused: bool },
    /// Nobody: what is written goes out, and it is closed when the other end has closed it, too. `ended`:
    /// its end was said.
    Parting { ended: bool },
}
