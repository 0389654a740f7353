//! Field names and values (RFC 9110 §5.1, §5.5).

use policy_configuration::shown;
use std::fmt;

/// Fields that frame a message or belong to one connection; a policy that writes them breaks the message.
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

/// Why a field name or value of a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError(String);

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a field as a header map has it: in lower case, because names are case-insensitive
/// (RFC 9110 §5.1). `None` if `written` is not a token.
#[must_use]
pub fn name(written: &str) -> Option<String> {
    let is_token = !written.is_empty() && written.bytes().all(is_token_byte);
    is_token.then(|| written.to_ascii_lowercase())
}

/// Whether `value` arrives as it is sent: it has no control characters (CR, LF and NUL would split the message) and
/// no white space at its ends (recipients strip it, so two values would become one).
#[must_use]
pub fn is_value(value: &[u8]) -> bool {
    let outer_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !outer_space(value.first())
        && !outer_space(value.last())
        && value.iter().all(|&byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// The name, in lower case, of a field that a policy may write; `key` is its place in the configuration.
///
/// # Errors
/// [`FieldError`] for a pseudo-header, a name that is not a token, and a field that frames the message
/// (RFC 9112 §6) or belongs to one connection (RFC 9110 §7.6.1).
pub fn writable_name(key: &str, written: &str) -> Result<String, FieldError> {
    let reason = if written.starts_with(':') {
        "is a pseudo-header and cannot be written as a field"
    } else {
        match name(written) {
            None => "is not a field name; write letters, digits and - alone",
            Some(name) if FRAMING.contains(&&*name) => {
                "frames the message and is written by the server alone"
            }
            Some(name) => return Ok(name),
        }
    };
    Err(FieldError(format!("{key}: `{}` {reason}", shown(written))))
}

/// Refuses a field value that cannot be sent unchanged, and one with a variable of another product.
///
/// # Errors
/// [`FieldError`] for control characters, white space at either end, and variables of other products.
pub fn refuse_value(key: &str, value: &str) -> Result<(), FieldError> {
    let reason = if !is_value(value.as_bytes()) {
        "has a control character, or white space at its start or end; write it without"
    } else if has_variable(value) {
        "has a variable, which this policy does not expand; write the value itself"
    } else {
        return Ok(());
    };
    Err(FieldError(format!("{key}: `{}` {reason}", shown(value))))
}

/// Whether `value` has a variable of nginx (`$host`), a shell (`${HOST}`), Envoy (`%PROTOCOL%`) or a template engine
/// (`{{ host }}`).
fn has_variable(value: &str) -> bool {
    let after = |sign: &str| value.split(sign).skip(1).any(|rest| rest.starts_with(is_letter));
    let between = |open: &str, close: &str| {
        value.split_once(open).is_some_and(|(_, rest)| rest.contains(close))
    };
    let of_envoy = value.split('%').skip(1).any(|name| {
        name.len() > 2
            && name.bytes().all(|byte| byte.is_ascii_uppercase() || b"_-():.?".contains(&byte))
    });
    after("$")
        || between("${", "}")
        || between("{{", "}}")
        || of_envoy && value.matches('%').count() > 1
}

fn is_letter(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter == '_'
}

fn is_token_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*'
        | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_name_and_is_compared_in_lower_case() {
        for (written, expected) in [("x-tier", "x-tier"), ("X-Tier", "x-tier"), ("Via", "via")] {
            assert_eq!(name(written).as_deref(), Some(expected));
            assert_eq!(writable_name("set", written).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn text_that_is_not_a_token_is_refused() {
        for written in ["", "x tier", "x:tier", "x\r\ntier", "é"] {
            assert_eq!(name(written), None, "{written}");
            assert!(writable_name("set", written).is_err(), "{written}");
        }
    }

    #[test]
    fn inner_spaces_and_utf8_are_allowed_in_a_value() {
        assert!(is_value("gold, für alle".as_bytes()));
    }

    #[test]
    fn control_characters_and_outer_spaces_are_refused() {
        for value in ["a\rb", "a\nb", "a\0b", "\x7f", " a", "a\t"] {
            assert!(!is_value(value.as_bytes()), "{value:?}");
        }
    }

    #[test]
    fn values_with_variables_of_other_products_are_refused() {
        for value in
            ["$host", "a $remote_addr", "${HOST}", "{{ .Host }}", "%PROTOCOL%", "%REQ(:PATH)%"]
        {
            assert!(refuse_value("set.x-a", value).is_err(), "{value}");
        }
    }

    #[test]
    fn signs_without_a_variable_are_allowed_in_a_value() {
        for value in ["", "$5", "US$", "100%", "50% of 100%", "a%20b%2Fc", "{\"a\": {}}", "%AB%CD"]
        {
            assert_eq!(refuse_value("set.x-a", value), Ok(()), "{value}");
        }
    }

    #[test]
    fn fields_that_frame_a_message_are_refused_in_any_case() {
        for written in ["content-length", "Content-Length"] {
            let refused = writable_name("request_headers.set", written).unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!(
                    "request_headers.set: `{written}` frames the message and is written by the \
                     server alone"
                )
            );
        }
    }
}
