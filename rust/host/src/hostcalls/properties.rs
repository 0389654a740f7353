//! Properties.

use crate::abi::Status;
use crate::guest::{Answer, Guest};
use crate::{LogLevel, properties, stream_state};

/// Bytes of paths and values that the policies of one stream may store.
const CAPACITY: usize = 64 << 10;

/// `proxy_get_property`: what a policy stored, else what the host knows.
pub(super) fn get(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value_at: u32,
    size_at: u32,
) -> Answer {
    let path = guest.read(path, path_size)?;
    let stream = guest.env.stream();
    let value = stream
        .and_then(|(key, _)| stream_state::with(key, |state| properties::of_stream(state, &path)))
        .flatten()
        .or_else(|| properties::of_plugin(&guest.env.core, &path));
    guest.give(&value.ok_or(Status::NotFound)?, value_at, size_at)
}

/// `proxy_set_property`: kept for the stream, seen by all its policies.
pub(super) fn set(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value: u32,
    value_size: u32,
) -> Answer {
    let (path, value) = (guest.read(path, path_size)?, guest.read(value, value_size)?);
    let (key, _) = guest.env.stream().ok_or(Status::NotFound)?;
    let stored = stream_state::with(key, |state| {
        let held: usize = state.properties.iter().map(|(path, value)| path.len() + value.len()).sum();
        if held + path.len() + value.len() > CAPACITY {
            return false;
        }
        match state.properties.iter_mut().find(|(known, _)| *known == path) {
            Some(entry) => entry.1 = value,
            None => state.properties.push((path, value)),
        }
        true
    });
    if stored == Some(false) {
        guest.env.log(LogLevel::Error, "the properties of this stream are full".into());
        return Err(Status::InternalFailure.into());
    }
    Ok(())
}
