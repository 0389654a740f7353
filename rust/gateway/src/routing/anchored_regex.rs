//! Regular expressions that match a whole path or value, in linear time.

use regex_automata::MatchKind;
use regex_automata::meta::{Config, Regex};
use regex_automata::util::primitives::PatternID;
use regex_automata::util::syntax;
use regex_syntax::hir::{Hir, HirKind};

/// Bytes that a compiled expression may take, so that no configuration takes the memory of a process.
const SIZE: usize = 1 << 20;

/// For expressions of which thousands are compiled, each to match short texts now and then: without the
/// automata that a search builds as it goes. A bounded backtracker takes their place, which is linear,
/// too.
fn config() -> Config {
    Config::new()
        .utf8_empty(false)
        .auto_prefilter(false)
        .hybrid(false)
        .onepass(false)
        .nfa_size_limit(Some(SIZE))
}

/// Expressions that are tried together; none if they take more than so many bytes once compiled.
pub(crate) fn compile_together(anchored: &[&str], size: usize) -> Option<Regex> {
    // All that match: of the first alone the conditions of its route may not be met.
    let config = config().hybrid(true).match_kind(MatchKind::All).nfa_size_limit(Some(size));
    Regex::builder().configure(config).syntax(bytes()).build_many(anchored).ok()
}

/// The syntax of expressions that match bytes.
fn bytes() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct AnchoredRegex {
    regex: Regex,
    /// As it is compiled: anchored at both ends.
    anchored: String,
    /// What every matching path begins with, in whole segments: `/v1/` of `/v1/a.*`.
    stem: Vec<u8>,
    length: usize,
}

impl AnchoredRegex {
    /// Compiles an expression; the error says in words what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let anchored = format!("^(?:{text})$");
        // An expression such as `a)(b` would be valid inside of the anchors only.
        let alone =
            regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(text);
        let alone = alone.map_err(|error| last_line(&error.to_string()))?;
        let regex = Regex::builder().configure(config()).syntax(bytes()).build(&anchored);
        let regex = regex.map_err(|error| match error.size_limit() {
            Some(_) => format!("it needs more than {} KiB once compiled", SIZE >> 10),
            None => last_line(&error.to_string()),
        })?;
        let literal = literal_prefix(&alone);
        let end = literal.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let stem = literal[..end].to_vec();
        Ok(Self { regex, anchored, stem, length: text.len() })
    }

    /// Checks how an expression is written; the error says in words what is wrong with it.
    pub fn check(text: &str) -> Result<(), String> {
        parsed(text).map(|_| ())
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// The expression with its anchors.
    pub fn anchored(&self) -> &str {
        &self.anchored
    }

    /// What every matching path begins with, up to and including a slash; empty if that is unknown.
    pub fn stem(&self) -> &[u8] {
        &self.stem
    }

    /// The length of the expression as it is written.
    pub fn len(&self) -> usize {
        self.length
    }

    /// The names of its groups.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.regex.group_info().pattern_names(PatternID::ZERO).flatten()
    }

    /// The values of the named groups in the view of a path; none if it does not match.
    pub fn captures<'a>(&'a self, view: &'a [u8]) -> Option<Vec<(&'a str, &'a [u8])>> {
        let mut captures = self.regex.create_captures();
        self.regex.captures(view, &mut captures);
        captures.pattern()?;
        let value = |name| Some((name, &view[captures.get_group_by_name(name)?.range()]));
        Some(self.variables().filter_map(value).collect())
    }
}

fn parsed(text: &str) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build();
    parser.parse(text).map_err(|error| last_line(&error.to_string()))
}

/// The bytes that every match begins with.
fn literal_prefix(hir: &Hir) -> Vec<u8> {
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.to_vec(),
        HirKind::Capture(capture) => literal_prefix(&capture.sub),
        HirKind::Concat(parts) => {
            let mut prefix = Vec::new();
            for part in parts {
                match part.kind() {
                    HirKind::Literal(literal) => prefix.extend_from_slice(&literal.0),
                    HirKind::Look(_) | HirKind::Empty => {}
                    _ => break,
                }
            }
            prefix
        }
        _ => Vec::new(),
    }
}

/// The sentence of an error that otherwise shows the expression with marks below it.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or_default();
    line.trim().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_path_matches() {
        for (text, path, expected) in [
            ("/v[0-9]+/.*", "/v1/a/b", true),
            ("/v[0-9]+", "/v1/a", false),
            ("v1", "/v1", false),
            ("^/v1$", "/v1", true),
            ("/a|/b", "/b", true),
            ("/a|/b", "/b/c", false),
            ("(?i)/A", "/a", true),
            ("/[^/]+", "/\u{e9}", true),
        ] {
            let regex = AnchoredRegex::parse(text).unwrap();
            assert_eq!(expected, regex.matches(path.as_bytes()), "{text} {path}");
        }
    }

    #[test]
    fn every_match_begins_with_the_stem() {
        for (text, stem) in [
            ("/v1/users/[0-9]+", "/v1/users/"),
            ("/v1/us.*", "/v1/"),
            ("^/v1/(?P<id>[0-9]+)", "/v1/"),
            ("/v1/", "/v1/"),
            ("/a|/b", "/"),
            ("(?i)/v1/x", "/"),
            (".*", ""),
            ("/v1/?", "/"),
        ] {
            let found = AnchoredRegex::parse(text).unwrap().stem().to_vec();
            let found = String::from_utf8(found).unwrap();
            assert!(stem.starts_with(&found), "{text}: {found}");
        }
        assert_eq!(b"/v1/users/", AnchoredRegex::parse("/v1/users/[0-9]+").unwrap().stem());
    }

    #[test]
    fn mistakes_are_named() {
        for (text, expected) in [
            ("/(", "unclosed group"),
            ("/a)(b", "unopened group"),
            ("/[", "unclosed character class"),
            ("/(?=a)", "look-around, including look-ahead and look-behind, is not supported"),
            (r"/(a)\1", "backreferences are not supported"),
            ("/.{1000}{1000}", "it needs more than 1024 KiB once compiled"),
        ] {
            assert_eq!(Err(expected.to_owned()), AnchoredRegex::parse(text).map(|_| ()), "{text}");
        }
    }

    #[test]
    fn named_groups_are_captured() {
        let regex = AnchoredRegex::parse("/(?P<kind>[a-z]+)/(?<id>[0-9]+)(/x)?").unwrap();
        let expected: Vec<(&str, &[u8])> = vec![("kind", b"users"), ("id", b"7")];
        assert_eq!(Some(expected), regex.captures(b"/users/7"));
        assert_eq!(None, regex.captures(b"/users/x"));
    }
}
