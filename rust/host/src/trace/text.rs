//! Bytes of a guest as a person reads them.

use std::fmt::Write;

use crate::HeaderMap;

/// Fields whose values prove who somebody is.
const SECRET_FIELDS: [&[u8]; 4] =
    [b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"];

pub(super) fn is_secret(field: &[u8]) -> bool {
    SECRET_FIELDS.iter().any(|secret| field.eq_ignore_ascii_case(secret))
}

/// The first bytes of a value of `length` bytes: text as it is, other bytes escaped.
pub(super) fn shown(first: &[u8], length: usize) -> String {
    let mut text = match std::str::from_utf8(complete(first, length)) {
        Ok(text) if !text.chars().any(|letter| letter.is_control() && letter != '\n') => {
            text.into()
        }
        _ => first.escape_ascii().to_string(),
    };
    if length > first.len() {
        // Writing to a text cannot fail, here and below.
        let _ = write!(text, "… ({length} bytes)");
    }
    text
}

/// Without the first half of a letter that was cut.
fn complete(first: &[u8], length: usize) -> &[u8] {
    match std::str::from_utf8(first) {
        Err(error) if length > first.len() && error.error_len().is_none() => {
            &first[..error.valid_up_to()]
        }
        _ => first,
    }
}

pub(super) fn masked(length: usize) -> String {
    format!("*** ({length} bytes)")
}

/// Fields one after the other, as in HTTP/1.
pub(super) fn fields(map: &HeaderMap, secrets: bool, most: usize) -> String {
    let mut text = String::new();
    for (name, value) in map.iter() {
        if text.len() > most {
            text.push_str(" …");
            break;
        }
        let value = if is_secret(name) && !secrets {
            masked(value.len())
        } else {
            shown(&value[..value.len().min(most)], value.len())
        };
        let between = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{between}{}: {value}", shown(name, name.len()));
    }
    if text.is_empty() { "none".into() } else { text }
}

/// A property's path: its parts are separated by zero bytes.
pub(super) fn path(bytes: &[u8]) -> String {
    let parts: Vec<_> =
        bytes.split(|byte| *byte == 0).map(|part| shown(part, part.len())).collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_letters() {
        assert_eq!(shown("aé".as_bytes().split_at(2).0, 9), "a… (9 bytes)");
    }

    #[test]
    fn what_is_no_text_is_escaped() {
        assert_eq!(shown(b"\xff\x00", 2), "\\xff\\x00");
    }

    #[test]
    fn secrets_are_masked_by_their_field() {
        let pairs: [(&[u8], &[u8]); 2] = [(b"Cookie", b"a=b"), (b"x-a", b"1")];
        let map: HeaderMap = pairs.into_iter().collect();
        assert_eq!(fields(&map, false, 64), "cookie: *** (3 bytes); x-a: 1");
        assert_eq!(fields(&map, true, 64), "cookie: a=b; x-a: 1");
    }

    #[test]
    fn the_parts_of_a_path_are_joined() {
        assert_eq!(path(b"request\0headers\0host"), "request.headers.host");
    }
}
