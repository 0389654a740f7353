//! Patterns that are searched for in paths, in time that has a bound.
//!
//! A client chooses the path, so the longest search must fit a callback's fuel. A DFA, made at start,
//! decides whether a pattern is found at all: some 50 units of fuel a byte, whatever the pattern. Only for the
//! one that is found, a backtracker tells where the groups are; it visits each pair of state and place once, and
//! its table bounds their number (about 125 units a pair). A path that is too long for that is refused.

use crate::advice;
use crate::replacement::Replacement;
use regex_automata::dfa::{Automaton, dense};
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker, Cache};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Input, MatchError, PatternID};
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
    replacement: Replacement,
}

/// A path is too long for the pattern that was found in it.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

impl Pattern {
    /// A checked pattern. It is about bytes: `.` is any byte but a line feed, classes are ASCII.
    ///
    /// # Errors
    /// `pattern: <sentence>` or `replacement: <sentence>`, with the right spelling: a pattern that cannot be
    /// read, is too large or can be found in no path, a replacement that cannot be what was meant.
    pub fn new(pattern: &str, replacement: &str) -> Result<Self, String> {
        let named = |reason: String| format!("pattern: `{}`: {reason}", pattern.escape_debug());
        if pattern.len() > MOST_PATTERN {
            return Err(format!("pattern: more than {MOST_PATTERN} bytes; write it shorter"));
        }
        let found = Self::compiled(pattern).map_err(named)?;
        let groups: Vec<_> =
            found.groups.get_nfa().group_info().pattern_names(PatternID::ZERO).collect();
        let replacement = Replacement::parse(replacement, &groups)
            .map_err(|reason| format!("replacement: `{}`: {reason}", replacement.escape_debug()))?;
        Ok(Self { replacement, ..found })
    }

    /// A pattern with a replacement that was read with its groups.
    ///
    /// # Errors
    /// Why the pattern is refused.
    pub fn with(pattern: &str, replacement: Replacement) -> Result<Self, String> {
        Self::compiled(pattern).map(|compiled| Self { replacement, ..compiled })
    }

    /// The pattern, with nothing in the place of what it finds.
    fn compiled(pattern: &str) -> Result<Self, String> {
        advice::check_pattern(pattern)?;
        syntax::parse_with(pattern, &dialect())
            .map_err(|error| advice::syntax_error(pattern, &error))?;
        let dfa = dfa(pattern)?;
        let groups = backtracker(pattern)?;
        if groups.max_haystack_len() < LEAST_PATH {
            let len = groups.max_haystack_len();
            return Err(format!("too large: it could be searched for in {len} bytes only"));
        }
        let scratch = RefCell::new((groups.create_cache(), groups.create_captures()));
        Ok(Self { dfa, groups, scratch, replacement: Replacement::default() })
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
        self.replacement.expand(path, captures, &mut rewritten);
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
            ("(", "/", "pattern: `(`: unclosed group; "),
            ("(a?){100}x", "/", "pattern: `(a?){100}x`: too large"),
            ("[a-z]{1,300}x", "/", "pattern: `[a-z]{1,300}x`: "),
            ("a{1000}{1000}", "/", "pattern: `a{1000}{1000}`: "),
            ("\\pL", "/", "pattern: `\\\\pL`: "),
            (&"a".repeat(1025), "/", "pattern: more than"),
            ("a", "/b?c", "replacement: `/b?c`: `?` would begin a query"),
        ] {
            let refused = Pattern::new(pattern, replacement).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
