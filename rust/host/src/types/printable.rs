//! Text of a guest or of a client on its way to a log, an error or a terminal: one line, without
//! control sequences and without characters that change the displayed order.

use std::borrow::Cow;
use std::fmt::Write;

/// The text with every line break, control character and invisible sign of direction written out, as `\n` or
/// `\u{1b}`.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            // Writing to a text cannot fail.
            letter if is_harmful(letter) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(letter));
            }
            letter => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// C0 and C1 controls; line and paragraph separators; signs of direction (UAX #9 §2); interlinear annotations, tags
/// and the byte order mark, which are as invisible.
fn is_harmful(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_every_script_stay() {
        for text in ["", "naïve", "日本語", "שלום", "👩‍💻", r#"{"a": "b\\n"}"#] {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        let forged = "ok\r\nCRITICAL: forged\t\u{1b}[2J\u{9b}31m\u{7f}\0";
        let shown = r"ok\r\nCRITICAL: forged\t\u{1b}[2J\u{9b}31m\u{7f}\u{0}";
        assert_eq!(printable(forged), shown);
    }

    #[test]
    fn signs_of_direction_are_written_out() {
        assert_eq!(
            printable("a\u{202e}b\u{2066}c\u{200f}d\u{2028}"),
            r"a\u{202e}b\u{2066}c\u{200f}d\u{2028}"
        );
    }

    #[test]
    fn nothing_that_is_shown_is_harmful() {
        let all: String = ('\0'..=char::MAX).collect();
        assert!(!printable(&all).chars().any(is_harmful));
    }
}
