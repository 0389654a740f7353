//! Bytes of a guest as readable text.

use std::fmt::Write;

use crate::types::headers::HeaderMap;
use crate::types::printable::printable;
use crate::types::secrets::masked_field;

/// The beginning of a value of `length` bytes as one line of text without control characters; bytes that
/// are not UTF-8 are escaped.
pub(super) fn shown(first: &[u8], length: usize) -> String {
    let mut text = match std::str::from_utf8(complete(first, length)) {
        Ok(text) => printable(text).into_owned(),
        Err(_) => first.escape_ascii().to_string(),
    };
    if length > first.len() {
        // Writing to a text cannot fail, here and below.
        let _ = write!(text, "… ({length} bytes)");
    }
    text
}

/// Drops an incomplete UTF-8 sequence at the end.
fn complete(first: &[u8], length: usize) -> &[u8] {
    match std::str::from_utf8(first) {
        Err(error) if length > first.len() && error.error_len().is_none() => {
            &first[..error.valid_up_to()]
        }
        _ => first,
    }
}

/// Masks the secrets in a value.
pub(super) type Hide<'a> = &'a dyn Fn(&[u8]) -> Vec<u8>;

/// Fields in one line, separated by semicolons; `hide` masks secrets in values whose names are not secret.
pub(super) fn fields(map: &HeaderMap, hide: Option<Hide<'_>>, most: usize) -> String {
    let mut text = String::new();
    for (name, value) in map.iter() {
        if text.len() > most {
            text.push_str(" …");
            break;
        }
        let value = match hide {
            Some(hide) => hide(&masked_field(name, value)),
            None => value.to_vec(),
        };
        let value = shown(&value[..value.len().min(most)], value.len());
        let between = if text.is_empty() { "" } else { "; " };
        let _ = write!(text, "{between}{}: {value}", shown(name, name.len()));
    }
    if text.is_empty() { "none".into() } else { text }
}

/// The path of a property with dots between its segments, which zero bytes separate. A segment that is
/// empty or contains a dot is quoted: `a."b.c"`.
pub(super) fn path(bytes: &[u8]) -> String {
    let part = |part: &[u8]| {
        let text = shown(part, part.len());
        let is_plain = !text.is_empty() && !text.contains(['.', '"']);
        if is_plain { text } else { format!("\"{}\"", text.replace('"', "\\\"")) }
    };
    bytes.split(|byte| *byte == 0).map(part).collect::<Vec<_>>().join(".")
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
        assert_eq!(shown(b"a\n\x1b[2J", 6), r"a\n\u{1b}[2J");
    }

    #[test]
    fn secrets_are_masked_by_their_field() {
        let pairs: [(&[u8], &[u8]); 2] = [(b"Cookie", b"a=b"), (b"x-a", b"1")];
        let map: HeaderMap = pairs.into_iter().collect();
        assert_eq!(fields(&map, Some(&<[u8]>::to_vec), 64), "cookie: *** (3 bytes); x-a: 1");
        assert_eq!(fields(&map, None, 64), "cookie: a=b; x-a: 1");
    }

    #[test]
    fn the_parts_of_a_path_are_joined() {
        assert_eq!(path(b"request\0headers\0host"), "request.headers.host");
        assert_eq!([path(b"a.b"), path(b"a\0b")], [r#""a.b""#, "a.b"]);
        assert_eq!([path(b"a\0\0b"), path(b"a\"\0b")], [r#"a."".b"#, r#""a\"".b"#]);
    }
}
