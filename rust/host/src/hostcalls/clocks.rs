//! Clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::guest::{Answer, Guest};

/// `proxy_get_current_time_nanoseconds`: since 1970, not frozen per stream.
pub(super) fn get_current_time(guest: &mut Guest<'_>, time_at: u32) -> Answer {
    guest.write_u64(time_at, unix_nanoseconds())
}

/// Nanoseconds since 1970.
pub(super) fn unix_nanoseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
