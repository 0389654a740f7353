//! What `proxy_get_property` knows, by Envoy's attribute names.
//!
//! Values are encoded as Envoy's `serializeValue` does: text raw, numbers as 8 bytes little-endian,
//! times and durations as nanoseconds, maps as pairs. A path's segments are joined by a zero byte.

use std::sync::Arc;

use crate::plugin::PluginCore;
use crate::stream_state::StreamState;
use crate::{HeaderMap, pairs};

/// A property of the plugin itself.
pub(crate) fn of_plugin(core: &PluginCore, path: &[u8]) -> Option<Vec<u8>> {
    match path {
        b"plugin_name" | b"plugin_vm_id" => Some(core.spec.name.clone().into_bytes()),
        b"plugin_root_id" => Some(core.spec.root_id.clone().into_bytes()),
        _ => None,
    }
}

/// A property of a stream: what a policy stored there, else what the host knows.
pub(crate) fn of_stream(state: &StreamState, path: &[u8]) -> Option<Vec<u8>> {
    let stored = state.properties.iter().find(|(known, _)| known == path);
    if let Some((_, value)) = stored {
        return Some(value.clone());
    }
    let (family, rest) = match path.iter().position(|byte| *byte == 0) {
        Some(end) => (&path[..end], &path[end + 1..]),
        None => (path, &[][..]),
    };
    match family {
        b"request" => of_request(state, rest),
        b"response" => of_response(state, rest),
        b"source" => address(state.attributes.source.as_ref(), rest),
        b"destination" => address(state.attributes.destination.as_ref(), rest),
        b"route_name" => name(&state.attributes.route_name),
        b"cluster_name" => name(&state.attributes.cluster_name),
        _ => None,
    }
}

fn name(text: &str) -> Option<Vec<u8>> {
    (!text.is_empty()).then(|| text.as_bytes().to_vec())
}

#[allow(clippy::unnecessary_wraps, reason = "reads as the other properties do")]
fn number(value: u64) -> Option<Vec<u8>> {
    Some(value.to_le_bytes().to_vec())
}

fn nanoseconds(value: std::time::Duration) -> Option<Vec<u8>> {
    number(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
}

fn address(end: Option<&(Arc<str>, u16)>, what: &[u8]) -> Option<Vec<u8>> {
    let (host, port) = end?;
    match what {
        b"address" if host.contains(':') => Some(format!("[{host}]:{port}").into_bytes()),
        b"address" => Some(format!("{host}:{port}").into_bytes()),
        b"port" => number((*port).into()),
        _ => None,
    }
}

fn of_request(state: &StreamState, what: &[u8]) -> Option<Vec<u8>> {
    let headers = state.request_headers();
    let field = |name: &[u8]| headers.get(name).map(<[u8]>::to_vec);
    let path = headers.get(b":path").unwrap_or_default();
    let query = path.iter().position(|byte| *byte == b'?');
    match what {
        b"path" => field(b":path"),
        b"url_path" => Some(path[..query.unwrap_or(path.len())].to_vec()),
        b"query" => Some(query.map_or(&[][..], |at| &path[at + 1..]).to_vec()),
        b"host" => field(b":authority"),
        b"scheme" => field(b":scheme"),
        b"method" => field(b":method"),
        b"referer" => field(b"referer"),
        b"useragent" => field(b"user-agent"),
        b"id" => field(b"x-request-id"),
        b"protocol" => name(state.attributes.protocol),
        b"time" => number(state.chain.unix_at(state.began)),
        b"duration" => nanoseconds(state.chain.now().saturating_duration_since(state.began)),
        b"size" => number(state.request.bytes),
        b"total_size" => number(state.request.bytes + headers.byte_len() as u64),
        what => map(headers, what),
    }
}

fn of_response(state: &StreamState, what: &[u8]) -> Option<Vec<u8>> {
    let flow = &state.response;
    let status = || std::str::from_utf8(flow.headers.get(b":status")?).ok()?.parse().ok();
    match what {
        b"code" => number(status()?),
        b"size" => number(flow.bytes),
        b"total_size" => number(flow.bytes + flow.headers.byte_len() as u64),
        b"trailers" => flow.trailers.as_ref().map(pairs::encode),
        what => map(&flow.headers, what),
    }
}

/// `headers` as a whole, or `headers` and a name.
fn map(headers: &HeaderMap, what: &[u8]) -> Option<Vec<u8>> {
    match what.strip_prefix(b"headers")? {
        [] => Some(pairs::encode(headers)),
        [0, name @ ..] => headers.get(name).map(<[u8]>::to_vec),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Direction;
    use crate::{Attributes, Chain};

    fn state() -> StreamState {
        let attributes = Attributes {
            source: Some(("::1".into(), 4711)),
            protocol: "HTTP/1.1",
            ..Attributes::default()
        };
        let mut state = StreamState::new(Chain::new(Vec::new()), attributes);
        let fields: [(&[u8], &[u8]); 3] =
            [(b":path", b"/a?b=c"), (b":method", b"GET"), (b"x-a", b"1")];
        *state.flow(Direction::Request) =
            crate::flow::Flow { headers: fields.into_iter().collect(), ..Default::default() };
        state
    }

    fn text(path: &[u8]) -> Option<String> {
        of_stream(&state(), path).map(|value| String::from_utf8(value).unwrap())
    }

    #[test]
    fn a_path_is_split_as_envoy_splits_it() {
        assert_eq!(text(b"request\0path").as_deref(), Some("/a?b=c"));
        assert_eq!(text(b"request\0url_path").as_deref(), Some("/a"));
        assert_eq!(text(b"request\0query").as_deref(), Some("b=c"));
        assert_eq!(text(b"request\0headers\0x-a").as_deref(), Some("1"));
    }

    #[test]
    fn addresses_have_their_port() {
        assert_eq!(text(b"source\0address").as_deref(), Some("[::1]:4711"));
        assert_eq!(of_stream(&state(), b"source\0port"), Some(4711_u64.to_le_bytes().to_vec()));
        assert_eq!(text(b"destination\0address"), None);
    }

    #[test]
    fn what_a_policy_stored_comes_first() {
        let mut state = state();
        state.properties.push((b"request\0path".to_vec(), b"mine".to_vec()));
        assert_eq!(of_stream(&state, b"request\0path"), Some(b"mine".to_vec()));
        assert_eq!(of_stream(&state, b"unknown"), None);
    }
}
