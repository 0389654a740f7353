//! Clocks.

use crate::guest::memory::{Answer, Guest};

/// `proxy_get_current_time_nanoseconds`: since 1970, read anew for each call.
pub(super) fn get_current_time(guest: &mut Guest<'_>, time_at: u32) -> Answer {
    let time = guest.env.core.services.clock().unix();
    guest.write_u64(time_at, time)
}
