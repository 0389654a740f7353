//! The keys of tenants.

use std::time::Duration;

/// The key of a request's tenant, and the limits of tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantSettings {
    /// The key of a request's tenant.
    pub key: TenantKey,
    /// Tenants at the same time; above it the least recently used idle one is dropped.
    pub most: usize,
    /// The time without a request after which a tenant is dropped; its shared data is kept.
    pub idle: Duration,
}

/// The source of the key of a request's tenant. If it is absent, the key is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantKey {
    /// The host of the request, in lower case and without the port.
    Host,
    /// The first value of this header.
    Header(String),
    /// A property; the segments of its path are joined by a zero byte.
    Property(Vec<u8>),
}
