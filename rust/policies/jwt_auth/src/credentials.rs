//! The token in the `Authorization` fields of a request (RFC 6750 §2.1).

/// Longer tokens are refused before they are decoded.
pub const MOST_TOKEN_BYTES: usize = 16 * 1024;

const SCHEME: &[u8] = b"Bearer";

/// The content of the `Authorization` fields of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Credentials<'h> {
    /// No field, or another scheme.
    None,
    /// Several fields, or a value that is not a bearer token.
    Malformed,
    /// A token, of which only the length was checked.
    Token(&'h [u8]),
}

impl<'h> Credentials<'h> {
    /// Reads the values of all `Authorization` fields.
    pub fn read(mut values: impl Iterator<Item = &'h [u8]>) -> Self {
        let Some(value) = values.next() else {
            return Self::None;
        };
        if values.next().is_some() {
            return Self::Malformed;
        }
        let (scheme, token) = match value.iter().position(|&byte| byte == b' ') {
            Some(space) => value.split_at(space),
            None => (value, &[][..]),
        };
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return Self::None;
        }
        let token = token.trim_ascii_start();
        if token.is_empty() || token.len() > MOST_TOKEN_BYTES {
            return Self::Malformed;
        }
        Self::Token(token)
    }
}

/// Whether `token` has the form `b64token` (RFC 6750 §2.1).
#[must_use]
pub fn is_b64token(token: &[u8]) -> bool {
    let end = token.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    // To the end, because a metered guest pays for a branch at each byte.
    let allowed = |all: bool, byte: &u8| all & IN_B64TOKEN[usize::from(*byte)];
    end > 0 && token[..end].iter().fold(true, allowed)
}

const IN_B64TOKEN: [bool; 256] = {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
    let mut table = [false; 256];
    let mut index = 0;
    while index < letters.len() {
        table[letters[index] as usize] = true;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'h>(values: &[&'h [u8]]) -> Credentials<'h> {
        Credentials::read(values.iter().copied())
    }

    #[test]
    fn the_scheme_is_compared_without_case() {
        assert_eq!(read(&[b"bEARER  a.b.c"]), Credentials::Token(b"a.b.c"));
    }

    #[test]
    fn another_scheme_is_not_a_bearer_token() {
        assert_eq!(read(&[b"Basic YTpi"]), Credentials::None);
    }

    #[test]
    fn a_request_without_the_field_has_no_token() {
        assert_eq!(read(&[]), Credentials::None);
    }

    #[test]
    fn two_fields_are_malformed() {
        assert_eq!(read(&[b"Bearer a", b"Bearer a"]), Credentials::Malformed);
    }

    #[test]
    fn a_scheme_alone_is_malformed() {
        assert_eq!(read(&[b"Bearer"]), Credentials::Malformed);
        assert_eq!(read(&[b"Bearer "]), Credentials::Malformed);
    }

    #[test]
    fn a_token_over_the_limit_is_malformed() {
        let value = [b"Bearer ", "a".repeat(MOST_TOKEN_BYTES + 1).as_bytes()].concat();
        assert_eq!(read(&[value.as_slice()]), Credentials::Malformed);
    }

    #[test]
    fn a_b64token_has_its_alphabet_and_ends_in_padding_only() {
        assert!(is_b64token(b"aZ09-._~+/=="));
        for token in ["", "=", "a b", "a,b", "a=b", "a\"", "é"] {
            assert!(!is_b64token(token.as_bytes()), "{token}");
        }
    }
}
