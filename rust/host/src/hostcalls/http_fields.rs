//! HTTP fields.
//!
//! Fields can be read from their arrival until the end of the stream (Envoy allows less; here a response
//! callback can read the request). They can be changed in their own callback and while the policy is
//! stopped there, also in body callbacks if it stopped only the headers; trailers also in the last body
//! callback, which can add the first one. Elsewhere a change would not be forwarded, so it returns
//! `BAD_ARGUMENT`, and a log line says why.
//!
//! As in Envoy, `host` is an alias of `:authority` in a request's head, and a pseudo-header has one value:
//! an added value is appended after a comma.

use crate::abi::dialect::Dialect;
use crate::abi::enums::{MapType, Status};
use crate::abi::pairs;
use crate::context::stream_data::StreamData;
use crate::context::stream_table;
use crate::guest::memory::{Answer, Fault, Guest, Short};
use crate::types::fields::is_field;
use crate::types::headers::HeaderMap;
use crate::types::headers::{is_pseudo, name_in_request};

const TOO_MUCH: &str = "its limits `headers` and `header_bytes` allow no more";

/// `proxy_get_header_map_size`: bytes of the serialized map.
pub(super) fn size(guest: &mut Guest<'_>, map: u32, size_at: u32) -> Answer {
    let size = read(guest, map, pairs::encoded_len)?.unwrap_or(0);
    guest.write_u32(size_at, Guest::length(size)?)
}

/// `proxy_get_header_map_pairs`.
pub(super) fn pairs(guest: &mut Guest<'_>, map: u32, bytes_at: u32, size_at: u32) -> Answer {
    let bytes = read(guest, map, pairs::encode)?.unwrap_or_default();
    guest.give(&bytes, bytes_at, size_at)
}

/// `proxy_get_header_map_value`: the first value of the name.
pub(super) fn value(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value_at: u32,
    size_at: u32,
) -> Answer {
    let name = guest.read_short(name, name_size)?;
    let name = name_in(map, &name);
    // Copied once into its final buffer: the guest's allocator runs before the value is written.
    let mut value = Short::new();
    let mut keep = |found: &[u8]| value.extend_from_slice(found);
    let found = read(guest, map, |map| map.get(name).map(&mut keep))?.flatten();
    // ABI 0.1.0 has no NOT_FOUND here: an absent field has an empty value.
    if found.is_none() && guest.env.core.module.dialect() != Dialect::V0_1_0 {
        return Err(Status::NotFound.into());
    }
    guest.give(&value, value_at, size_at)
}

/// `proxy_set_header_map_pairs`.
pub(super) fn set_pairs(guest: &mut Guest<'_>, map: u32, bytes: u32, size: u32) -> Answer {
    guest.check(bytes, size)?;
    if size as usize > guest.env.core.spec.limits.pairs() {
        return Err(refused(guest, TOO_MUCH));
    }
    let bytes = guest.read(bytes, size)?;
    // The parser reads each byte.
    guest.charge(bytes.len() as u64)?;
    let fields = pairs::decode(&bytes).ok_or(Status::BadArgument)?;
    for (name, value) in fields.iter() {
        check(name, value)?;
    }
    let fields = match MapType::from_number(map) {
        Some(MapType::RequestHeaders) => fields.as_request_head(),
        _ => fields,
    };
    let size = (fields.len(), fields.byte_len());
    write(guest, map, |_| size, |map| *map = fields)
}

