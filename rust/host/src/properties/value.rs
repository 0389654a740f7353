//! Values as Envoy's `serializeValue` writes them: text raw, numbers as 8 bytes little-endian, a
//! flag as one byte, times and durations as nanoseconds, maps as pairs, messages as protobuf.

use std::time::Duration;

/// A serialized map without entries.
pub(super) const EMPTY_MAP: &[u8] = &[0; 4];
/// A message whose fields are all unset.
pub(super) const EMPTY_MESSAGE: &[u8] = &[];

pub(super) fn number(value: u64) -> Vec<u8> {
    value.to_le_bytes().to_vec()
}

pub(super) fn flag(value: bool) -> Vec<u8> {
    vec![value.into()]
}

pub(super) fn nanoseconds(value: Duration) -> Vec<u8> {
    number(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
}

/// A text; an empty one counts as unknown.
pub(super) fn name(text: &str) -> Option<Vec<u8>> {
    (!text.is_empty()).then(|| text.as_bytes().to_vec())
}
