//! Shared key-value store.

use crate::abi::enums::Status;
use crate::guest::memory::{Answer, Fault, Guest, Short};
use crate::services::shared_data::SharedDataError;
use crate::types::log_level::LogLevel;

/// `proxy_get_shared_data`.
pub(super) fn get(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    value_at: u32,
    size_at: u32,
    cas_at: u32,
) -> Answer {
    let key = key_of(guest, key, key_size)?;
    let (value, cas) = guest.env.core.data.get(&key).ok_or(Status::NotFound)?;
    guest.give(&value, value_at, size_at)?;
    guest.write_u32(cas_at, cas)
}

/// `proxy_set_shared_data`; with `cas` 0 it overwrites unconditionally.
pub(super) fn set(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    value: u32,
    value_size: u32,
    cas: u32,
) -> Answer {
    guest.check(key, key_size)?;
    guest.check(value, value_size)?;
    if key_size as usize + value_size as usize > guest.env.core.vm.space.quota().data {
        return Err(full(guest));
    }
    let (key, value) = (key_of(guest, key, key_size)?, guest.read(value, value_size)?);
    match guest.env.core.data.set(&key, value, cas) {
        Ok(()) => Ok(()),
        Err(SharedDataError::CasMismatch) => Err(Status::CasMismatch.into()),
        Err(SharedDataError::Full) => Err(full(guest)),
    }
}

fn full(guest: &mut Guest<'_>) -> Fault {
    guest.env.log(LogLevel::Error, "its shared data is full".into());
    Status::InternalFailure.into()
}

/// Reads a key, and charges for hashing it.
fn key_of(guest: &mut Guest<'_>, key: u32, key_size: u32) -> Result<Short, Fault> {
    let key = guest.read_short(key, key_size)?;
    guest.charge(key.len() as u64)?;
    Ok(key)
}