/// `proxy_add_header_map_value`.
pub(super) fn add(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Answer {
    let (name, value) = field(guest, name, name_size, value, value_size)?;
    let name = name_in(map, &name);
    let size = |map: &HeaderMap| {
        let grows = is_pseudo(name) && map.get(name).is_some();
        let more = if grows { 1 } else { name.len() } + value.len();
        (map.len() + usize::from(!grows), map.byte_len() + more)
    };
    write(guest, map, size, |map| map.add(name, &value))
}

/// `proxy_replace_header_map_value`: adds the field if the name is absent.
pub(super) fn replace(
    guest: &mut Guest<'_>,
    map: u32,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Answer {
    let (name, value) = field(guest, name, name_size, value, value_size)?;
    let name = name_in(map, &name);
    let size = |map: &HeaderMap| {
        let (bytes, old) = (map.byte_len() + value.len(), map.get(name));
        old.map_or((map.len() + 1, bytes + name.len()), |old| (map.len(), bytes - old.len()))
    };
    write(guest, map, size, |map| map.set(name, &value))
}

/// `proxy_remove_header_map_value`: an absent name is not an error.
pub(super) fn remove(guest: &mut Guest<'_>, map: u32, name: u32, name_size: u32) -> Answer {
    let name = guest.read_short(name, name_size)?;
    let name = name_in(map, &name);
    if read(guest, map, |map| map.get(name).is_none())?.unwrap_or(true) {
        return Ok(());
    }
    if is_pseudo(name) && ![&b":authority"[..], b":scheme"].contains(&name) {
        let text = format!("a message needs `{}`", name.escape_ascii());
        return Err(guest.refuse(Status::BadArgument, text));
    }
    write(
        guest,
        map,
        |_| (0, 0),
        |map| {
            map.remove(name);
        },
    )
}

/// The name under which a map stores a field.
fn name_in(map: u32, name: &[u8]) -> &[u8] {
    match MapType::from_number(map) {
        Some(MapType::RequestHeaders) => name_in_request(name),
        _ => name,
    }
}

type Field = (Short, Short);

fn field(
    guest: &mut Guest<'_>,
    name: u32,
    name_size: u32,
    value: u32,
    value_size: u32,
) -> Result<Field, Fault> {
    let (name, value) = (guest.read_short(name, name_size)?, guest.read_short(value, value_size)?);
    // The check reads each byte.
    guest.charge((name.len() + value.len()) as u64)?;
    if check(&name, &value).is_err() {
        let text = format!(
            "refused a field: `{}` is not a valid name, or its value has a control character",
            name.escape_ascii()
        );
        return Err(guest.refuse(Status::BadArgument, text));
    }
    Ok((name, value))
}

/// Checks a field; the name may begin with the `:` of a pseudo-header.
fn check(name: &[u8], value: &[u8]) -> Answer {
    let bare = name.strip_prefix(b":").unwrap_or(name);
    if is_field(bare, value) { Ok(()) } else { Err(Status::BadArgument.into()) }
}

fn read<R>(
    guest: &mut Guest<'_>,
    map: u32,
    work: impl FnOnce(&HeaderMap) -> R,
) -> Result<Option<R>, Fault> {
    let kind = MapType::from_number(map).ok_or(Status::BadArgument)?;
    if kind.is_of_callouts() {
        let shown = guest.env.calls.delivery.as_ref().and_then(|its| its.map(kind));
        let found = shown.map(|map| (map.byte_len(), work(map)));
        guest.charge_bytes(found.as_ref().map_or(0, |(bytes, _)| *bytes))?;
        return Ok(found.map(|(_, found)| found));
    }
    let Some((key, _)) = guest.env.stream() else { return Ok(None) };
    let mut bytes = 0;
    let found = stream_table::with(key, |stream| {
        let map = map_of(stream, kind)?;
        bytes = map.byte_len();
        Some(work(map))
    });
    guest.charge_bytes(bytes)?;
    Ok(found.flatten())
}

fn map_of(stream: &mut StreamData, kind: MapType) -> Option<&mut HeaderMap> {
    match kind {
        MapType::RequestHeaders => stream.request.begun.then_some(&mut stream.request.headers),
        MapType::ResponseHeaders => stream.response.begun.then_some(&mut stream.response.headers),
        MapType::RequestTrailers => stream.request.trailers.as_mut(),
        MapType::ResponseTrailers => stream.response.trailers.as_mut(),
        _ => None,
    }
}

/// Whether a change by the policy at `position` would still be forwarded.
fn is_writable(stream: &StreamData, kind: MapType, position: usize) -> bool {
    let filter = &stream.filters[position];
    match kind {
        MapType::RequestHeaders => filter.request.headers,
        MapType::ResponseHeaders => filter.response.headers,
        MapType::RequestTrailers => filter.request.has_trailers(),
        MapType::ResponseTrailers => filter.response.has_trailers(),
        _ => false,
    }
}

/// The map to change; trailers are created when the last body callback adds the first one.
fn map_to_write(stream: &mut StreamData, kind: MapType) -> Option<&mut HeaderMap> {
    match kind {
        MapType::RequestTrailers => Some(stream.request.trailers.get_or_insert_default()),
        MapType::ResponseTrailers => Some(stream.response.trailers.get_or_insert_default()),
        _ => map_of(stream, kind),
    }
}

/// Changes a map. `size`: the number of fields and of bytes that the map has after `work`.
fn write(
    guest: &mut Guest<'_>,
    map: u32,
    size: impl FnOnce(&HeaderMap) -> (usize, usize),
    work: impl FnOnce(&mut HeaderMap),
) -> Answer {
    let kind = MapType::from_number(map).ok_or(Status::BadArgument)?;
    let (key, position) = guest.env.stream().ok_or(Status::BadArgument)?;
    let limits = &guest.env.core.spec.limits;
    let (most, most_bytes) = (limits.headers, limits.header_bytes);
    let mut bytes = 0;
    let refusal = stream_table::with(key, |stream| {
        if !is_writable(stream, kind, position) {
            return Some("these fields have gone on already, or are not there yet");
        }
        let map = map_to_write(stream, kind)?;
        let fields;
        (fields, bytes) = size(map);
        if fields > most || bytes > most_bytes {
            return Some(TOO_MUCH);
        }
        work(map);
        match kind {
            MapType::RequestHeaders => stream.request.written(position),
            MapType::ResponseHeaders => stream.response.written(position),
            _ => {}
        }
        None
    });
    guest.charge_bytes(bytes)?;
    let refusal = refusal.unwrap_or(Some("the stream has ended"));
    refusal.map_or(Ok(()), |reason| Err(refused(guest, reason)))
}

fn refused(guest: &mut Guest<'_>, reason: &str) -> Fault {
    guest.refuse(Status::BadArgument, format!("could not change header fields: {reason}"))
}
