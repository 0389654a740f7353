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

/// A client's wish for a connection: the number tells it from its other ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) client: ClientRef,
    pub(crate) serial: u64,
}
