//! What is wrong with a pattern, and the right spelling, for somebody who thinks of another engine.

/// Parts of a pattern or of the parser's words, and what to write instead; the first that fits is said.
const SPELLINGS: [(&str, &str); 14] = [
    ("(?=", LOOK_AROUND),
    ("(?!", LOOK_AROUND),
    ("(?<=", LOOK_AROUND),
    ("(?<!", LOOK_AROUND),
    ("backreferences", "a pattern cannot repeat what a group found; write what it may be"),
    ("(?P=", "a pattern cannot repeat what a group found; write what it may be"),
    ("\\Z", "write $ for the end of the path"),
    ("unclosed group", "close it with ), or write \\( for the character itself"),
    ("unopened group", "write \\) for the character itself"),
    ("unclosed character class", "close it with ], or write \\[ for the character itself"),
    ("repetition operator missing", "write .* for any text, [^/]* for any segment"),
    ("repetition quantifier", "write [^/]+ for any segment, \\{ for the character itself"),
    ("counted repetition", "write [^/]+ for any segment, \\{ for the character itself"),
    ("Unicode", "patterns are about bytes: write ASCII, and other characters percent-encoded"),
];
const LOOK_AROUND: &str = "write two rules, of which the first that finds something is taken";

/// The reason in the parser's words, and what to write.
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

/// Refuses a pattern that can be read but is found in no path.
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
        "it is found before every path; write ^ if that is meant".to_owned()
    } else if pattern.starts_with('~') {
        "~ and ~* are nginx's words; write the pattern alone, and (?i) at its start if case does not matter"
            .to_owned()
    } else if anchored.starts_with("http") || pattern.contains("://") {
        "only the path is searched; write ^/ and what follows the host".to_owned()
    } else if is_relative {
        format!("every path begins with /; write ^/{anchored}")
    } else if pattern.contains(' ') && !pattern.starts_with("(?x") {
        "a path has no spaces; write %20".to_owned()
    } else if pattern.contains("**") {
        "** repeats a repetition; write .* for any text, [^/]* for any segment".to_owned()
    } else if let Some(letter) = pattern.chars().find(|letter| !letter.is_ascii()) {
        format!("a path is ASCII; write `{letter}` percent-encoded")
    } else {
        return Ok(());
    };
    Err(reason)
}

#[cfg(test)]
mod tests {
    use crate::pattern::Pattern;

    #[test]
    fn a_pattern_that_cannot_be_read_is_told_the_right_spelling() {
        for (pattern, expected) in [
            ("(", "unclosed group; close it with ), or write \\("),
            (")", "unopened group; write \\)"),
            ("[", "unclosed character class; close it with ], or write \\["),
            ("*", "repetition operator missing expression; write .* for any text"),
            ("/v1/**", "** repeats a repetition; write .* for any text"),
            ("/users/{id}", "repetition quantifier expects a valid decimal; write [^/]+"),
            (
                "^/(?!admin)",
                "look-around, including look-ahead and look-behind, is not supported; write two",
            ),
            ("^/(a)/\\1", "backreferences are not supported; a pattern cannot repeat"),
            ("^/(?P<a>b)/(?P=a)", "a pattern cannot repeat"),
            ("^/a\\Z", "unrecognized escape sequence; write $ for the end"),
            ("\\pL", "Unicode not allowed here; patterns are about bytes"),
            ("", "it is found before every path; write ^"),
            ("~ ^/v1", "~ and ~* are nginx's words; write the pattern alone"),
            ("^https?://a.example/(.*)", "only the path is searched; write ^/ and"),
            ("^users/$", "every path begins with /; write ^/users/$"),
            ("^/a b", "a path has no spaces; write %20"),
            ("^/café", "a path is ASCII; write `é` percent-encoded"),
        ] {
            let refused = Pattern::new(pattern, "/").unwrap_err();
            let named = format!("pattern: `{}`: ", pattern.escape_debug());
            let said = refused.strip_prefix(&named).unwrap();
            assert!(said.contains(expected), "{refused}");
        }
    }

    #[test]
    fn patterns_that_are_found_in_paths_are_accepted() {
        for pattern in ["^", "a+", "^/a|^b", "^.*$", "^[/a]", "^(/a)", "^a?/b", "(?x) ^ /a"] {
            assert!(Pattern::new(pattern, "/").is_ok(), "{pattern}");
        }
    }
}
