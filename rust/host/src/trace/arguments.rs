//! What goes in and out of a hostcall, told from the names of its parameters: `x` and `x_size` are
//! bytes of the guest, `x_at` is where an answer goes, anything else is a number.

use super::TraceLimits;
use super::text::{fields, is_secret, masked, path, shown};
use super::words::{self, PLUGIN_CONFIGURATION, VM_CONFIGURATION};
use crate::guest::Guest;
use crate::pairs;

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
pub(super) struct Border<'a> {
    pub(super) function: &'a str,
    pub(super) parameters: &'a [Parameter],
    pub(super) limits: TraceLimits,
}

impl Border<'_> {
    /// What the guest gave.
    pub(super) fn given(&self, guest: &Guest<'_>) -> Shown {
        let mut shown = Vec::new();
        let mut rest = self.parameters;
        while let [(name, value), tail @ ..] = rest {
            rest = tail;
            if name.ends_with("_at") || self.is_address(name) {
                continue;
            }
            if *name == "vectors" {
                shown.push(("text", self.pieces(guest, *value)));
                rest = &tail[tail.len().min(1)..];
            } else if let [(next, size), after @ ..] = tail
                && is_size(name, next)
            {
                shown.push((*name, self.bytes(guest, name, *value, *size)));
                rest = after;
            } else {
                shown.push((*name, words::number(self.function, name, *value)));
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
                shown.push((what, words::number(self.function, what, value)));
            }
        }
        shown
    }

    fn is_address(&self, name: &str) -> bool {
        !self.function.starts_with("proxy_") && ADDRESSES.contains(&name)
    }

    fn bytes(&self, guest: &Guest<'_>, name: &str, at: i64, size: i64) -> String {
        let length = usize::try_from(size).unwrap_or_default();
        if self.is_secret(guest, name) && !self.limits.secrets {
            return masked(length);
        }
        if self.is_map(name) {
            let map = pairs::decode(&guest.peek(at, length.min(1 << 20)));
            return map.map_or_else(
                || format!("malformed ({length} bytes)"),
                |map| fields(&map, self.limits.secrets, self.limits.value),
            );
        }
        let bytes = guest.peek(at, length.min(self.limits.value));
        if name == "path" && self.function.ends_with("_property") {
            return path(&bytes);
        }
        shown(&bytes, length)
    }

    fn is_map(&self, name: &str) -> bool {
        matches!(name, "headers" | "trailers" | "metadata")
            || (name == "bytes" && self.function.ends_with("_map_pairs"))
    }

    fn is_secret(&self, guest: &Guest<'_>, name: &str) -> bool {
        match name {
            "password" | "username" => true,
            "arguments" | "result" => self.function == "proxy_call_foreign_function",
            "value" if self.function == "proxy_get_configuration" => true,
            "value" => is_secret(&self.named(guest)),
            "bytes" => {
                let buffer = self.parameter("buffer");
                matches!(buffer, Some(VM_CONFIGURATION | PLUGIN_CONFIGURATION))
            }
            _ => false,
        }
    }

    /// The field that this call is about: a header's name, or the last part of a property's path.
    fn named(&self, guest: &Guest<'_>) -> Vec<u8> {
        let found = |name, size| {
            let (at, size) = (self.parameter(name)?, self.parameter(size)?);
            Some(guest.peek(at, usize::try_from(size).unwrap_or_default().min(1024)))
        };
        if self.function.ends_with("_header_map_value") {
            return found("name", "name_size").unwrap_or_default();
        }
        let path = found("path", "path_size").unwrap_or_default();
        path.rsplit(|byte| *byte == 0).next().unwrap_or_default().to_vec()
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
            let room = self.limits.value.saturating_sub(text.len());
            text.extend(guest.peek(at, size.min(room)));
            length += size;
        }
        shown(&text, length)
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
