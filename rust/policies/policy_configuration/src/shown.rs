//! Text of a configuration, as an error repeats it.

/// `text` as it was written: a backslash stays one backslash. Characters that end a line, move the cursor or change
/// the direction of text are escaped, so that an error stays one line of a log.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_invisible(letter) {
            out.extend(letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

/// Line and paragraph separators, and format characters (Unicode general category Cf) that steer how text is shown.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_text_is_repeated_unchanged() {
        for text in [r"^/a\.b/(\d+)$", r#"it's "quoted""#, "caf\u{e9}", "e\u{301}", ""] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn characters_that_break_a_line_or_hide_are_escaped() {
        assert_eq!(shown("a\r\nb\0\x1b[2J"), "a\\r\\nb\\u{0}\\u{1b}[2J");
        assert_eq!(shown("a\u{202e}b\u{2028}"), "a\\u{202e}b\\u{2028}");
    }
}
