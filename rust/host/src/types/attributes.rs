//! What the layer above knows of a request beside its head.

use std::sync::Arc;

/// Facts for `proxy_get_property`, by Envoy's attribute names.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    /// `source.address`: the client's host and port.
    pub source: Option<(Arc<str>, u16)>,
    /// `destination.address`: the server's host and port.
    pub destination: Option<(Arc<str>, u16)>,
    /// `request.protocol`, like `HTTP/1.1`.
    pub protocol: &'static str,
    /// `connection.id`, where connections are counted.
    pub connection: Option<u64>,
    /// `connection.*` of a connection with TLS.
    pub tls: Tls,
    /// `route_name`, empty outside a gateway.
    pub route_name: Arc<str>,
    /// `cluster_name`, empty outside a gateway.
    pub cluster_name: Arc<str>,
    /// `upstream.address`: the endpoint that was chosen.
    pub upstream: Option<(Arc<str>, u16)>,
    /// `wasmgate.user` as the layer around this one found it; what a policy stores counts more.
    pub user: Option<Arc<str>>,
}

/// Whether the client's connection has TLS.
#[derive(Clone, Debug, Default)]
pub enum Tls {
    /// It has none.
    #[default]
    None,
    /// It has, and nothing else is known.
    Unknown,
    /// It has.
    Known(Arc<TlsFacts>),
}

/// What is known of the TLS of a connection.
#[derive(Clone, Debug, Default)]
pub struct TlsFacts {
    /// The client showed a certificate: `connection.mtls`.
    pub peer: bool,
    /// `tls_version`, `requested_server_name`, `subject_peer_certificate` and the like, by their
    /// names below `connection`.
    pub texts: Vec<(&'static str, String)>,
}
