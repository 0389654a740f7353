//! What Python knows of a connection's TLS.

use std::collections::HashMap;
use std::sync::Arc;

use wasmgate_host::TlsFacts;

/// The names below `connection` that anybody here can know.
const NAMES: [&str; 5] = [
    "tls_version",
    "subject_peer_certificate",
    "dns_san_peer_certificate",
    "uri_san_peer_certificate",
    "sha256_peer_certificate_digest",
];

/// The facts by their names; a client that showed a certificate is known by its digest or its name.
pub(crate) fn facts(mut told: HashMap<String, String>) -> Arc<TlsFacts> {
    let texts: Vec<_> =
        NAMES.iter().filter_map(|name| Some((*name, told.remove(*name)?))).collect();
    let peer = texts.iter().any(|(name, _)| name.contains("peer"));
    Arc::new(TlsFacts { peer, texts })
}
