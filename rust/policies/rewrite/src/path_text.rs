//! Text that stands in a path as it is written (RFC 3986 §3.3).

use std::fmt::Write;

/// Refuses what cannot stand in a path.
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
        Some((_, '?')) => Err("`?` would begin a query, and the query stays as it came".to_owned()),
        Some((_, '#')) => Err("`#` would begin a fragment, which is not sent".to_owned()),
        Some((_, letter)) => Err(format!(
            "`{}` cannot stand in a path; write {} for the character itself",
            letter.escape_debug(),
            encoded(letter)
        )),
    }
}

/// Whether the text behind a percent sign makes it an escape: two hexadecimal digits.
#[must_use]
pub fn is_escape(after: &str) -> bool {
    after.len() >= 2 && after.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())
}

/// `pchar` and the slash, without escapes.
fn is_path_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(letter)
}

fn encoded(letter: char) -> String {
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
    fn what_a_path_is_made_of_is_accepted() {
        assert_eq!(check("/a-Z0._~!$&'()*+,;=:@/%2f%C3%a9"), Ok(()));
    }

    #[test]
    fn everything_else_is_refused_with_the_right_spelling() {
        for (text, expected) in [
            ("/a b", "` ` cannot stand in a path; write %20 for the character itself"),
            ("/café", "`é` cannot stand in a path; write %C3%A9 for the character itself"),
            ("/%zz", "`%` cannot stand in a path; write %25 for the character itself"),
            ("/%", "`%` cannot stand in a path; write %25 for the character itself"),
            ("/a\\b", "`\\\\` cannot stand in a path; write %5C for the character itself"),
            ("/a\r\nb", "`\\r` cannot stand in a path; write %0D for the character itself"),
            ("/a?b", "`?` would begin a query, and the query stays as it came"),
            ("/a#b", "`#` would begin a fragment, which is not sent"),
        ] {
            assert_eq!(check(text), Err(expected.to_owned()));
        }
    }
}
