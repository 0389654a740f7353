//! What goes in and out of a hostcall, told from the names of its parameters: `x` and `x_size` are
//! bytes of the guest, `x_at` is where an answer goes, anything else is a number.

use crate::abi::pairs;
use crate::guest::memory::Guest;
use crate::guest::probe::names;
use crate::guest::probe::names::{PLUGIN_CONFIGURATION, VM_CONFIGURATION};
use crate::guest::probe::text::{Hide, fields, path, shown};
use crate::services::trace::TraceLimits;
use crate::types::secrets::{is_secret, masked};

/// Bytes of a value that are looked at for secrets; less is shown.
const WHOLE: usize = 1 << 20;

/// What bytes of the guest are.
enum Meaning {
    /// Fields, serialized.
    Map,
    /// The path of a property.
    Path,
    /// Nothing to be shown.
    Secret,
    /// The value of what has this name.
    Field(Vec<u8>),
    /// Any text.
    Body,
}

/// A parameter and its value.
pub(super) type Parameter = (&'static str, i64);
/// A parameter's value, whatever its type in WebAssembly.
pub(crate) trait Number {
    fn number(self) -> i64;
}

impl Number for u32 {
    fn number(self) -> i64 {
        self.into()
    }
}

impl Number for i32 {
    fn number(self) -> i64 {
        self.into()
    }
}

impl Number for i64 {
    fn number(self) -> i64 {
        self
    }
}

impl Number for u64 {
    fn number(self) -> i64 {
        self.cast_signed()
    }
}

type Shown = Vec<(&'static str, String)>;

/// WASI's parameters that are addresses and say nothing.
const ADDRESSES: [&str; 6] =
    ["arguments", "buffer", "events", "pointers", "subscriptions", "precision"];
/// Answers of eight bytes; all others have four.
const LONG: [&str; 2] = ["resolution_at", "time_at"];

/// One hostcall: its name, its parameters, and how much of them is shown.
pub(super) struct Arguments<'a> {
    pub(super) function: &'a str,
    pub(super) parameters: &'a [Parameter],
    pub(super) limits: TraceLimits,
}

impl Arguments<'_> {
    /// What the guest gave.
    pub(super) fn given(&self, guest: &Guest<'_>) -> Shown {
        if self.function == "environ_get" {
            let trace = guest.env.core.services.trace();
            let values = guest.env.core.spec.environment.iter().map(|(_, value)| value);
            values.for_each(|value| trace.meet(value.as_bytes()));
        }
        let mut shown = Vec::new();
        let mut rest = self.parameters;
        while let [(name, value), tail @ ..] = rest {
            rest = tail;
            if name.ends_with("_at") || self.is_address(name) {
                continue;
            }
            if *name == "vectors" {
                // Before a read there is nothing in them yet.
                if self.function.ends_with("write") {
                    shown.push(("text", self.pieces(guest, *value)));
                }
                rest = &tail[tail.len().min(1)..];
            } else if let [(next, size), after @ ..] = tail
                && is_size(name, next)
            {
                shown.push((*name, self.bytes(guest, name, *value, *size)));
                rest = after;
            } else {
                shown.push((*name, names::number(self.function, name, *value)));
            }
        }
        shown
    }

    /// What the guest got.
    pub(super) fn got(&self, guest: &Guest<'_>) -> Shown {
        let mut shown = Vec::new();
        let mut rest = self.parameters;
        while let [(name, at), tail @ ..] = rest {
            rest = tail;
            let Some(what) = name.strip_suffix("_at") else { continue };
            if let [("size_at", size_at), after @ ..] = tail {
                rest = after;
                let (address, size) = (word(guest, *at, 4), word(guest, *size_at, 4));
                shown.push((what, self.bytes(guest, what, address, size)));
            } else {
                let long = LONG.contains(name) || self.function == "proxy_get_metric";
                let value = word(guest, *at, if long { 8 } else { 4 });
                shown.push((what, names::number(self.function, what, value)));
            }
        }
        shown
    }

    fn is_address(&self, name: &str) -> bool {
        !self.function.starts_with("proxy_") && ADDRESSES.contains(&name)
    }

    fn bytes(&self, guest: &Guest<'_>, name: &str, at: i64, size: i64) -> String {
        let length = usize::try_from(size).unwrap_or_default();
        let (trace, hides) = (guest.env.core.services.trace(), !self.limits.secrets);
        let whole = || guest.peek(at, length.min(WHOLE));
        match self.meaning(guest, name) {
            Meaning::Map => {
                let hide = |value: &[u8]| trace.hide(b"", value);
                let Some(map) = pairs::decode(&whole()) else {
                    return format!("malformed ({length} bytes)");
                };
                // All of them before the first is shown: one may be in another.
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

    /// A value of so many bytes, of which as much as [`WHOLE`] was read.
    fn cut(&self, value: &[u8], length: usize) -> String {
        let is_whole = length <= if self.limits.secrets { self.limits.value } else { WHOLE };
        let length = if is_whole { value.len() } else { length };
        shown(&value[..value.len().min(self.limits.value)], length)
    }

    fn meaning(&self, guest: &Guest<'_>, name: &str) -> Meaning {
        match name {
            "path" if self.function.ends_with("_property") => Meaning::Path,
            "headers" | "trailers" | "metadata" => Meaning::Map,
            "password" | "username" => Meaning::Secret,
            "arguments" | "result" if self.function == "proxy_call_foreign_function" => {
                Meaning::Secret
            }
            // A login is a command of Redis, too.
            "query" if self.has(guest, "query", "query_size", b"AUTH") => Meaning::Secret,
            "value" if self.function == "proxy_get_configuration" => Meaning::Secret,
            "value" if self.function.ends_with("_property") => self.property(guest),
            "value" => Meaning::Field(self.named(guest)),
            "bytes" if self.function.ends_with("_map_pairs") => Meaning::Map,
            "bytes" => match self.parameter("buffer") {
                Some(VM_CONFIGURATION | PLUGIN_CONFIGURATION) => Meaning::Secret,
                _ => Meaning::Body,
            },
            "upstream" | "service" => Meaning::Field(b":path".to_vec()),
            _ => Meaning::Body,
        }
    }

    fn property(&self, guest: &Guest<'_>) -> Meaning {
        let path = self.peeked(guest, "path", "path_size");
        let mut parts = path.split(|byte| *byte == 0 || *byte == b'.');
        let last = path.rsplit(|byte| *byte == 0 || *byte == b'.').next().unwrap_or_default();
        match last {
            b"headers" | b"trailers" => Meaning::Map,
            _ if parts.any(is_secret) => Meaning::Secret,
            name => Meaning::Field(name.to_vec()),
        }
    }

    fn has(&self, guest: &Guest<'_>, name: &str, size: &str, word: &[u8]) -> bool {
        let value = self.peeked(guest, name, size);
        value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
    }

    /// The field that this call is about: a header's name, or the key of shared data.
    fn named(&self, guest: &Guest<'_>) -> Vec<u8> {
        if self.function.ends_with("_header_map_value") {
            return self.peeked(guest, "name", "name_size");
        }
        self.peeked(guest, "key", "key_size")
    }

    fn peeked(&self, guest: &Guest<'_>, name: &str, size: &str) -> Vec<u8> {
        let found = self.parameter(name).zip(self.parameter(size));
        found.map_or_else(Vec::new, |(at, size)| {
            guest.peek(at, usize::try_from(size).unwrap_or_default().min(1024))
        })
    }

    fn parameter(&self, wanted: &str) -> Option<i64> {
        self.parameters.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
    }

    /// What WASI's vectors gather, as far as it is shown.
    fn pieces(&self, guest: &Guest<'_>, vectors: i64) -> String {
        let (mut text, mut length) = (Vec::new(), 0);
        for piece in 0..self.parameter("count").unwrap_or_default().min(64) {
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

/// A number of the guest of so many bytes.
fn word(guest: &Guest<'_>, at: i64, size: usize) -> i64 {
    guest.peek(at, size).iter().rev().fold(0, |number, byte| number << 8 | i64::from(*byte))
}

/// Whether `next` is how long `name` is.
fn is_size(name: &str, next: &str) -> bool {
    match next.strip_suffix("size") {
        Some("") => matches!(name, "bytes" | "message" | "path"),
        Some(stem) => stem.strip_suffix('_') == Some(name),
        None => false,
    }
}
