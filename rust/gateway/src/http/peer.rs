//! The other end of a client's connection.

use std::net::IpAddr;
use std::sync::Arc;

/// The other end of a connection, read once for all its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    host: Arc<str>,
    port: u16,
    address: Option<IpAddr>,
}

impl Peer {
    /// A host and a port. A name that is not an address (a Unix socket) is kept as it is; of an address the zone
    /// is left out, and IPv4 within IPv6 is IPv4.
    #[must_use]
    pub fn new(host: &str, port: u16) -> Self {
        let address = address(host);
        let host = address.map_or_else(|| host.into(), |address| address.to_string().into());
        Self { host, port, address }
    }

    /// The address, if it is one.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The host as text.
    pub(crate) fn host(&self) -> &Arc<str> {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// An address without the zone that a link-local one may carry.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for (text, expected) in [
            ("10.0.0.9", "10.0.0.9"),
            ("::ffff:10.0.0.9", "10.0.0.9"),
            ("fe80::1%eth0", "fe80::1"),
            ("/run/app.sock", "/run/app.sock"),
        ] {
            assert_eq!(expected, &**Peer::new(text, 1).host());
        }
        assert_eq!(None, Peer::new("/run/app.sock", 0).address());
    }
}
