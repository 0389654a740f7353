//! Properties of the client's connection, its two ends, and the upstream's address.

use std::sync::Arc;

use crate::properties::value;
use crate::types::attributes::Attributes;

/// `connection.*`, except those that [`Attributes`] holds. Without TLS there is neither a certificate nor
/// a server name; with TLS only the layer above can know them.
pub(super) fn of_connection(attributes: &Attributes, what: &[u8]) -> Option<Vec<u8>> {
    match what {
        b"id" => attributes.connection.map(value::number),
        b"mtls" if !attributes.secure => Some(value::flag(false)),
        b"requested_server_name" if !attributes.secure => Some(Vec::new()),
        _ => None,
    }
}

/// `address` or `port` of one end.
pub(super) fn of_end(end: Option<&(Arc<str>, u16)>, what: &[u8]) -> Option<Vec<u8>> {
    let (host, port) = end?;
    match what {
        b"address" if host.contains(':') => Some(format!("[{host}]:{port}").into_bytes()),
        b"address" => Some(format!("{host}:{port}").into_bytes()),
        b"port" => Some(value::number((*port).into())),
        _ => None,
    }
}
