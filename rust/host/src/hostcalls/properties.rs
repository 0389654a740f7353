//! Properties.

use crate::abi::enums::Status;
use crate::context::stored_properties::{CAPACITY, StoreError};
use crate::context::stream_table;
use crate::guest::effective_stream;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::properties;
use crate::properties::trimmed;
use crate::types::log_level::LogLevel;

/// `proxy_get_property`: the value that a policy stored, else the host's.
pub(super) fn get(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value_at: u32,
    size_at: u32,
) -> Answer {
    // No property has such a path: its bytes are not read, but their range is checked.
    if path_size == 0 || path_size as usize > CAPACITY {
        guest.check(path, path_size)?;
        let empty = path_size == 0;
        return Err(if empty { Status::SerializationFailure } else { Status::NotFound }.into());
    }
    let path = guest.read_short(path, path_size)?;
    // Each look-up reads the whole path.
    guest.charge(path.len() as u64)?;
    let path = trimmed(&path);
    if path.is_empty() {
        return Err(Status::SerializationFailure.into());
    }
    let (stream, clock) = (guest.env.stream(), guest.env.core.services.clock());
    let found = stream.and_then(|(key, _)| {
        stream_table::with(key, |stream| {
            let units = stream.properties.len() + properties::searched(stream, path) / 4;
            (units, properties::of_stream(stream, clock, path))
        })
    });
    let (units, value) = found.unwrap_or_default();
    guest.charge(units as u64)?;
    let value = match value.or_else(|| properties::of_plugin(&guest.env.core, path)) {
        // Higress's property: the size of the instance's memory.
        None if path == b"plugin_vm_memory" => guest.memory_size().to_le_bytes().to_vec(),
        value => value.ok_or(Status::NotFound)?,
    };
    guest.give(&value, value_at, size_at)
}

/// `proxy_set_property`: stores a value for the stream, which all its policies see.
pub(super) fn set(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value: u32,
    value_size: u32,
) -> Answer {
    guest.check(path, path_size)?;
    guest.check(value, value_size)?;
    if path_size as usize + value_size as usize > CAPACITY {
        return Err(full(guest));
    }
    let (path, value) = (guest.read(path, path_size)?, guest.read(value, value_size)?);
    match effective_stream::store(guest, trimmed(&path).to_vec(), value) {
        // Envoy returns BAD_ARGUMENT, on which the Rust SDK panics.
        Ok(Err(StoreError::ReadOnly)) => {
            let text = "a property that was declared to be read only keeps its first value";
            guest.env.log(LogLevel::Warn, text.into());
            Ok(())
        }
        Ok(Err(StoreError::Full)) => Err(full(guest)),
        Ok(Ok(())) => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn full(guest: &mut Guest<'_>) -> Fault {
    guest.env.log(LogLevel::Error, "the properties of this stream are full".into());
    Status::InternalFailure.into()
}
