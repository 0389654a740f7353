//! The values of `proxy_get_property`, by Envoy's attribute names
//! (<https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes>).
//!
//! Path segments are separated by a zero byte; a trailing zero byte is ignored. An unknown property is
//! `NOT_FOUND`; an empty path names no value and is `SERIALIZATION_FAILURE`, as in Envoy.

mod connection;
mod plugin;
mod request;
mod response;
mod route;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use crate::properties::plugin::of_plugin;

use crate::context::stream_data::StreamData;
use crate::services::clock::Clock;

/// The path under which `jwt_auth` stores the user.
pub(crate) const USER: &[u8] = b"wasmgate\0user";

/// The path without a trailing zero byte.
pub(crate) fn trimmed(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"\0").unwrap_or(path)
}

/// Bytes that a look-up of this property scans, besides the stored properties.
pub(crate) fn searched(stream: &StreamData, path: &[u8]) -> usize {
    match split(path) {
        (b"request", Some(_)) => stream.request.headers.byte_len(),
        (b"response", Some(_)) => stream.response.headers.byte_len(),
        _ => 0,
    }
}

/// A property of a stream: the value that a policy stored, else that of the layer above, else the
/// host's own.
pub(crate) fn of_stream(stream: &StreamData, clock: &Clock, path: &[u8]) -> Option<Vec<u8>> {
    if let Some(value) = stream.properties.find(path).or_else(|| stream.attributes.fact(path)) {
        return Some(value.to_vec());
    }
    let (family, rest) = split(path);
    // As in Envoy, a computed family has no keys to list and is an empty map.
    let Some(rest) = rest else { return whole(stream, clock, family) };
    match family {
        b"request" => request::of_request(stream, clock, rest),
        b"response" => response::of_response(stream, rest),
        b"connection" => connection::of_connection(&stream.attributes, rest),
        b"source" => connection::of_end(stream.attributes.source.as_ref(), rest),
        b"destination" => connection::of_end(stream.attributes.destination.as_ref(), rest),
        b"upstream" => connection::of_end(stream.attributes.upstream.as_ref(), rest),
        b"xds" => route::of_xds(&stream.attributes, rest),
        b"filter_state" => stream.properties.find(rest.strip_prefix(b"wasm.")?).map(<[u8]>::to_vec),
        b"metadata" => route::of_metadata(rest),
        _ => None,
    }
}

fn whole(stream: &StreamData, clock: &Clock, name: &[u8]) -> Option<Vec<u8>> {
    match name {
        b"request" | b"response" | b"connection" | b"source" | b"destination" | b"upstream"
        | b"xds" | b"filter_state" => Some(value::EMPTY_MAP.to_vec()),
        b"metadata" => Some(value::EMPTY_MESSAGE.to_vec()),
        b"connection_id" => stream.attributes.connection.map(value::number),
        // Higress's name for the id of the request.
        b"x_request_id" => request::of_request(stream, clock, b"id"),
        name => route::of_route(&stream.attributes, name),
    }
}

/// The first segment, and the rest of the path.
fn split(path: &[u8]) -> (&[u8], Option<&[u8]>) {
    match path.iter().position(|byte| *byte == 0) {
        Some(end) => (&path[..end], Some(&path[end + 1..])),
        None => (path, None),
    }
}
