//! Field names and values (RFC 9110 §5.1, §5.5).

use std::fmt;

/// Fields that frame a message or belong to one connection: a policy that writes them breaks the message.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "host",
];

/// Why a field of a configuration is refused; shown to the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError(String);

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `name` is a token in lower case, as field names stand in a header map.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// Whether `value` can be sent and arrives unchanged: no control characters (CR, LF and NUL would split
/// the message), no white space at its ends (a receiver strips it, so two values would become one).
#[must_use]
pub fn is_value(value: &[u8]) -> bool {
    let outer_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !outer_space(value.first())
        && !outer_space(value.last())
        && value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// Refuses a field name that a policy must not write, `key` being the place in the configuration.
///
/// # Errors
/// [`FieldError`] for a pseudo-header, a name that is no lower-case token, and a field that frames the
/// message (RFC 9112 §6) or belongs to one connection (RFC 9110 §7.6.1).
pub fn refuse_name(key: &str, name: &str) -> Result<(), FieldError> {
    let reason = if name.starts_with(':') {
        "is a pseudo-header and cannot be written as a field"
    } else if !is_name(name) {
        "is no field name; write it in lower case with letters, digits and -"
    } else if FRAMING.contains(&name) {
        "frames the message and is written by the server alone"
    } else {
        return Ok(());
    };
    Err(FieldError(format!("{key}: `{}` {reason}", name.escape_debug())))
}

/// Refuses a field value that cannot be sent as it stands.
///
/// # Errors
/// [`FieldError`] for control characters and for white space at either end.
pub fn refuse_value(key: &str, value: &str) -> Result<(), FieldError> {
    if is_value(value.as_bytes()) {
        return Ok(());
    }
    Err(FieldError(format!(
        "{key}: `{}` has a control character, or white space at its start or end; remove it",
        value.escape_debug()
    )))
}

fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*'
        | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_case_token_is_a_name() {
        assert!(is_name("x-tier"));
    }

    #[test]
    fn anything_else_is_no_name() {
        for name in ["", "X-Tier", "x tier", "x:tier", "x\r\ntier", "é"] {
            assert!(!is_name(name), "{name}");
        }
    }

    #[test]
    fn inner_spaces_and_utf8_may_stand_in_a_value() {
        assert!(is_value("gold, für alle".as_bytes()));
    }

    #[test]
    fn control_characters_and_outer_spaces_may_not() {
        for value in ["a\rb", "a\nb", "a\0b", "\x7f", " a", "a\t"] {
            assert!(!is_value(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn fields_that_frame_a_message_are_refused() {
        let error = refuse_name("request_headers.set", "content-length");
        assert_eq!(
            error.map_err(|error| error.to_string()),
            Err("request_headers.set: `content-length` frames the message and is written by the \
                 server alone"
                .to_owned())
        );
    }
}
