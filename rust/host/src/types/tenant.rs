//! How tenants are told apart.

use std::time::Duration;

/// How the requests of tenants are told apart, and how many tenants there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// What names the tenant of a request.
    pub key: TenantKey,
    /// Tenants at one time; over it the one that is idle longest is dropped.
    pub most: usize,
    /// A tenant without a request for so long is dropped, but for its shared data.
    pub idle: Duration,
}

/// What names the tenant of a request. Where it is absent, the key is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantKey {
    /// The host that the client asked for, without case and port.
    Host,
    /// The first value of this header.
    Header(String),
    /// A property; the segments of its path are joined by a zero byte.
    Property(Vec<u8>),
}
