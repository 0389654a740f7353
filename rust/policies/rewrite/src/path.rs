//! Path rewriting. The query is not read; it is forwarded byte for byte.

use crate::pattern::{Pattern, TooLong};
use crate::prefix::Prefix;

/// Bytes of a path that patterns are matched against, at most: each byte takes fuel.
const MOST_SEARCHED: usize = 4096;
/// Patterns in one configuration, at most, for the same reason.
pub const MOST_PATTERNS: usize = 12;

/// The rules for paths, in the order in which they are applied.
#[derive(Debug, Default)]
pub struct PathRules {
    prefixes: Vec<Prefix>,
    patterns: Vec<Pattern>,
}

impl PathRules {
    /// Rules with the longest prefix first, and with the patterns in their order.
    #[must_use]
    pub fn new(written: Vec<Prefix>, patterns: Vec<Pattern>) -> Self {
        let mut prefixes: Vec<Prefix> = Vec::with_capacity(written.len());
        for prefix in written {
            let shorter = |other: &Prefix| other.length() < prefix.length();
            let place = prefixes.iter().position(shorter).unwrap_or(prefixes.len());
            prefixes.insert(place, prefix);
        }
        Self { prefixes, patterns }
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.patterns.is_empty()
    }

    /// The target after the longest matching prefix, then the first matching pattern.
    ///
    /// `None` if the target is unchanged; a target that is not a path (`*`, an absolute URI) is. The result begins
    /// with exactly one `/`: after two, the first segment would be an authority (RFC 3986 §4.2).
    ///
    /// # Errors
    /// [`TooLong`] if there are patterns and the path is too long for them.
    pub fn apply(&self, target: &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        if target.first() != Some(&b'/') {
            return Ok(None);
        }
        let query = target.iter().position(|&byte| byte == b'?').unwrap_or(target.len());
        let (path, query) = target.split_at(query);
        let by_prefix = self.prefixes.iter().find_map(|prefix| prefix.apply(path));
        let by_pattern = self.search(by_prefix.as_deref().unwrap_or(path))?;
        let rewritten = by_pattern.or(by_prefix).map(|path| {
            let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
            [b"/", &path[slashes..], query].concat()
        });
        Ok(rewritten)
    }

    fn search(&self, path: &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        if !self.patterns.is_empty() && path.len() > MOST_SEARCHED {
            return Err(TooLong);
        }
        for pattern in &self.patterns {
            if let Some(path) = pattern.apply(path)? {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(prefixes: &[(&str, &str)], patterns: &[(&str, &str)]) -> PathRules {
        PathRules::new(
            prefixes.iter().map(|(from, to)| Prefix::new(from, to).unwrap()).collect(),
            patterns.iter().map(|(find, with)| Pattern::new(find, with).unwrap()).collect(),
        )
    }

    fn rewritten(rules: &PathRules, target: &str) -> String {
        let target = rules.apply(target.as_bytes()).unwrap().unwrap_or_else(|| target.into());
        String::from_utf8(target).unwrap()
    }

    #[test]
    fn a_prefix_is_replaced_and_the_query_kept() {
        let rules = rules(&[("/v1/", "/")], &[]);
        assert_eq!(rewritten(&rules, "/v1/orders?a=/v1/&b=%2F"), "/orders?a=/v1/&b=%2F");
    }

    #[test]
    fn the_longest_prefix_wins() {
        let rules = rules(&[("/a/", "/x/"), ("/a/b/", "/y/"), ("/", "/z/")], &[]);
        let results = ["/a/b/c", "/a/c", "/c"].map(|path| rewritten(&rules, path));
        assert_eq!(results, ["/y/c", "/x/c", "/z/c"]);
    }

    #[test]
    fn a_result_begins_with_one_slash() {
        let prefix = rules(&[("/v1", "/")], &[]);
        let results = ["/v1", "/v1/a", "/v1//evil.example/"].map(|path| rewritten(&prefix, path));
        assert_eq!(results, ["/", "/a", "/evil.example/"]);
        let pattern = rules(&[], &[("^/v1", "")]);
        let results = ["/v1", "/v1//evil.example/"].map(|path| rewritten(&pattern, path));
        assert_eq!(results, ["/", "/evil.example/"]);
    }

    #[test]
    fn percent_encoded_bytes_are_unchanged() {
        let rules = rules(&[("/v1/", "/")], &[("^/a", "/b")]);
        assert_eq!(rewritten(&rules, "/v1/a%2F..%00/../%E2%82?%zz"), "/b%2F..%00/../%E2%82?%zz");
    }

    #[test]
    fn the_first_matching_pattern_wins_after_the_prefixes() {
        let patterns = [("^/u/([0-9]+)$", "/users/$1"), ("^/u/(.*)$", "/names/$1")];
        let rules = rules(&[("/v1/", "/")], &patterns);
        let results = ["/v1/u/7", "/u/ada", "/x"].map(|path| rewritten(&rules, path));
        assert_eq!(results, ["/users/7", "/names/ada", "/x"]);
    }

    #[test]
    fn targets_that_are_not_paths_are_unchanged() {
        let rules = rules(&[("/", "/a/")], &[(".*", "/b")]);
        assert_eq!(rules.apply(b"*"), Ok(None));
        assert_eq!(rules.apply(b"http://a.example/"), Ok(None));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_rewritten_too() {
        let rules = rules(&[("/v1/", "/")], &[("^/(.*)$", "/b/$1")]);
        assert_eq!(rules.apply(b"/v1/\xff"), Ok(Some(b"/b/\xff".to_vec())));
    }

    #[test]
    fn a_path_that_is_too_long_for_patterns_is_refused() {
        let long = format!("/{}", "a".repeat(MOST_SEARCHED));
        let rules = |patterns| rules(&[], patterns).apply(long.as_bytes());
        assert_eq!(rules(&[("^/x", "/")]), Err(TooLong));
        assert_eq!(rules(&[]), Ok(None));
    }

    #[test]
    fn the_table_of_the_route_holds() {
        let cases = include_str!("../tests/path_prefixes.txt").lines();
        let cases = cases.filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut count = 0;
        for case in cases {
            let [from, to, path, expected] = *case.split_whitespace().collect::<Vec<_>>() else {
                panic!("{case}")
            };
            let rules = PathRules::new(vec![Prefix::new(from, to).unwrap()], vec![]);
            let result = rules.apply(path.as_bytes()).unwrap();
            let result = result.map(|path| String::from_utf8(path).unwrap());
            assert_eq!(result.as_deref().unwrap_or("-"), expected, "{case}");
            count += 1;
        }
        assert!(count > 40, "{count}");
    }
}
