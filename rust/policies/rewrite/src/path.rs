//! Path rewriting. The query is never looked at, so it arrives byte for byte.

use regex_lite::{Regex, RegexBuilder};
use std::borrow::Cow;

/// Bytes of a pattern, and of its compiled form: both bound what one request can cost.
const MOST_PATTERN: usize = 1024;
const MOST_COMPILED: usize = 64 * 1024;
/// Longer paths are not searched with patterns.
const MOST_SEARCHED: usize = 8 * 1024;

/// A path that begins with `from` begins with `to` afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    from: String,
    to: String,
}

impl Prefix {
    /// A checked prefix rule.
    ///
    /// # Errors
    /// A sentence for the person who configured it: both must begin with `/`, be ASCII and have no query.
    pub fn new(from: &str, to: &str) -> Result<Self, String> {
        for text in [from, to] {
            if !text.starts_with('/') || !is_path_text(text) {
                return Err(format!(
                    "path_prefix: `{}` must begin with / and have no space, ? or #",
                    text.escape_debug()
                ));
            }
        }
        Ok(Self {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }

    /// `/v1` covers `/v1` and `/v1/x`, not `/v10`.
    fn rest<'p>(&self, path: &'p [u8]) -> Option<&'p [u8]> {
        let rest = path.strip_prefix(self.from.as_bytes())?;
        let at_border = self.from.ends_with('/') || rest.is_empty() || rest[0] == b'/';
        at_border.then_some(rest)
    }

    fn apply(&self, rest: &[u8]) -> Vec<u8> {
        let to = self.to.as_bytes();
        let joint = rest.first() == Some(&b'/');
        let to = if joint {
            to.strip_suffix(b"/").unwrap_or(to)
        } else {
            to
        };
        [to, rest].concat()
    }
}

/// What `pattern` finds in a path is replaced.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    replacement: String,
}

impl Pattern {
    /// A checked pattern rule. Searching takes time linear in the path (regex-lite has no backtracking).
    ///
    /// # Errors
    /// A sentence for the person who configured it: a pattern that is too long or cannot be read, a
    /// replacement that would begin a query.
    pub fn new(pattern: &str, replacement: &str) -> Result<Self, String> {
        if pattern.len() > MOST_PATTERN {
            return Err(format!(
                "path_regex: a pattern has more than {MOST_PATTERN} bytes"
            ));
        }
        if !is_path_text(replacement) {
            return Err(format!(
                "path_regex: the replacement `{}` must be ASCII without space, ? and #",
                replacement.escape_debug()
            ));
        }
        let regex = RegexBuilder::new(pattern)
            .size_limit(MOST_COMPILED)
            .build()
            .map_err(|error| format!("path_regex: `{}`: {error}", pattern.escape_debug()))?;
        Ok(Self {
            regex,
            replacement: replacement.to_owned(),
        })
    }

    fn apply(&self, path: &[u8]) -> Option<Vec<u8>> {
        let path = std::str::from_utf8(path).ok()?;
        match self.regex.replace(path, self.replacement.as_str()) {
            Cow::Owned(path) => Some(path.into_bytes()),
            Cow::Borrowed(_) => None,
        }
    }
}

/// The rules for paths, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct PathRules {
    prefixes: Vec<Prefix>,
    patterns: Vec<Pattern>,
}

impl PathRules {
    /// Rules of which the longest prefix is tried first, and patterns in their order.
    #[must_use]
    pub fn new(mut prefixes: Vec<Prefix>, patterns: Vec<Pattern>) -> Self {
        prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.from.len()));
        Self { prefixes, patterns }
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.patterns.is_empty()
    }

    /// The target after the longest prefix that fits, then the first pattern that finds something.
    ///
    /// `None` if the target stays as it is. A target that is no path (`*`, an absolute URI) does. The result
    /// begins with exactly one `/`: two would make its first segment look like an authority (RFC 3986 §4.2).
    #[must_use]
    pub fn apply(&self, target: &[u8]) -> Option<Vec<u8>> {
        if target.first() != Some(&b'/') {
            return None;
        }
        let query = target
            .iter()
            .position(|&byte| byte == b'?')
            .unwrap_or(target.len());
        let (path, query) = target.split_at(query);
        let by_prefix = self
            .prefixes
            .iter()
            .find_map(|prefix| prefix.rest(path).map(|rest| prefix.apply(rest)));
        let current = by_prefix.as_deref().unwrap_or(path);
        let is_searched = current.len() <= MOST_SEARCHED;
        let by_pattern = self
            .patterns
            .iter()
            .filter(|_| is_searched)
            .find_map(|pattern| pattern.apply(current));
        let path = by_pattern.or(by_prefix)?;
        let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
        Some([b"/", &path[slashes..], query].concat())
    }
}

fn is_path_text(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#')
}
