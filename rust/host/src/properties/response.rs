//! `response.*`.

use crate::context::stream_data::StreamData;
use crate::properties::request::fields;
use crate::properties::value;
use crate::types::headers::HeaderMap;

/// The values of [`crate::LocalResponse::details`] for failures, with Envoy's response flags
/// (`StreamInfo::CoreResponseFlag`).
const FLAGS: [(&str, u64); 5] = [
    ("no_healthy_upstream", 0x2),
    ("upstream_response_timeout", 0x4),
    ("upstream_reset_before_response_started{connection_failure}", 0x20),
    ("upstream_reset_before_response_started{protocol_error}", 0x80_0000),
    ("route_not_found", 0x100),
];

pub(super) fn of_response(stream: &StreamData, what: &[u8]) -> Option<Vec<u8>> {
    let flow = &stream.response;
    let empty = HeaderMap::new();
    let trailers = flow.trailers.as_ref().unwrap_or(&empty);
    let (head, tail) = (flow.headers.byte_len() as u64, trailers.byte_len() as u64);
    match what {
        b"code" => parsed(flow.headers.get(b":status")).map(value::number),
        b"code_details" => details(stream).map(|details| details.as_bytes().to_vec()),
        b"flags" => {
            let flags = FLAGS.iter().find(|(known, _)| details(stream) == Some(*known));
            Some(value::number(flags.map_or(0, |(_, flags)| *flags)))
        }
        b"grpc_status" => grpc_status(&flow.headers, trailers).map(value::number),
        b"size" => Some(value::number(flow.bytes)),
        b"total_size" => Some(value::number(flow.bytes + head + tail)),
        b"headers_bytes" => Some(value::number(head)),
        b"backend_latency" => stream.info.backend_latency().map(value::nanoseconds),
        what => match what.strip_prefix(b"trailers") {
            Some(rest) => fields(trailers, rest),
            None => fields(&flow.headers, what.strip_prefix(b"headers")?),
        },
    }
}

/// The source of the response, once it has begun.
fn details(stream: &StreamData) -> Option<&str> {
    stream.response.begun.then(|| stream.info.details.as_deref().unwrap_or("via_upstream"))
}

/// As Envoy's `Grpc::Common::getGrpcStatus`: from the trailers, else from the headers, else mapped from
/// the status code
/// (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>).
fn grpc_status(headers: &HeaderMap, trailers: &HeaderMap) -> Option<u64> {
    let said = trailers.get(b"grpc-status").or_else(|| headers.get(b"grpc-status"));
    if said.is_some() {
        return parsed(said);
    }
    Some(match parsed(headers.get(b":status"))? {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    })
}

fn parsed(text: Option<&[u8]>) -> Option<u64> {
    std::str::from_utf8(text?).ok()?.parse().ok()
}
