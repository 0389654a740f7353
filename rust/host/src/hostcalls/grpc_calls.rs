//! gRPC calls: not performed by this version. They answer as the SDKs can bear it, and say so.

use super::http_calls::absent;
use crate::abi::Status;
use crate::guest::{Answer, Guest};

/// `proxy_grpc_call`.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn call(
    guest: &mut Guest<'_>,
    _upstream: u32,
    _upstream_size: u32,
    _service: u32,
    _service_size: u32,
    _method: u32,
    _method_size: u32,
    _metadata: u32,
    _metadata_size: u32,
    _message: u32,
    _message_size: u32,
    _timeout: u32,
    _call_at: u32,
) -> Answer {
    absent(guest, "proxy_grpc_call", Status::InternalFailure)
}

/// `proxy_grpc_stream`.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn stream(
    guest: &mut Guest<'_>,
    _upstream: u32,
    _upstream_size: u32,
    _service: u32,
    _service_size: u32,
    _method: u32,
    _method_size: u32,
    _metadata: u32,
    _metadata_size: u32,
    _stream_at: u32,
) -> Answer {
    absent(guest, "proxy_grpc_stream", Status::InternalFailure)
}

/// `proxy_grpc_send`: there is no such call.
pub(super) fn send(
    guest: &mut Guest<'_>,
    _stream: u32,
    _message: u32,
    _message_size: u32,
    _end: u32,
) -> Answer {
    absent(guest, "proxy_grpc_send", Status::NotFound)
}

/// `proxy_grpc_cancel`: there is no such call.
pub(super) fn cancel(guest: &mut Guest<'_>, _stream: u32) -> Answer {
    absent(guest, "proxy_grpc_cancel", Status::NotFound)
}

/// `proxy_grpc_close`: there is no such call.
pub(super) fn close(guest: &mut Guest<'_>, _stream: u32) -> Answer {
    absent(guest, "proxy_grpc_close", Status::NotFound)
}
