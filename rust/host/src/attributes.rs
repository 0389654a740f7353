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
    /// `route_name`, empty outside a gateway.
    pub route_name: Arc<str>,
    /// `cluster_name`, empty outside a gateway.
    pub cluster_name: Arc<str>,
}
