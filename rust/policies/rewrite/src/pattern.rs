//! Patterns that are searched for in paths, in time that has a bound.
//!
//! A client chooses the path, so the longest search must fit a callback's fuel. A DFA, made at start,
//! decides whether a pattern is found at all: some 50 units of fuel a byte, whatever the pattern. Only for the
//! one that is found, a backtracker tells where the groups are; it visits each pair of state and place once, and
//! its table bounds their number (about 125 units a pair). A path that is too long for that is refused.

use regex_automata::dfa::{Automaton, dense};
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker, Cache};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchError};
use std::cell::RefCell;

/// Bytes of a pattern as it is written.
const MOST_PATTERN: usize = 1024;
/// Bytes of a pattern's DFA, and of what is kept while it is made.
const MOST_DFA: usize = 128 * 1024;
/// Bytes of the backtracker's table, one bit for each pair of state and place: at most 6 million units.
const TABLE: usize = 6 * 1024;
/// A pattern that can only be searched for in shorter paths than this is refused.
const LEAST_PATH: usize = 256;

/// What `pattern` finds in a path is replaced.
#[derive(Debug)]
pub struct Pattern {
    dfa: dense::DFA<Vec<u32>>,
    groups: BoundedBacktracker,
    scratch: RefCell<(Cache, Captures)>,
    replacement: String,
}

/// A path is too long for the pattern that was found in it.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

impl Pattern {
    /// A checked pattern. It is about bytes: `.` is any byte but a line feed, classes are ASCII.
    ///
    /// # Errors
    /// A sentence for the person who configured it: a pattern that cannot be read or is too large, a
    /// replacement that would begin a query.
    pub fn new(pattern: &str, replacement: &str) -> Result<Self, String> {
        let named = |reason: String| format!("path_regex: `{}`: {reason}", pattern.escape_debug());
        if pattern.len() > MOST_PATTERN {
            return Err(format!("path_regex: a pattern has more than {MOST_PATTERN} bytes"));
        }
        if !crate::path::is_path_text(replacement) {
            return Err(format!(
                "path_regex: the replacement `{}` must be ASCII without space, ? and #",
                replacement.escape_debug()
            ));
        }
        let dfa = dfa(pattern).map_err(named)?;
        let groups = backtracker(pattern).map_err(named)?;
        if groups.max_haystack_len() < LEAST_PATH {
            let len = groups.max_haystack_len();
            return Err(named(format!("too large: it could be searched for in {len} bytes only")));
        }
        let scratch = RefCell::new((groups.create_cache(), groups.create_captures()));
        Ok(Self { dfa, groups, scratch, replacement: replacement.to_owned() })
    }

    /// The path with the first place that the pattern finds replaced; `None` if there is none.
    ///
    /// # Errors
    /// [`TooLong`] if the pattern is found but the path is too long to tell where.
    pub fn apply(&self, path: &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        let input = Input::new(path).earliest(true);
        if self.dfa.try_search_fwd(&input).map_err(too_long)?.is_none() {
            return Ok(None);
        }
        let (cache, captures) = &mut *self.scratch.borrow_mut();
        self.groups.try_captures(cache, path, captures).map_err(too_long)?;
        let Some(found) = captures.get_match() else { return Ok(None) };
        let mut rewritten = path[..found.start()].to_vec();
        captures.interpolate_bytes_into(path, self.replacement.as_bytes(), &mut rewritten);
        rewritten.extend_from_slice(&path[found.end()..]);
        Ok(Some(rewritten))
    }
}

/// Neither engine is set up to fail otherwise.
fn too_long(_: MatchError) -> TooLong {
    TooLong
}

fn dialect() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false)
}

fn dfa(pattern: &str) -> Result<dense::DFA<Vec<u32>>, String> {
    let limits =
        dense::Config::new().dfa_size_limit(Some(MOST_DFA)).determinize_size_limit(Some(MOST_DFA));
    dense::Builder::new()
        .configure(limits)
        .syntax(dialect())
        .thompson(thompson::Config::new().utf8(false).nfa_size_limit(Some(MOST_DFA)))
        .build(pattern)
        .map_err(|error| error.to_string())
}

fn backtracker(pattern: &str) -> Result<BoundedBacktracker, String> {
    BoundedBacktracker::builder()
        .configure(backtrack::Config::new().visited_capacity(TABLE))
        .syntax(dialect())
        .thompson(thompson::Config::new().utf8(false))
        .build(pattern)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(pattern: &str, replacement: &str, path: &str) -> Result<Option<String>, TooLong> {
        let path = Pattern::new(pattern, replacement).unwrap().apply(path.as_bytes())?;
        Ok(path.map(|path| String::from_utf8(path).unwrap()))
    }

    #[test]
    fn groups_are_put_in_by_number_and_name() {
        for (pattern, replacement) in
            [("^/u/([0-9]+)/(.*)$", "/$2/of/$1"), ("^/u/(?<id>[0-9]+)/(?<x>.*)$", "/$x/of/${id}")]
        {
            assert_eq!(applied(pattern, replacement, "/u/7/a"), Ok(Some("/a/of/7".into())));
        }
    }

    #[test]
    fn the_first_place_is_replaced() {
        assert_eq!(applied("a+", "b", "/aa/a"), Ok(Some("/b/a".into())));
    }

    #[test]
    fn a_pattern_that_finds_nothing_leaves_the_path() {
        assert_eq!(applied("^/u/", "/", "/v/"), Ok(None));
    }

    #[test]
    fn a_path_of_any_length_is_told_apart_if_the_pattern_finds_nothing() {
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
    fn patterns_that_cannot_work_are_refused_by_name() {
        for (pattern, replacement, expected) in [
            ("(", "/", "path_regex: `(`: "),
            ("(a?){100}x", "/", "path_regex: `(a?){100}x`: too large"),
            ("[a-z]{1,300}x", "/", "path_regex: `[a-z]{1,300}x`: "),
            ("a{1000}{1000}", "/", "path_regex: `a{1000}{1000}`: "),
            ("\\pL", "/", "path_regex: `\\\\pL`: "),
            (&"a".repeat(1025), "/", "path_regex: a pattern has more"),
            ("a", "/b?c", "path_regex: the replacement `/b?c`"),
        ] {
            let refused = Pattern::new(pattern, replacement).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
