//! `request.*`.

use crate::abi::pairs;
use crate::context::stream_data::StreamData;
use crate::properties::value;
use crate::services::clock::Clock;
use crate::types::headers::HeaderMap;
use crate::types::headers::name_in_request;

pub(super) fn of_request(stream: &StreamData, clock: &Clock, what: &[u8]) -> Option<Vec<u8>> {
    let headers = stream.request_headers();
    let field = |name: &[u8]| headers.get(name).map(<[u8]>::to_vec);
    match what {
        b"path" => field(b":path"),
        b"url_path" => Some(target(headers).0.to_vec()),
        b"query" => Some(target(headers).1.to_vec()),
        b"host" => field(b":authority"),
        b"scheme" => field(b":scheme"),
        b"method" => field(b":method"),
        b"referer" => field(b"referer"),
        b"useragent" => field(b"user-agent"),
        b"id" => field(b"x-request-id"),
        b"protocol" => value::name(stream.attributes.protocol),
        b"time" => Some(value::number(clock.unix_at(stream.began?))),
        // Envoy has a duration of completed requests only.
        b"duration" if stream.info.ended => {
            let duration = clock.now().saturating_duration_since(stream.began?);
            Some(value::nanoseconds(duration))
        }
        b"size" => match headers.get(b"content-length") {
            Some(length) => std::str::from_utf8(length).ok()?.parse().ok().map(value::number),
            None => Some(value::number(stream.request.bytes)),
        },
        b"total_size" => Some(value::number(stream.request.bytes + headers.byte_len() as u64)),
        b"headers_bytes" => Some(value::number(headers.byte_len() as u64)),
        what => match what.strip_prefix(b"headers")? {
            [0, name @ ..] => values(headers, name_in_request(name)),
            rest => fields(headers, rest),
        },
    }
}

/// Path and query of the target; a fragment, which clients do not send, belongs to neither.
fn target(headers: &HeaderMap) -> (&[u8], &[u8]) {
    let path = headers.get(b":path").unwrap_or_default();
    let Some(at) = path.iter().position(|byte| *byte == b'?') else { return (path, &[]) };
    let query = &path[at + 1..];
    let end = query.iter().position(|byte| *byte == b'#').unwrap_or(query.len());
    (&path[..at], &query[..end])
}

/// All fields, or the field named after a zero byte. Repeated fields are joined by commas.
pub(super) fn fields(map: &HeaderMap, what: &[u8]) -> Option<Vec<u8>> {
    let [0, name @ ..] = what else { return what.is_empty().then(|| pairs::encode(map)) };
    values(map, name)
}

fn values(map: &HeaderMap, name: &[u8]) -> Option<Vec<u8>> {
    let mut values = map.get_all(name);
    let mut joined = values.next()?.to_vec();
    for value in values {
        joined.push(b',');
        joined.extend_from_slice(value);
    }
    Some(joined)
}
