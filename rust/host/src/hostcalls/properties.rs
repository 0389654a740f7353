//! Properties.

use crate::abi::Status;
use crate::guest::{Answer, Fault, Guest};
use crate::properties::{CAPACITY, Refused, trimmed};
use crate::{LogLevel, properties, stream_state};

/// `proxy_get_property`: what a policy stored, else what the host knows.
pub(super) fn get(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value_at: u32,
    size_at: u32,
) -> Answer {
    guest.check(path, path_size)?;
    if path_size as usize > CAPACITY {
        return Err(Status::NotFound.into());
    }
    let path = guest.read_short(path, path_size)?;
    // Each byte is looked at, by all who may know it.
    guest.charge(path.len() as u64)?;
    let path = trimmed(&path);
    if path.is_empty() {
        return Err(Status::SerializationFailure.into());
    }
    let stream = guest.env.stream();
    let found = stream.and_then(|(key, _)| {
        stream_state::with(key, |state| {
            let units = state.properties.len() + properties::searched(state, path) / 4;
            (units, properties::of_stream(state, path))
        })
    });
    let (units, value) = found.unwrap_or_default();
    guest.charge(units as u64)?;
    let value = match value.or_else(|| properties::of_plugin(&guest.env.core, path)) {
        // Higress's: what the instance's memory takes.
        None if path == b"plugin_vm_memory" => guest.memory_size()?.to_le_bytes().to_vec(),
        value => value.ok_or(Status::NotFound)?,
    };
    guest.give(&value, value_at, size_at)
}

/// `proxy_set_property`: kept for the stream, seen by all its policies.
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
    match store(guest, trimmed(&path).to_vec(), value) {
        // Envoy answers BAD_ARGUMENT, which the SDK for Rust cannot bear here.
        Ok(Err(Refused::ReadOnly)) => {
            let text = "a property that was declared to be read only keeps its first value";
            guest.env.log(LogLevel::Warn, text.into());
            Ok(())
        }
        Ok(Err(Refused::Full)) => Err(full(guest)),
        Ok(Ok(())) => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn full(guest: &mut Guest<'_>) -> Fault {
    guest.env.log(LogLevel::Error, "the properties of this stream are full".into());
    Status::InternalFailure.into()
}

/// Stores a value with the stream.
pub(crate) fn store(
    guest: &mut Guest<'_>,
    path: Vec<u8>,
    value: Vec<u8>,
) -> Result<Result<(), Refused>, Fault> {
    let (key, _) = guest.env.stream().ok_or(Status::NotFound)?;
    let read_only = guest.env.declared.get(&path).copied().unwrap_or_default();
    let done = stream_state::with(key, |state| {
        (state.properties.len(), state.properties.store(path, value, read_only))
    });
    let (stored, done) = done.unwrap_or((0, Ok(())));
    guest.charge(stored as u64)?;
    Ok(done)
}
