//! Properties.

use crate::abi::Status;
use crate::guest::{Answer, Guest};
use crate::{LogLevel, properties, stream_state};

/// Bytes of paths and values that the policies of one stream may store.
const CAPACITY: usize = 64 << 10;
/// What a property takes beside its bytes; so it bounds their number too.
const ENTRY: usize = 64;

/// `proxy_get_property`: what a policy stored, else what the host knows.
pub(super) fn get(
    guest: &mut Guest<'_>,
    path: u32,
    path_size: u32,
    value_at: u32,
    size_at: u32,
) -> Answer {
    let path = guest.read_short(path, path_size)?;
    let stream = guest.env.stream();
    let found = stream.and_then(|(key, _)| {
        stream_state::with(key, |state| {
            (state.properties.len(), properties::of_stream(state, &path))
        })
    });
    let (stored, value) = found.unwrap_or_default();
    guest.charge(stored as u64)?;
    let value = value.or_else(|| properties::of_plugin(&guest.env.core, &path));
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
    let size = |path: &[u8], value: &[u8]| path.len() + value.len() + ENTRY;
    let done = stream_state::with(key, |state| {
        let stored = state.properties.len();
        let known = state.properties.iter().position(|(known, _)| *known == path);
        let others = state.properties.iter().enumerate().filter(|(at, _)| Some(*at) != known);
        let held: usize = others.map(|(_, (path, value))| size(path, value)).sum();
        if held + size(&path, &value) > CAPACITY {
            return (stored, false);
        }
        match known {
            Some(at) => state.properties[at].1 = value,
            None => state.properties.push((path, value)),
        }
        (stored, true)
    });
    let (stored, fits) = done.unwrap_or((0, true));
    guest.charge(stored as u64)?;
    if !fits {
        guest.env.log(LogLevel::Error, "the properties of this stream are full".into());
        return Err(Status::InternalFailure.into());
    }
    Ok(())
}
