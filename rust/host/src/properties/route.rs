//! The route and the cluster of a request; in an ASGI app there is neither.

use crate::properties::plugin::{INBOUND, of_node};
use crate::properties::{split, value};
use crate::types::attributes::Attributes;

/// `route_name` and other properties of one segment.
pub(super) fn of_route(attributes: &Attributes, name: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"route_name" => value::name(&attributes.route_name),
        b"cluster_name" => value::name(&attributes.cluster_name),
        b"route_metadata" => unset(&attributes.route_name),
        b"cluster_metadata" => unset(&attributes.cluster_name),
        b"upstream_host_metadata" if attributes.upstream.is_some() => {
            Some(value::EMPTY_MESSAGE.to_vec())
        }
        _ => None,
    }
}

/// `xds.*`: the same values under newer names.
pub(super) fn of_xds(attributes: &Attributes, what: &[u8]) -> Option<Vec<u8>> {
    match split(what) {
        (b"node", rest) => of_node(rest),
        (b"listener_direction", None) => Some(value::number(INBOUND)),
        (b"listener_metadata", None) => Some(value::EMPTY_MESSAGE.to_vec()),
        (b"filter_chain_name", None) => Some(Vec::new()),
        (name, None) => of_route(attributes, name),
        (_, Some(_)) => None,
    }
}

/// Dynamic metadata is empty: no filter of this host writes it.
pub(super) fn of_metadata(what: &[u8]) -> Option<Vec<u8>> {
    matches!(what, b"filter_metadata" | b"typed_filter_metadata").then(|| value::EMPTY_MAP.to_vec())
}

/// The metadata of a named object: empty, because it cannot be configured.
fn unset(name: &str) -> Option<Vec<u8>> {
    (!name.is_empty()).then(|| value::EMPTY_MESSAGE.to_vec())
}
