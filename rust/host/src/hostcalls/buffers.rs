//! Buffers.

use crate::abi::enums::{BufferType, Direction, Status};
use crate::context::stream_table;
use crate::guest::memory::{Answer, Fault, Guest};

/// `proxy_get_buffer_status`.
pub(super) fn status(guest: &mut Guest<'_>, buffer: u32, size_at: u32, flags_at: u32) -> Answer {
    let size = with_buffer(guest, buffer, |bytes| Ok(bytes.len()))?;
    guest.write_u32(size_at, Guest::length(size)?)?;
    guest.write_u32(flags_at, 0)
}

/// `proxy_get_buffer_bytes`: from `start`, at most `most`.
pub(super) fn get(
    guest: &mut Guest<'_>,
    buffer: u32,
    start: u32,
    most: u32,
    bytes_at: u32,
    size_at: u32,
) -> Answer {
    let end = start.checked_add(most).ok_or(Status::BadArgument)? as usize;
    let bytes = with_buffer(guest, buffer, |bytes| {
        let start = (start as usize).min(bytes.len());
        Ok(bytes[start..end.min(bytes.len())].to_vec())
    })?;
    guest.give(&bytes, bytes_at, size_at)
}

/// `proxy_set_buffer_bytes`: `start` 0 and `size` 0 prepends, a `start` past the end appends, else
/// `size` bytes from `start` are replaced.
pub(super) fn set(
    guest: &mut Guest<'_>,
    buffer: u32,
    start: u32,
    size: u32,
    value: u32,
    value_size: u32,
) -> Answer {
    let direction = direction(buffer)?.ok_or(Status::BadArgument)?;
    guest.check(value, value_size)?;
    let limit = guest.env.core.spec.limits.body;
    // The new value may be as long as the old one, even above the limit.
    let most = limit.max(with_body(guest, direction, |body| Ok(body.len()))?);
    if value_size as usize > most {
        return Err(too_long(guest));
    }
    let value = guest.read(value, value_size)?;
    let held = with_body(guest, direction, |body| {
        let start = (start as usize).min(body.len());
        let end = start.saturating_add(size as usize).min(body.len());
        // A policy may always shorten a body, and lengthen it up to its limit.
        let length = body.len() - (end - start) + value.len();
        if length > limit.max(body.len()) {
            return Ok(None);
        }
        body.splice(start..end, value);
        Ok(Some(body.len()))
    })?;
    let Some(held) = held else { return Err(too_long(guest)) };
    guest.charge_bytes(held)?;
    if let Some((key, _)) = guest.env.stream() {
        stream_table::with(key, |stream| stream.direction(direction).rewritten = true);
    }
    Ok(())
}

fn too_long(guest: &mut Guest<'_>) -> Fault {
    let text = "could not change a body: its limit `body` allows no more";
    guest.refuse(Status::BadArgument, text)
}

fn direction(buffer: u32) -> Result<Option<Direction>, Fault> {
    Ok(match BufferType::from_number(buffer).ok_or(Status::BadArgument)? {
        BufferType::RequestBody => Some(Direction::Request),
        BufferType::ResponseBody => Some(Direction::Response),
        _ => None,
    })
}

fn with_buffer<R>(
    guest: &mut Guest<'_>,
    buffer: u32,
    work: impl FnOnce(&[u8]) -> Result<R, Fault>,
) -> Result<R, Fault> {
    match BufferType::from_number(buffer).ok_or(Status::BadArgument)? {
        BufferType::VmConfiguration => work(&guest.env.core.spec.vm_configuration),
        BufferType::PluginConfiguration => work(&guest.env.core.spec.configuration),
        BufferType::RequestBody => with_body(guest, Direction::Request, |body| work(body)),
        BufferType::ResponseBody => with_body(guest, Direction::Response, |body| work(body)),
        BufferType::Absent => Err(Status::NotFound.into()),
        answer => {
            let shown = guest.env.calls.delivery.as_ref().and_then(|its| its.buffer(answer));
            work(shown.ok_or(Status::NotFound)?)
        }
    }
}

/// Runs `work` on the body: it is accessible in its own callback and while the policy buffers it.
fn with_body<R>(
    guest: &mut Guest<'_>,
    direction: Direction,
    work: impl FnOnce(&mut Vec<u8>) -> Result<R, Fault>,
) -> Result<R, Fault> {
    let (key, position) = guest.env.stream().ok_or(Status::NotFound)?;
    let found = stream_table::with(key, |stream| {
        let gate = stream.filter(direction, position);
        if gate.shows_body() { work(&mut gate.body) } else { Err(Status::NotFound.into()) }
    });
    found.unwrap_or(Err(Status::NotFound.into()))
}
