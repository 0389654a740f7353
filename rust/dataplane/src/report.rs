//! What a thread tells of its connections when it is asked.

/// A thread's connections at one time.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Bytes of answers that clients have not taken: the most that one of them has.
    pub unread: usize,
    /// The pools of connections to endpoints.
    pub pools: Vec<PoolReport>,
}

/// The connections to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolReport {
    /// The endpoint.
    pub url: String,
    /// Connections that are open or being opened.
    pub open: usize,
    /// Those of them that no exchange has.
    pub idle: usize,
    /// Exchanges that wait for one.
    pub waiting: usize,
}
