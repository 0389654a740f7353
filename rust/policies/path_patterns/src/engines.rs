//! The two engines of a pattern.

use crate::advice;
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson;
use regex_automata::nfa::thompson::backtrack::{self, BoundedBacktracker};
use regex_automata::util::syntax;

/// Bytes of a pattern's DFA, and of the memory for building it.
const MOST_DFA: usize = 128 * 1024;
/// Bytes of the backtracker's table, one bit for each pair of state and position: at most 6 million units of fuel.
const TABLE: usize = 6 * 1024;
/// A pattern whose groups can only be found in shorter paths than this is refused.
const LEAST_PATH: usize = 256;

/// A compiled pattern.
#[derive(Debug)]
pub struct Engines {
    /// Decides whether the pattern matches.
    pub dfa: dense::DFA<Vec<u32>>,
    /// Finds the groups of a match.
    pub groups: BoundedBacktracker,
}

impl Engines {
    /// Compiles a pattern over bytes: `.` is any byte but a line feed, classes are ASCII.
    ///
    /// # Errors
    /// The reason, with the right spelling: for a pattern that is invalid, too large or matches no path.
    pub fn compile(pattern: &str) -> Result<Self, String> {
        advice::check_pattern(pattern)?;
        syntax::parse_with(pattern, &dialect())
            .map_err(|error| advice::syntax_error(pattern, &error))?;
        let engines = Self { dfa: dfa(pattern)?, groups: backtracker(pattern)? };
        let len = engines.groups.max_haystack_len();
        if len < LEAST_PATH {
            return Err(format!(
                "too large: it could be matched against {len} bytes only; write a shorter one"
            ));
        }
        Ok(engines)
    }
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
