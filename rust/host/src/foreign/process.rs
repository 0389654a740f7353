//! What a policy asks of the host about itself and about its request.

use crate::abi::Status;
use crate::guest::{Fault, Guest};
use crate::hostcalls::send_on;
use crate::protobuf::{self, Field};
use crate::stream_state;

/// Envoy's `clear_route_cache`: the gateway chooses the route again when the request's head goes on.
/// Outside of a gateway, and after that, there is nothing to choose.
pub(crate) fn clear_route_cache(
    guest: &mut Guest<'_>,
    _arguments: &[u8],
) -> Result<Vec<u8>, Fault> {
    if let Some((key, _)) = guest.env.stream() {
        stream_state::with(key, |state| state.course.route_cleared = true);
    }
    Ok(Vec::new())
}

/// Higress's `get_log_level`: the number of the lowest level that is logged, as 4 bytes.
pub(super) fn get_log_level(guest: &mut Guest<'_>, _arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    Ok((guest.env.core.host.log_level() as u32).to_le_bytes().to_vec())
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
    send_on(guest, body.to_vec(), end)?;
    Ok(Vec::new())
}
