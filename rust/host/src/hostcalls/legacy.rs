//! The hostcalls that ABI 0.1.0 has instead of `proxy_continue_stream` and the configuration buffers.
//! The specification gives them no result; existing guests and hosts use a status.

use crate::abi::enums::Direction;
use crate::guest::effective_stream;
use crate::guest::memory::{Answer, Guest};
use crate::hostcalls::http_streams;

/// `proxy_continue_request`.
pub(super) fn continue_request(guest: &mut Guest<'_>) -> Answer {
    http_streams::resume(guest, Direction::Request)
}

/// `proxy_continue_response`.
pub(super) fn continue_response(guest: &mut Guest<'_>) -> Answer {
    http_streams::resume(guest, Direction::Response)
}

/// `proxy_clear_route_cache`, which is a foreign function in later versions.
pub(super) fn clear_route_cache(guest: &mut Guest<'_>) -> Answer {
    effective_stream::clear_route_cache(guest);
    Ok(())
}

/// `proxy_get_configuration`: the VM's in `proxy_on_vm_start`, the plugin's afterwards.
pub(super) fn get_configuration(guest: &mut Guest<'_>, value_at: u32, size_at: u32) -> Answer {
    let spec = &guest.env.core.spec;
    let bytes = if guest.env.starting_vm { &spec.vm_configuration } else { &spec.configuration };
    let bytes = bytes.clone();
    guest.give(&bytes, value_at, size_at)
}
