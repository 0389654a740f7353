//! gRPC calls and streams.
//!
//! Refusals use statuses on which the Rust SDK does not panic: `PARSE_FAILURE` for an upstream that is
//! unknown or not allowed and for an invalid method or metadata, `INTERNAL_FAILURE` above a limit.

use crate::abi::enums::Status;
use crate::abi::protobuf;
use crate::abi::protobuf::Field;
use crate::context::delivery::Kind;
use crate::guest::callouts as asking;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::types::callout::{CalloutRequest, GrpcMethod};

/// `proxy_grpc_call`.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn call(
    guest: &mut Guest<'_>,
    upstream: u32,
    upstream_size: u32,
    service: u32,
    service_size: u32,
    method: u32,
    method_size: u32,
    metadata: u32,
    metadata_size: u32,
    message: u32,
    message_size: u32,
    timeout: u32,
    call_at: u32,
) -> Answer {
    guest.check(call_at, 4)?;
    let message = asking::body(guest, message, message_size)?;
    let places = [upstream, service, method, metadata];
    let method =
        method_of(guest, places, [upstream_size, service_size, method_size, metadata_size])?;
    let message = message.ok_or(Status::InternalFailure)?;
    let request = CalloutRequest::Grpc { method, message, timeout: asking::timeout(timeout) };
    asking::begin(guest, Kind::Grpc, request, call_at)
}

/// `proxy_grpc_stream`.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn stream(
    guest: &mut Guest<'_>,
    upstream: u32,
    upstream_size: u32,
    service: u32,
    service_size: u32,
    method: u32,
    method_size: u32,
    metadata: u32,
    metadata_size: u32,
    stream_at: u32,
) -> Answer {
    guest.check(stream_at, 4)?;
    let places = [upstream, service, method, metadata];
    let method =
        method_of(guest, places, [upstream_size, service_size, method_size, metadata_size])?;
    let kind = Kind::GrpcStream { half_closed: false };
    asking::begin(guest, kind, CalloutRequest::GrpcStream(method), stream_at)
}

/// Upstream, service, method and metadata.
fn method_of(guest: &mut Guest<'_>, at: [u32; 4], sizes: [u32; 4]) -> Result<GrpcMethod, Fault> {
    let named = asking::name_bytes(guest, at[0], sizes[0])?;
    let named = target(&named).unwrap_or_else(|| String::from_utf8_lossy(&named).into_owned());
    let service = asking::name(guest, at[1], sizes[1])?;
    let name = asking::name(guest, at[2], sizes[2])?;
    let metadata = asking::fields(guest, at[3], sizes[3])?;
    let upstream = asking::upstream(guest, &named).ok_or(Status::ParseFailure)?;
    if !is_name(&service) || !is_name(&name) {
        asking::refuse(
            guest,
            "a gRPC service and a method have names of letters, digits, `_`, `.`",
        );
        return Err(Status::ParseFailure.into());
    }
    let metadata = metadata.ok_or(Status::ParseFailure)?;
    Ok(GrpcMethod { upstream, service, name, metadata })
}

/// The cluster or the address in a message `envoy.config.core.v3.GrpcService`, which guests of the
/// C++ SDK give in place of a name.
fn target(message: &[u8]) -> Option<String> {
    const ENVOY_GRPC: u64 = 1;
    const GOOGLE_GRPC: u64 = 2;
    // Field numbers: the cluster's name in `EnvoyGrpc`, the URI in `GoogleGrpc`.
    const NAME: u64 = 1;
    let name = member(member(message, &[ENVOY_GRPC, GOOGLE_GRPC])?, &[NAME])?;
    std::str::from_utf8(name).ok().map(str::to_owned)
}

/// The bytes of the last field that has one of these numbers.
fn member<'a>(message: &'a [u8], numbers: &[u64]) -> Option<&'a [u8]> {
    let mut found = None;
    let noted = protobuf::read(message, |number, field| {
        if let Field::Bytes(bytes) = field
            && numbers.contains(&number)
        {
            found = Some(bytes);
        }
    });
    noted.ok()?;
    found
}

/// Whether the text may be a segment of a request's path.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    !text.is_empty() && text.bytes().all(plain)
}

/// `proxy_grpc_send`: on a stream whose local side is open.
pub(super) fn send(
    guest: &mut Guest<'_>,
    stream: u32,
    message: u32,
    message_size: u32,
    end: u32,
) -> Answer {
    let message = asking::body(guest, message, message_size)?;
    match guest.env.calls.kind(stream) {
        Some(Kind::GrpcStream { half_closed: false }) => {}
        Some(_) => return Err(Status::BadArgument.into()),
        None => return Err(Status::NotFound.into()),
    }
    // The Rust SDK panics on INTERNAL_FAILURE here.
    let message = message.ok_or(Status::BadArgument)?;
    let request = CalloutRequest::GrpcSend { message, end: end != 0 };
    asking::add(guest, stream, request).map_err(|fault| match fault {
        Fault::Status(_) => Status::BadArgument.into(),
        fault => fault,
    })
}

/// `proxy_grpc_cancel`: the guest gets no further callback for the call.
pub(super) fn cancel(guest: &mut Guest<'_>, call: u32) -> Answer {
    guest.charge(guest.env.calls.pending() as u64)?;
    match guest.env.calls.kind(call) {
        Some(Kind::Grpc | Kind::GrpcStream { .. }) => guest.env.calls.cancel(call),
        Some(_) => return Err(Status::BadArgument.into()),
        None => return Err(Status::NotFound.into()),
    }
    Ok(())
}

/// `proxy_grpc_close`: closes the local side of a stream; cancels a call, as in Envoy.
pub(super) fn close(guest: &mut Guest<'_>, stream: u32) -> Answer {
    match guest.env.calls.kind(stream) {
        Some(Kind::GrpcStream { half_closed: true }) => Ok(()),
        Some(Kind::GrpcStream { half_closed: false }) => {
            asking::add(guest, stream, CalloutRequest::GrpcClose)
        }
        _ => cancel(guest, stream),
    }
}
