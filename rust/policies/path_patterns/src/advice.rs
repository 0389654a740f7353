//! Why a pattern is refused, and the right spelling of what other engines write.

use crate::path_text;
use policy_configuration::shown;

/// Parts of a pattern or of the parser's message, and what to write instead; the first match is used.
const SPELLINGS: [(&str, &str); 14] = [
    ("(?=", LOOK_AROUND),
    ("(?!", LOOK_AROUND),
    ("(?<=", LOOK_AROUND),
    ("(?<!", LOOK_AROUND),
    (
        "backreferences",
        "a pattern cannot match a group's text again; write a pattern for that text",
    ),
    ("(?P=", "a pattern cannot match a group's text again; write a pattern for that text"),
    ("\\Z", "write $ for the end of the path"),
    ("unclosed group", "close it with ), or write \\( for the character itself"),
    ("unopened group", "write \\) for the character itself"),
    ("unclosed character class", "close it with ], or write \\[ for the character itself"),
    ("repetition operator missing", "write .* for any text, [^/]* for any segment"),
    ("repetition quantifier", "write [^/]+ for any segment, \\{ for the character itself"),
    ("counted repetition", "write [^/]+ for any segment, \\{ for the character itself"),
    ("Unicode", "patterns are about bytes: write ASCII, and other characters percent-encoded"),
];
const LOOK_AROUND: &str = "write two rules; the first one that matches is applied";

/// The parser's message, and what to write instead.
#[must_use]
pub fn syntax_error(pattern: &str, error: &regex_syntax::Error) -> String {
    let reason = match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        _ => "the pattern cannot be read".to_owned(),
    };
    let spelling =
        SPELLINGS.iter().find(|(sign, _)| reason.contains(sign) || pattern.contains(sign));
    spelling.map_or_else(|| reason.clone(), |(_, spelling)| format!("{reason}; {spelling}"))
}

/// Refuses a pattern that is valid but cannot match a path as it was meant.
///
/// # Errors
/// The reason and what to write.
pub fn check_pattern(pattern: &str) -> Result<(), String> {
    let anchored = pattern.strip_prefix('^').unwrap_or_default();
    let mut letters = anchored.chars();
    let is_relative = letters.next().is_some_and(|first| first.is_ascii_alphanumeric())
        && !letters.next().is_some_and(|second| "?*{|".contains(second))
        && !anchored.contains('|');
    let reason = if pattern.is_empty() {
        "an empty pattern matches every path; write ^ if that is meant".to_owned()
    } else if pattern.starts_with('~') {
        let (prefix, alone) = match pattern.strip_prefix("~*") {
            Some(alone) => ("(?i)", alone),
            None => ("", pattern.trim_start_matches('~')),
        };
        format!("~ and ~* are written in nginx alone; write {prefix}{}", shown(alone.trim_start()))
    } else if anchored.starts_with("http") || pattern.contains("://") {
        "only the path is matched; write ^/ and what follows the host".to_owned()
    } else if is_relative {
        format!("every path begins with /; write ^/{anchored}")
    } else if pattern.contains(' ') && !pattern.starts_with("(?x") {
        "a path has no spaces; write %20".to_owned()
    } else if pattern.contains("**") {
        "** repeats a repetition; write .* for any text, [^/]* for any segment".to_owned()
    } else if let Some(letter) = pattern.chars().find(|letter| !letter.is_ascii()) {
        format!("a path is ASCII; write {} for `{letter}`", path_text::encoded(letter))
    } else {
        return Ok(());
    };
    Err(reason)
}
