//! What a policy asks of the host about itself and about its request.

use crate::guest::{Fault, Guest};
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
