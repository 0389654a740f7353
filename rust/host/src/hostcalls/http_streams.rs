//! HTTP streams: actions of a policy on its stream. All are performed after the callback has returned.

use crate::abi::enums::{Direction, Status};
use crate::abi::pairs;
use crate::context::stream_data::StreamAction;
use crate::guest::effective_stream;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::types::effects::LocalResponse;
use crate::types::fields::is_field;
use crate::types::headers::HeaderMap;
use crate::types::log_level::LogLevel;

/// Maximum length in bytes of the details of a local response; the rest is cut.
const DETAILS: usize = 1024;

/// Fuel for a dropped field, with its log line.
const LEFT_OUT_UNITS: u64 = 256;

/// `proxy_continue_stream`.
pub(super) fn continue_stream(guest: &mut Guest<'_>, stream: u32) -> Answer {
    match stream {
        0 => resume(guest, Direction::Request),
        1 => resume(guest, Direction::Response),
        2 | 3 => Ok(()),
        _ => Err(Status::BadArgument.into()),
    }
}

pub(super) fn resume(guest: &mut Guest<'_>, direction: Direction) -> Answer {
    effective_stream::ask(guest, StreamAction::Continue(direction));
    Ok(())
}

/// `proxy_close_stream`: closes the client's connection.
pub(super) fn close_stream(guest: &mut Guest<'_>, stream: u32) -> Answer {
    if stream > 3 {
        return Err(Status::BadArgument.into());
    }
    effective_stream::ask(guest, StreamAction::Reset);
    Ok(())
}

/// `proxy_send_local_response`. Invalid fields are dropped with a warning, because the Rust SDK
/// panics on a refusal here; a body above the limit becomes a 500.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn send_local_response(
    guest: &mut Guest<'_>,
    status: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    grpc_status: i32,
) -> Answer {
    let details = guest.read_some(details, details_size, DETAILS)?;
    guest.check(body, body_size)?;
    let fits = body_size as usize <= guest.env.core.spec.limits.body;
    let body = guest.read(body, if fits { body_size } else { 0 })?;
    let given = response_fields(guest, headers, headers_size)?;
    let mut headers = HeaderMap::with_capacity(given.len() + 1, given.byte_len() + 16);
    for (name, value) in given.iter() {
        if is_field(name, value) {
            headers.push(name, value);
        } else {
            guest.charge(LEFT_OUT_UNITS)?;
            let text = format!("left out of its response: `{}`", name.escape_ascii());
            guest.env.log(LogLevel::Warn, text);
        }
    }
    if grpc_status >= 0 && effective_stream::is_grpc_call(guest) {
        headers.push(b"grpc-status", grpc_status.to_string().as_bytes());
    }
    // As in Envoy: without a type a browser would guess one.
    if !body.is_empty() && headers.get(b"content-type").is_none() {
        headers.push(b"content-type", b"text/plain");
    }
    let details = String::from_utf8_lossy(&details);
    if !details.is_empty() {
        guest.env.log(LogLevel::Debug, format!("answered {status}: {details}"));
    }
    let status = u16::try_from(status).ok().filter(|status| (200..=599).contains(status));
    let details = details.replace(char::is_whitespace, "_").into();
    let response = if fits {
        LocalResponse { status: status.unwrap_or(500), headers, body, details }
    } else {
        let text = "answered 500 in place of its response: its limit `body` allows no more bytes";
        guest.env.log(LogLevel::Error, text.into());
        LocalResponse { status: 500, details, ..LocalResponse::default() }
    };
    effective_stream::ask(guest, StreamAction::Respond(response));
    Ok(())
}

fn response_fields(guest: &mut Guest<'_>, at: u32, size: u32) -> Result<HeaderMap, Fault> {
    guest.check(at, size)?;
    if size as usize > guest.env.core.spec.limits.pairs() {
        let text = "left the fields out of its response: its limits `headers` and `header_bytes` \
                    allow no more";
        guest.env.log(LogLevel::Warn, text.into());
        return Ok(HeaderMap::new());
    }
    let serialized = guest.read(at, size)?;
    // The parser reads each byte.
    guest.charge(serialized.len() as u64)?;
    Ok(pairs::decode(&serialized).unwrap_or_default())
}

/// `proxy_inject_encoded_data_to_filter_chain` of Higress.
pub(super) fn inject(guest: &mut Guest<'_>, body: u32, size: u32, end: u32) -> Answer {
    guest.check(body, size)?;
    if size as usize > guest.env.core.spec.limits.body {
        return Err(effective_stream::cannot_send_on(guest));
    }
    let data = guest.read(body, size)?;
    effective_stream::send_on(guest, data, end != 0)
}
