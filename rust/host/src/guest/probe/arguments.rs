//! Arguments and results of a hostcall in a trace: the kind of an argument decides what is masked.

use crate::abi::argument::Argument;
use crate::abi::pairs;
use crate::guest::memory::Guest;
use crate::guest::probe::names;
use crate::guest::probe::names::{PLUGIN_CONFIGURATION, VM_CONFIGURATION};
use crate::guest::probe::text::{Hide, fields, path, shown};
use crate::services::trace::TraceLimits;
use crate::types::secrets::{is_secret, masked};

/// Maximum number of bytes of a value that are searched for secrets; fewer are shown.
const WHOLE: usize = 1 << 20;
/// Maximum number of bytes of a name that are read.
const NAME: usize = 1024;
/// Maximum number of I/O vectors that are read.
const VECTORS: i64 = 64;

/// The meaning of the guest's bytes, which decides how they are shown.
enum Meaning {
    /// Fields, serialized.
    Map,
    /// The path of a property.
    Path,
    /// Masked as a whole.
    Secret,
    /// The value of the field or key with this name.
    Field(Vec<u8>),
    /// Any text.
    Body,
}

/// An argument and its value.
#[derive(Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Argument,
    pub(crate) value: i64,
}

type Shown = Vec<(&'static str, String)>;

/// The arguments of one hostcall, and the limits on what is shown.
pub(super) struct Arguments<'a> {
    pub(super) parameters: &'a [Parameter],
    pub(super) limits: TraceLimits,
}

