//! Names for things that may be gone when they are looked up.

/// A client: its place, and the number that tells it from others that had the place before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClientRef {
    pub(crate) key: usize,
    pub(crate) serial: u64,
}

/// A connection to an endpoint, in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UpstreamRef {
    pub(crate) key: usize,
    pub(crate) serial: u64,
}

/// A request of the layer above and its response, in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransactionRef {
    pub(crate) key: usize,
    pub(crate) serial: u64,
}

/// An attempt to connect, in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttemptRef {
    pub(crate) key: usize,
    pub(crate) serial: u64,
}

/// Pools that the layer above asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRef(pub(crate) usize);

/// What needs a connection to an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Borrower {
    Client(ClientRef),
    Transaction(TransactionRef),
}

/// A borrower's wish for a connection: the number tells it from its other ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) borrower: Borrower,
    pub(crate) serial: u64,
}

impl TransactionRef {
    /// A number that no other transaction of the same connections has.
    #[must_use]
    pub fn id(self) -> u64 {
        self.serial
    }
}
