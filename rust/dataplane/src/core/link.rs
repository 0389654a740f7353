//! What an exchange has of an upstream: nothing, a wish for a connection, or a connection.

use crate::core::connecting::{Dialled, Refused};
use crate::core::{Core, Due};
use crate::refs::{Ask, Borrower, UpstreamRef};
use crate::upstream::{Upstream, UpstreamState};

/// Bytes kept for an upstream that is not connected yet.
const PENDING: usize = 64 << 10;

/// The upstream of an exchange.
pub(crate) enum Link {
    None,
    /// It waits for a connection of this pool; the bytes are for it.
    Waiting {
        pool: usize,
        ask: Ask,
        fresh: bool,
        pending: Vec<u8>,
    },
    /// It has one.
    Lent {
        pool: usize,
        upstream: UpstreamRef,
    },
}

/// What became of a connection that was promised.
pub(crate) enum Taken {
    /// It serves, and what waited for it is sent.
    Connected,
    /// It was of no use by now: another one is waited for.
    Waits,
    /// The same, and there can be no other.
    Refused(Refused),
    /// It is not needed any more.
    Unwanted,
}

impl Link {
    /// Takes a connection of the pool, or waits for one: a `fresh` one has served no exchange. The
    /// parts are sent as soon as it is there.
    pub(crate) fn open(
        &mut self,
        borrower: Borrower,
        pool: usize,
        fresh: bool,
        parts: [&[u8]; 4],
        core: &mut Core,
    ) -> Result<(), Refused> {
        let ask = Ask { borrower, serial: core.serial() };
        *self = match core.dial(pool, ask, fresh)? {
            Dialled::Lent(upstream) => Self::Lent { pool, upstream },
            Dialled::Waits => Self::Waiting { pool, ask, fresh, pending: Vec::new() },
        };
        self.write(parts, core);
        Ok(())
    }

    /// Sends the parts, or keeps them until there is a connection.
    pub(crate) fn write(&mut self, parts: [&[u8]; 4], core: &mut Core) {
        match self {
            Self::None => {}
            Self::Waiting { pending, .. } => {
                for part in parts {
                    pending.extend_from_slice(part);
                }
            }
            Self::Lent { upstream, .. } => core.write_upstream(upstream.key, parts),
        }
    }

    /// True while so much waits for the upstream that no more is to come.
    pub(crate) fn is_full(&self, core: &Core) -> bool {
        match self {
            Self::None => false,
            Self::Waiting { pending, .. } => pending.len() > PENDING,
            Self::Lent { upstream, .. } => core.upstreams[upstream.key].socket.is_full(),
        }
    }

    /// Takes the connection that was asked for. It may be gone or of no use by now: then it asks again.
    pub(crate) fn take(&mut self, asked: Ask, taken: UpstreamRef, core: &mut Core) -> Taken {
        match std::mem::replace(self, Self::None) {
            Self::Waiting { pool, ask, fresh, pending } if ask == asked => {
                let parts: [&[u8]; 4] = [&pending, &[], &[], &[]];
                // What a new connection says or that it closes is its answer; one that was idle has none
                // to give.
                let is_fit = |its: &mut Upstream| !its.used || its.socket.is_quiet();
                match core.find(taken).map(is_fit) {
                    Some(true) => {
                        *self = Self::Lent { pool, upstream: taken };
                        self.write(parts, core);
                        return Taken::Connected;
                    }
                    Some(false) => core.close_upstream(taken.key),
                    None => {}
                }
                match self.open(ask.borrower, pool, fresh, parts, core) {
                    Ok(()) if self.is_dialling() => Taken::Waits,
                    Ok(()) => Taken::Connected,
                    Err(refused) => Taken::Refused(refused),
                }
            }
            other => {
                *self = other;
                if core.find(taken).is_some() {
                    core.give_back(taken.key, true);
                }
                Taken::Unwanted
            }
        }
    }

    /// Gives up the connection, or the wait for one.
    pub(crate) fn give_back(&mut self, reusable: bool, core: &mut Core) {
        match std::mem::replace(self, Self::None) {
            Self::None => {}
            Self::Waiting { pool, ask, .. } => core.cancel(pool, ask),
            Self::Lent { upstream, .. } => core.give_back(upstream.key, reusable),
        }
    }

    /// Ends the connection once what was written is sent.
    pub(crate) fn part(&mut self, core: &mut Core) {
        if let Self::Lent { upstream, .. } = std::mem::replace(self, Self::None) {
            core.part(upstream.key);
        }
    }

    /// Reads the connection, or reads it no further.
    pub(crate) fn pause(&self, borrower: Borrower, paused: bool, core: &mut Core) {
        if let Self::Lent { upstream, .. } = self {
            let its = &mut core.upstreams[upstream.key];
            its.state = UpstreamState::Lent { to: borrower, paused };
            if !paused && its.socket.is_readable() {
                core.due.push_back(Due::ReadUpstream(*upstream));
            }
        }
    }

    /// True if it waits for what was asked with this.
    pub(crate) fn asks(&self, asked: Ask) -> bool {
        matches!(self, Self::Waiting { ask, .. } if *ask == asked)
    }

    /// True if it has this connection.
    pub(crate) fn has(&self, upstream: UpstreamRef) -> bool {
        matches!(self, Self::Lent { upstream: its, .. } if *its == upstream)
    }

    /// True while it waits for a connection.
    pub(crate) fn is_dialling(&self) -> bool {
        matches!(self, Self::Waiting { .. })
    }

    /// The pool of its connection, or of the one that it waits for.
    pub(crate) fn pool(&self) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Waiting { pool, .. } | Self::Lent { pool, .. } => Some(*pool),
        }
    }
}
