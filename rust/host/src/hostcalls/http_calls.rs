//! HTTP calls: not performed by this version. They answer as the SDKs can bear it, and say so.

use crate::LogLevel;
use crate::abi::Status;
use crate::guest::{Answer, Guest};

/// `proxy_get_status`: of a call's response, and there is none.
pub(super) fn get_status(
    guest: &mut Guest<'_>,
    code_at: u32,
    message_at: u32,
    size_at: u32,
) -> Answer {
    guest.write_u32(code_at, 0)?;
    guest.give(&[], message_at, size_at)
}

/// `proxy_http_call`.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn http_call(
    guest: &mut Guest<'_>,
    _upstream: u32,
    _upstream_size: u32,
    _headers: u32,
    _headers_size: u32,
    _body: u32,
    _body_size: u32,
    _trailers: u32,
    _trailers_size: u32,
    _timeout: u32,
    _call_at: u32,
) -> Answer {
    absent(guest, "proxy_http_call", Status::InternalFailure)
}

/// Says that a hostcall is not there, by its name.
pub(super) fn absent(guest: &mut Guest<'_>, name: &str, status: Status) -> Answer {
    guest.env.log(LogLevel::Warn, format!("{name} is not available on this host"));
    Err(status.into())
}
