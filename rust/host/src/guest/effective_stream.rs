//! The stream of the effective context, on which a hostcall acts.

use crate::abi::enums::Status;
use crate::context::outbox::outbox;
use crate::context::stored_properties::StoreError;
use crate::context::stream_data::{StreamAction, StreamData};
use crate::context::stream_table;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::types::log_level::LogLevel;

/// Records an action for the stream, unless the same action is recorded already.
pub(crate) fn ask(guest: &mut Guest<'_>, action: StreamAction) {
    let Some((key, position)) = guest.env.stream() else {
        guest.env.log(LogLevel::Warn, "asked something of a stream outside of any stream".into());
        return;
    };
    if stream_table::with(key, |stream| stream.ask(position, action)) == Some(true) {
        outbox(|out| out.wake.push(key));
    }
}

/// Whether the request is a gRPC call.
pub(crate) fn is_grpc_call(guest: &Guest<'_>) -> bool {
    let called = |(key, _)| stream_table::with(key, |stream| stream.is_grpc_call());
    guest.env.stream().and_then(called).unwrap_or(false)
}

/// Makes the layer above select the route again.
pub(crate) fn clear_route_cache(guest: &Guest<'_>) {
    if let Some((key, _)) = guest.env.stream() {
        stream_table::with(key, |stream: &mut StreamData| stream.info.route_cleared = true);
    }
}

/// Sends body bytes of the response to the policies after this one, preceded by the headers if those wait
/// here. With `end` the response is complete, and later data of the upstream is discarded.
pub(crate) fn send_on(guest: &mut Guest<'_>, data: Vec<u8>, end: bool) -> Answer {
    let limit = guest.env.core.spec.limits.body;
    let (key, position) = guest.env.stream().ok_or(Status::BadArgument)?;
    let noted = stream_table::with(key, |stream| stream.inject(position, data, end, limit));
    if noted != Some(true) {
        return Err(cannot_send_on(guest));
    }
    outbox(|out| out.wake.push(key));
    Ok(())
}

pub(crate) fn cannot_send_on(guest: &mut Guest<'_>) -> Fault {
    let text = "could not send on a part of a response: it has not come, its end has gone on, or \
                its limit `body` allows no more";
    guest.refuse(Status::BadArgument, text)
}

/// Stores a value with the stream.
pub(crate) fn store(
    guest: &mut Guest<'_>,
    path: Vec<u8>,
    value: Vec<u8>,
) -> Result<Result<(), StoreError>, Fault> {
    let (key, _) = guest.env.stream().ok_or(Status::NotFound)?;
    let read_only = guest.env.declared.get(&path).copied().unwrap_or_default();
    let done = stream_table::with(key, |stream| {
        (stream.properties.len(), stream.properties.store(path, value, read_only))
    });
    let (stored, done) = done.unwrap_or((0, Ok(())));
    guest.charge(stored as u64)?;
    Ok(done)
}
