//! The connection of the client, its two ends, and the end of the upstream.

use std::sync::Arc;

use crate::properties::value;
use crate::types::attributes::{Attributes, Tls};

/// `connection.*`. Whether a connection has TLS is not known to every server that could tell what
/// the TLS is: then nothing of it is known.
pub(super) fn of_connection(attributes: &Attributes, what: &[u8]) -> Option<Vec<u8>> {
    match (what, &attributes.tls) {
        (b"id", _) => attributes.connection.map(value::number),
        (b"mtls", Tls::None) => Some(value::flag(false)),
        (b"requested_server_name", Tls::None) => Some(Vec::new()),
        (_, Tls::None | Tls::Unknown) => None,
        (b"mtls", Tls::Known(tls)) => Some(value::flag(tls.peer)),
        (what, Tls::Known(tls)) => {
            let (_, text) = tls.texts.iter().find(|(name, _)| name.as_bytes() == what)?;
            Some(text.clone().into_bytes())
        }
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
