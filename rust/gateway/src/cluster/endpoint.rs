//! Where an upstream listens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::http::endpoint_url::{BadEndpointUrl, EndpointUrl};

/// One server of a cluster.
#[derive(Debug)]
pub struct Endpoint {
    url: String,
    authority: String,
    host: Arc<str>,
    port: u16,
    secure: bool,
    weight: u32,
    in_flight: Arc<AtomicU32>,
}

/// A request in flight to an endpoint, as long as it lives.
#[derive(Debug)]
pub struct InFlight(Arc<AtomicU32>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Endpoint {
    /// Reads a URL like `http://127.0.0.1:9001`; it has no path, because paths are the route's
    /// (`prefix_rewrite`).
    pub(crate) fn parse(url: &str, weight: u32) -> Result<Self, BadEndpointUrl> {
        let read = EndpointUrl::parse(url)?;
        Ok(Self {
            url: read.to_string(),
            authority: read.authority(),
            port: read.port(),
            secure: read.secure,
            host: read.host.into(),
            weight,
            in_flight: Arc::default(),
        })
    }

    /// Scheme and authority.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of Host if the request has no authority.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The name or address to connect to, IPv6 without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, as policies see them.
    pub(crate) fn address(&self) -> (Arc<str>, u16) {
        (Arc::clone(&self.host), self.port)
    }

    /// True for TLS.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// Its share of the requests, relative to those of the other endpoints.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// Requests in flight, if its cluster counts them.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Counts a request in flight.
    pub(crate) fn enter(&self) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(&self.in_flight))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split() {
        for (url, expected) in [
            ("http://127.0.0.1:9001", ("127.0.0.1", 9001, false, "127.0.0.1:9001")),
            ("https://orders.internal", ("orders.internal", 443, true, "orders.internal")),
            ("http://[::1]:80/", ("::1", 80, false, "[::1]:80")),
        ] {
            let endpoint = Endpoint::parse(url, 1).unwrap();
            let parts = (endpoint.host(), endpoint.port(), endpoint.secure(), endpoint.authority());
            assert_eq!(expected, parts);
            assert_eq!(url.trim_end_matches('/'), endpoint.url());
        }
    }
}
