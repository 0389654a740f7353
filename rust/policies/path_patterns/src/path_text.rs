//! Text of a path (RFC 3986 §3.3).

use policy_configuration::shown;
use std::fmt::Write;

/// Refuses text that has characters which a path may not have.
///
/// # Errors
/// A sentence with the right spelling.
pub fn check(text: &str) -> Result<(), String> {
    let refused = text.char_indices().find(|(place, letter)| match letter {
        '%' => !is_escape(&text[place + 1..]),
        letter => !is_path_letter(*letter),
    });
    match refused {
        None => Ok(()),
        Some((_, '?')) => {
            Err("`?` begins a query, which this policy does not change; write the path alone"
                .to_owned())
        }
        Some((_, '#')) => {
            Err("`#` begins a fragment, which is not sent; write %23 for the character itself"
                .to_owned())
        }
        Some((_, letter)) => Err(format!(
            "`{}` is not allowed in a path; write {} for the character itself",
            shown(letter.encode_utf8(&mut [0; 4])),
            encoded(letter)
        )),
    }
}

/// Whether two hexadecimal digits follow the percent sign.
#[must_use]
pub fn is_escape(after: &str) -> bool {
    after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
}

/// `pchar` without percent-encoding, or `/`.
fn is_path_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(letter)
}

/// The percent-encoded UTF-8 of a character.
#[must_use]
pub fn encoded(letter: char) -> String {
    let mut escapes = String::new();
    for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
        // Writing to a String cannot fail.
        let _ = write!(escapes, "%{byte:02X}");
    }
    escapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_paths_are_accepted() {
        assert_eq!(check("/a-Z0._~!$&'()*+,;=:@/%2f%C3%a9"), Ok(()));
    }

    #[test]
    fn other_characters_are_refused_with_the_right_spelling() {
        for (text, expected) in [
            ("/a b", "` ` is not allowed in a path; write %20 for the character itself"),
            ("/café", "`é` is not allowed in a path; write %C3%A9 for the character itself"),
            ("/%zz", "`%` is not allowed in a path; write %25 for the character itself"),
            ("/%", "`%` is not allowed in a path; write %25 for the character itself"),
            ("/a\\b", "`\\` is not allowed in a path; write %5C for the character itself"),
            ("/a\r\nb", "`\\r` is not allowed in a path; write %0D for the character itself"),
            ("/a?b", "`?` begins a query, which this policy does not change; write the path alone"),
            (
                "/a#b",
                "`#` begins a fragment, which is not sent; write %23 for the character itself",
            ),
        ] {
            assert_eq!(check(text), Err(expected.to_owned()));
        }
    }
}
