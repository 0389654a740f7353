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
    } else if is_name(&name.to_ascii_lowercase()) && !is_name(name) {
        let lower = name.to_ascii_lowercase();
        return Err(FieldError(format!("{key}: write the name in lower case, `{lower}`")));
    } else if !is_name(name) {
        "is no field name; write it in lower case with letters, digits and -"
    } else if FRAMING.contains(&name) {
        "frames the message and is written by the server alone"
    } else {
        return Ok(());
    };
    Err(FieldError(format!("{key}: `{}` {reason}", name.escape_debug())))
}

/// Refuses a field value that cannot be sent as it stands, or that another product would put something into.
///
/// # Errors
/// [`FieldError`] for control characters, white space at either end, and variables of other products.
pub fn refuse_value(key: &str, value: &str) -> Result<(), FieldError> {
    let reason = if !is_value(value.as_bytes()) {
        "has a control character, or white space at its start or end; remove it"
    } else if has_variable(value) {
        "has a variable; nothing is put into a value, it is sent as it is written"
    } else {
        return Ok(());
    };
    Err(FieldError(format!("{key}: `{}` {reason}", value.escape_debug())))
}

/// Whether `value` has a variable as nginx (`$host`), a shell (`${HOST}`), Envoy (`%PROTOCOL%`) or a template
/// (`{{ host }}`) writes one.
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
    fn values_with_variables_of_other_products_are_refused() {
        for value in
            ["$host", "a $remote_addr", "${HOST}", "{{ .Host }}", "%PROTOCOL%", "%REQ(:PATH)%"]
        {
            assert!(refuse_value("set.x-a", value).is_err(), "{value}");
        }
    }

    #[test]
    fn signs_that_name_no_variable_may_stand_in_a_value() {
        for value in ["", "$5", "US$", "100%", "50% of 100%", "a%20b%2Fc", "{\"a\": {}}", "%AB%CD"]
        {
            assert_eq!(refuse_value("set.x-a", value), Ok(()), "{value}");
        }
    }

    #[test]
    fn a_name_in_capitals_is_told_how_it_is_written() {
        let refused = refuse_name("set.X-Tier", "X-Tier").unwrap_err().to_string();
        assert_eq!(refused, "set.X-Tier: write the name in lower case, `x-tier`");
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
