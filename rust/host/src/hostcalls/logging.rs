//! Logging.

use crate::abi::enums::Status;
use crate::guest::memory::{Answer, Guest};
use crate::types::log_level::LogLevel;

/// Fuel for a byte of a line, which is decoded as text.
pub(super) const TEXT_UNITS: u64 = 4;

/// `proxy_log`.
pub(super) fn log(guest: &mut Guest<'_>, level: u32, message: u32, size: u32) -> Answer {
    let level = LogLevel::from_number(level).ok_or(Status::BadArgument)?;
    let room = guest.env.log_room(level);
    let message = guest.read_some(message, size, room)?;
    guest.charge(message.len() as u64 * TEXT_UNITS)?;
    guest.env.guest_log(level, &message, size as usize);
    Ok(())
}

/// `proxy_get_log_level` (0.2.1).
pub(super) fn get_log_level(guest: &mut Guest<'_>, level_at: u32) -> Answer {
    let level = guest.env.core.services.log_level() as u32;
    guest.write_u32(level_at, level)
}