impl Arguments<'_> {
    /// The arguments that the guest passed.
    pub(super) fn given(&self, guest: &Guest<'_>) -> Shown {
        let mut given = Vec::new();
        for (at, Parameter { name, kind, value }) in self.parameters.iter().enumerate() {
            let length = || self.parameters.get(at + 1).map_or(0, |length| length.value);
            let text = match kind {
                Argument::Environment => {
                    let trace = guest.env.core.services.trace();
                    let values = guest.env.core.spec.environment.iter().map(|(_, value)| value);
                    values.for_each(|value| trace.meet(value.as_bytes()));
                    continue;
                }
                Argument::Address
                | Argument::Vectors
                | Argument::Length
                | Argument::NumberAt
                | Argument::LogLevelAt
                | Argument::LongAt
                | Argument::TextAt
                | Argument::ValueAt
                | Argument::FieldsAt
                | Argument::PropertyValueAt
                | Argument::BufferBytesAt
                | Argument::SecretAt
                | Argument::LengthAt => continue,
                Argument::WrittenVectors => self.gathered(guest, *value, length()),
                Argument::Text
                | Argument::Key
                | Argument::Value
                | Argument::Fields
                | Argument::Path
                | Argument::PropertyValue
                | Argument::BufferBytes
                | Argument::Secret
                | Argument::RedisQuery
                | Argument::Upstream => self.bytes(guest, *kind, *value, length()),
                number => names::number(*number, *value),
            };
            given.push((if *kind == Argument::WrittenVectors { "text" } else { *name }, text));
        }
        given
    }

    /// The results that the guest got.
    pub(super) fn got(&self, guest: &Guest<'_>) -> Shown {
        let mut got = Vec::new();
        for (at, Parameter { name, kind, value }) in self.parameters.iter().enumerate() {
            let bytes = |kind| {
                let length = self.parameters.get(at + 1).map_or(0, |length| length.value);
                self.bytes(guest, kind, word(guest, *value, 4), word(guest, length, 4))
            };
            let text = match kind {
                Argument::NumberAt => names::number(Argument::Number, word(guest, *value, 4)),
                Argument::LogLevelAt => names::number(Argument::LogLevel, word(guest, *value, 4)),
                Argument::LongAt => names::number(Argument::Long, word(guest, *value, 8)),
                Argument::TextAt => bytes(Argument::Text),
                Argument::ValueAt => bytes(Argument::Value),
                Argument::FieldsAt => bytes(Argument::Fields),
                Argument::PropertyValueAt => bytes(Argument::PropertyValue),
                Argument::BufferBytesAt => bytes(Argument::BufferBytes),
                Argument::SecretAt => bytes(Argument::Secret),
                _ => continue,
            };
            got.push((name.strip_suffix("_at").unwrap_or(name), text));
        }
        got
    }

    fn bytes(&self, guest: &Guest<'_>, kind: Argument, at: i64, size: i64) -> String {
        let length = usize::try_from(size).unwrap_or_default();
        let (trace, hides) = (guest.env.core.services.trace(), !self.limits.secrets);
        let whole = || guest.peek(at, length.min(WHOLE));
        match self.meaning(guest, kind, at, size) {
            Meaning::Map => {
                let hide = |value: &[u8]| trace.hide(b"", value);
                let Some(map) = pairs::decode(&whole()) else {
                    return format!("malformed ({length} bytes)");
                };
                // All secrets are registered before a value is shown: one value may contain another.
                map.iter().for_each(|(name, value)| drop(trace.hide(name, value)));
                fields(&map, hides.then_some(&hide as Hide<'_>), self.limits.value)
            }
            Meaning::Path => path(&guest.peek(at, length.min(self.limits.value))),
            Meaning::Secret if hides => {
                trace.meet(&whole());
                masked(length)
            }
            Meaning::Field(name) if hides => self.cut(&trace.hide(&name, &whole()), length),
            Meaning::Body if hides => self.cut(&trace.hide_in(&whole()), length),
            _ => self.cut(&guest.peek(at, length.min(self.limits.value)), length),
        }
    }

    /// The shown part of a value of `length` bytes, of which at most [`WHOLE`] were read.
    fn cut(&self, value: &[u8], length: usize) -> String {
        let is_whole = length <= if self.limits.secrets { self.limits.value } else { WHOLE };
        let length = if is_whole { value.len() } else { length };
        shown(&value[..value.len().min(self.limits.value)], length)
    }

    fn meaning(&self, guest: &Guest<'_>, kind: Argument, at: i64, size: i64) -> Meaning {
        match kind {
            Argument::Path => Meaning::Path,
            Argument::Fields => Meaning::Map,
            Argument::Secret => Meaning::Secret,
            Argument::RedisQuery if has(guest, at, size, b"AUTH") => Meaning::Secret,
            Argument::PropertyValue => self.property(guest),
            // Named by a field or a key of shared data; a value in a queue has no name.
            Argument::Value => Meaning::Field(self.peeked(guest, Argument::Key)),
            Argument::BufferBytes => match self.value(Argument::Buffer) {
                Some(VM_CONFIGURATION | PLUGIN_CONFIGURATION) => Meaning::Secret,
                _ => Meaning::Body,
            },
            Argument::Upstream => Meaning::Field(b":path".to_vec()),
            _ => Meaning::Body,
        }
    }

    fn property(&self, guest: &Guest<'_>) -> Meaning {
        let path = self.peeked(guest, Argument::Path);
        let mut parts = path.split(|byte| *byte == 0 || *byte == b'.');
        let last = path.rsplit(|byte| *byte == 0 || *byte == b'.').next().unwrap_or_default();
        match last {
            b"headers" | b"trailers" => Meaning::Map,
            _ if parts.any(is_secret) => Meaning::Secret,
            name => Meaning::Field(name.to_vec()),
        }
    }

    /// The bytes of another argument of this call.
    fn peeked(&self, guest: &Guest<'_>, kind: Argument) -> Vec<u8> {
        let mut pairs = self.parameters.windows(2);
        let found = pairs.find(|pair| pair[0].kind == kind);
        found.map_or_else(Vec::new, |pair| peek(guest, pair[0].value, pair[1].value))
    }

    fn value(&self, kind: Argument) -> Option<i64> {
        self.parameters.iter().find(|known| known.kind == kind).map(|known| known.value)
    }

    /// The bytes that WASI's I/O vectors refer to, as far as they are shown.
    fn gathered(&self, guest: &Guest<'_>, vectors: i64, count: i64) -> String {
        let (mut text, mut length) = (Vec::new(), 0);
        for piece in 0..count.min(VECTORS) {
            let (at, size) = (vectors + piece * 8, vectors + piece * 8 + 4);
            let (at, size) = (word(guest, at, 4), word(guest, size, 4));
            let size = usize::try_from(size).unwrap_or_default();
            let room = WHOLE.saturating_sub(text.len());
            text.extend(guest.peek(at, size.min(room)));
            length += size;
        }
        if self.limits.secrets {
            return shown(&text[..text.len().min(self.limits.value)], length);
        }
        self.cut(&guest.env.core.services.trace().hide_in(&text), length)
    }
}

/// Reads a little-endian number of this size in bytes.
fn word(guest: &Guest<'_>, at: i64, size: usize) -> i64 {
    guest.peek(at, size).iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte))
}

fn peek(guest: &Guest<'_>, at: i64, size: i64) -> Vec<u8> {
    guest.peek(at, usize::try_from(size).unwrap_or_default().min(NAME))
}

fn has(guest: &Guest<'_>, at: i64, size: i64, word: &[u8]) -> bool {
    let value = peek(guest, at, size);
    value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}
