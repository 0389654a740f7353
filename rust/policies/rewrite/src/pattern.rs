//! Regular expressions over paths, matched in bounded time.
//!
//! A client chooses the path, so the longest search must fit the fuel of a callback. A DFA, built at start, decides
//! whether a pattern matches: about 25 units of fuel a byte for any pattern. Only for a pattern that matches, a
//! bounded backtracker finds the groups. It visits each pair of state and position at most once, and the size of its
//! table bounds the number of pairs (about 125 units each). A path too long for the table is refused.

use crate::replacement::Replacement;
use path_patterns::engines::Engines;
use policy_configuration::shown;
use regex_automata::dfa::{Automaton, dense};
use regex_automata::nfa::thompson::backtrack::{BoundedBacktracker, Cache};
use regex_automata::util::captures::Captures;
use regex_automata::{Input, MatchError, PatternID};
use std::cell::RefCell;

/// Bytes of a pattern.
const MOST_PATTERN: usize = 1024;
/// A pattern, and the replacement for its first match.
#[derive(Debug)]
pub struct Pattern {
    dfa: dense::DFA<Vec<u32>>,
    groups: BoundedBacktracker,
    scratch: RefCell<(Cache, Captures)>,
    replacement: Replacement,
}

/// A path is too long for the pattern that matches it.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

impl Pattern {
    /// A checked pattern. It matches bytes: `.` is any byte but a line feed, classes are ASCII.
    ///
    /// # Errors
    /// `pattern: <sentence>` or `replacement: <sentence>`, with the right spelling: for a pattern that is invalid, too
    /// large or matches no path, and for a replacement in the notation of another engine.
    pub fn new(pattern: &str, replacement: &str) -> Result<Self, String> {
        let named = |reason: String| format!("pattern: `{}`: {reason}", shown(pattern));
        if pattern.len() > MOST_PATTERN {
            return Err(format!("pattern: more than {MOST_PATTERN} bytes; write it shorter"));
        }
        let engines = Engines::compile(pattern).map_err(named)?;
        let info = engines.groups.get_nfa().group_info();
        let groups: Vec<_> = info.pattern_names(PatternID::ZERO).collect();
        let replacement = Replacement::parse(replacement, &groups)
            .map_err(|reason| format!("replacement: `{}`: {reason}", shown(replacement)))?;
        Ok(Self::of(engines, replacement))
    }

    /// A pattern with a replacement that was read with its groups.
    ///
    /// # Errors
    /// The reason for which the pattern is refused.
    pub fn with(pattern: &str, replacement: Replacement) -> Result<Self, String> {
        Engines::compile(pattern).map(|engines| Self::of(engines, replacement))
    }

    fn of(Engines { dfa, groups }: Engines, replacement: Replacement) -> Self {
        let scratch = RefCell::new((groups.create_cache(), groups.create_captures()));
        Self { dfa, groups, scratch, replacement }
    }

    /// The path with the first match replaced; `None` if the pattern does not match.
    ///
    /// # Errors
    /// [`TooLong`] if the pattern matches but the path is too long to find the groups.
    pub fn apply(&self, path: &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        let input = Input::new(path).earliest(true);
        if self.dfa.try_search_fwd(&input).map_err(too_long)?.is_none() {
            return Ok(None);
        }
        let (cache, captures) = &mut *self.scratch.borrow_mut();
        self.groups.try_captures(cache, path, captures).map_err(too_long)?;
        let Some(found) = captures.get_match() else { return Ok(None) };
        let mut rewritten = path[..found.start()].to_vec();
        self.replacement.expand(path, captures, &mut rewritten);
        rewritten.extend_from_slice(&path[found.end()..]);
        Ok(Some(rewritten))
    }
}

/// The engines are configured so that they fail for no other reason.
fn too_long(_: MatchError) -> TooLong {
    TooLong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(pattern: &str, replacement: &str, path: &str) -> Result<Option<String>, TooLong> {
        let path = Pattern::new(pattern, replacement).unwrap().apply(path.as_bytes())?;
        Ok(path.map(|path| String::from_utf8(path).unwrap()))
    }

    #[test]
    fn the_first_match_is_replaced() {
        assert_eq!(applied("a+", "b", "/aa/a"), Ok(Some("/b/a".into())));
    }

    #[test]
    fn a_pattern_that_does_not_match_leaves_the_path() {
        assert_eq!(applied("^/u/", "/", "/v/"), Ok(None));
    }

    #[test]
    fn a_path_of_any_length_is_searched_if_the_pattern_does_not_match() {
        assert_eq!(
            applied("^/(a|a)*(a|aa)*$", "/", &format!("/{}b", "a".repeat(60_000))),
            Ok(None)
        );
    }

    #[test]
    fn a_path_that_is_too_long_for_its_groups_is_refused() {
        let path = format!("/{}", "a".repeat(60_000));
        assert_eq!(applied("^/(a|a)*$", "/$1", &path), Err(TooLong));
    }

    #[test]
    fn patterns_that_cannot_work_are_refused_by_their_key() {
        for (pattern, replacement, expected) in [
            ("(", "/", "pattern: `(`: unclosed group; "),
            ("(a?){100}x", "/", "pattern: `(a?){100}x`: too large"),
            ("[a-z]{1,300}x", "/", "pattern: `[a-z]{1,300}x`: "),
            ("a{1000}{1000}", "/", "pattern: `a{1000}{1000}`: "),
            ("\\pL", "/", "pattern: `\\pL`: "),
            (&"a".repeat(1025), "/", "pattern: more than"),
            ("a", "/b?c", "replacement: `/b?c`: `?` begins a query"),
        ] {
            let refused = Pattern::new(pattern, replacement).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }

    #[test]
    fn an_invalid_pattern_is_refused_with_the_right_spelling() {
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
            ("^/(a)/\\1", "backreferences are not supported; a pattern cannot match"),
            ("^/(?P<a>b)/(?P=a)", "a pattern cannot match a group's text"),
            ("^/a\\Z", "unrecognized escape sequence; write $ for the end"),
            ("\\pL", "Unicode not allowed here; patterns are about bytes"),
            ("", "an empty pattern matches every path; write ^"),
            ("~ ^/v1", "~ and ~* are written in nginx alone; write ^/v1"),
            ("~* ^/v1", "~ and ~* are written in nginx alone; write (?i)^/v1"),
            ("^https?://a.example/(.*)", "only the path is matched; write ^/ and"),
            ("^users/$", "every path begins with /; write ^/users/$"),
            ("^/a b", "a path has no spaces; write %20"),
            ("^/café", "a path is ASCII; write %C3%A9 for `é`"),
        ] {
            let refused = Pattern::new(pattern, "/").unwrap_err();
            let named = format!("pattern: `{}`: ", shown(pattern));
            let said = refused.strip_prefix(&named).unwrap();
            assert!(said.contains(expected), "{refused}");
        }
    }

    #[test]
    fn patterns_that_match_paths_are_accepted() {
        for pattern in ["^", "a+", "^/a|^b", "^.*$", "^[/a]", "^(/a)", "^a?/b", "(?x) ^ /a"] {
            assert!(Pattern::new(pattern, "/").is_ok(), "{pattern}");
        }
    }
}
