//! HTTP calls.

use crate::abi::answers::AnswerCallback;
use crate::abi::enums::Status;
use crate::context::delivery::Kind;
use crate::guest::callouts as asking;
use crate::guest::memory::{Answer, Guest};
use crate::types::callout::CalloutRequest;

/// `proxy_get_status`: of the response whose callback runs; else 0 and no message.
pub(super) fn get_status(
    guest: &mut Guest<'_>,
    code_at: u32,
    message_at: u32,
    size_at: u32,
) -> Answer {
    let delivery = guest.env.calls.delivery.as_ref();
    let (code, message) =
        delivery.map_or((0, String::new()), |its| (its.code, its.message.clone()));
    guest.write_u32(code_at, code)?;
    guest.give(message.as_bytes(), message_at, size_at)
}

/// `proxy_http_call`: `BAD_ARGUMENT` for an upstream that is unknown or not allowed and for a request
/// that is invalid or too large; `INTERNAL_FAILURE` for too many callouts.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn http_call(
    guest: &mut Guest<'_>,
    upstream: u32,
    upstream_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    trailers: u32,
    trailers_size: u32,
    timeout: u32,
    call_at: u32,
) -> Answer {
    guest.check(call_at, 4)?;
    let named = asking::name(guest, upstream, upstream_size)?;
    let headers = asking::fields(guest, headers, headers_size)?.map(|map| map.as_request_head());
    let body = asking::body(guest, body, body_size)?;
    let trailers = asking::fields(guest, trailers, trailers_size)?;
    let upstream = asking::upstream(guest, &named).ok_or(Status::BadArgument)?;
    let (Some(headers), Some(body), Some(trailers)) = (headers, body, trailers) else {
        return Err(Status::BadArgument.into());
    };
    for name in [":authority", ":method", ":path"] {
        if headers.get(name.as_bytes()).is_none_or(<[u8]>::is_empty) {
            asking::refuse(guest, &format!("its headers have no `{name}`"));
            return Err(Status::BadArgument.into());
        }
    }
    let timeout = asking::timeout(timeout);
    let request = CalloutRequest::Http { upstream, headers, body, trailers, timeout };
    asking::begin(guest, Kind::Single(AnswerCallback::HttpCall), request, call_at)
}
