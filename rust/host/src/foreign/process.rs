//! Functions by which a policy queries and controls its own processing.

use crate::abi::enums::Status;
use crate::abi::protobuf;
use crate::abi::protobuf::Field;
use crate::guest::effective_stream;
use crate::guest::memory::{Fault, Guest};

/// Envoy's `clear_route_cache`: the gateway selects the route again when the request's head is forwarded.
/// Outside of a gateway, and after that, there is nothing to choose.
pub(super) fn clear_route_cache(
    guest: &mut Guest<'_>,
    _arguments: &[u8],
) -> Result<Vec<u8>, Fault> {
    effective_stream::clear_route_cache(guest);
    Ok(Vec::new())
}

/// Higress's `get_log_level`: the number of the lowest level that is logged, as 4 bytes.
pub(super) fn get_log_level(guest: &mut Guest<'_>, _arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok((guest.env.core.services.log_level() as u32).to_le_bytes().to_vec())
}

/// Higress's `inject_encoded_data_to_filter_chain_on_header`: `{string body = 1; bool endstream = 2}`,
/// for the response whose headers the policy holds.
pub(super) fn inject(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    let (mut body, mut end) = (&[][..], false);
    let read = protobuf::read(arguments, |number, value| match (number, value) {
        (1, Field::Bytes(value)) => body = value,
        (2, Field::Number(value)) => end = value != 0,
        _ => {}
    });
    read.map_err(|_| Status::BadArgument)?;
    effective_stream::send_on(guest, body.to_vec(), end)?;
    Ok(Vec::new())
}
