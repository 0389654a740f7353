//! A path prefix and what stands in its place, as the route's `prefix_rewrite` of the gateway has it: one table
//! of cases, `tests/path_prefixes.txt`, holds for both.

use crate::path_text;

/// A path that begins with a prefix begins with the replacement afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The view of the prefix, without the slash at its end.
    stem: Vec<u8>,
    /// Whether the prefix ends in a slash.
    slash: bool,
    /// Without the slash at its end.
    to: Vec<u8>,
}

impl Prefix {
    /// A checked prefix rule.
    ///
    /// # Errors
    /// `path_prefix.<from>: <sentence>`: both must be paths, written without a pattern.
    pub fn new(from: &str, to: &str) -> Result<Self, String> {
        let refused = |reason| format!("path_prefix.{}: {reason}", from.escape_debug());
        check_prefix(from).map_err(refused)?;
        check_replacement(to).map_err(refused)?;
        let view = view(from.as_bytes());
        let stem = view.strip_suffix(b"/");
        Ok(Self {
            slash: stem.is_some(),
            stem: stem.unwrap_or(&view).to_vec(),
            to: to.strip_suffix('/').unwrap_or(to).as_bytes().to_vec(),
        })
    }

    /// How much of a path it names; of two that fit, the longer one is meant.
    #[must_use]
    pub fn length(&self) -> usize {
        self.stem.len() + usize::from(self.slash)
    }

    /// `path` with the replacement; `None` if it has not this prefix. `/v1` covers `/v1` and `/v1/x`, not
    /// `/v10`; `/v1/` covers `/v1/` and `/v1/x`, not `/v1`.
    #[must_use]
    pub fn apply(&self, path: &[u8]) -> Option<Vec<u8>> {
        let end = self.end(path)?;
        let rest = &path[end..];
        let fits = match rest.first() {
            None => !self.slash || self.stem.is_empty(),
            Some(next) => *next == b'/',
        };
        let joint: &[u8] = if self.to.is_empty() && rest.is_empty() { b"/" } else { b"" };
        fits.then(|| [self.to.as_slice(), joint, rest].concat())
    }

    /// How many bytes of `path` make up the stem. An upstream decodes `%61` to `a` before it looks at a path
    /// (RFC 3986 §6.2.2), so it is the same path here: else `/%61dmin` would slip past the rule of `/admin`.
    fn end(&self, path: &[u8]) -> Option<usize> {
        if path.starts_with(&self.stem) {
            return Some(self.stem.len());
        }
        let (mut end, mut seen) = (0, 0);
        while seen < self.stem.len() {
            let (octets, len) = unit(path.get(end..)?)?;
            if !self.stem[seen..].starts_with(octets.as_slice()) {
                return None;
            }
            seen += octets.len();
            end += len;
        }
        Some(end)
    }
}

/// Letters, digits, `-`, `.`, `_` and `~` decoded, other escapes in upper case.
fn view(path: &[u8]) -> Vec<u8> {
    let (mut view, mut rest) = (Vec::with_capacity(path.len()), path);
    while let Some((octets, len)) = unit(rest) {
        view.extend(octets);
        rest = &rest[len..];
    }
    view
}

/// The first byte or escape of a path as it is compared, and how many bytes it was written with.
fn unit(path: &[u8]) -> Option<(Vec<u8>, usize)> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match path {
        [b'%', high, low, ..] => match (digit(high), digit(low)) {
            (Some(first), Some(second)) if is_unreserved(first << 4 | second) => {
                Some((vec![first << 4 | second], 3))
            }
            (Some(_), Some(_)) => {
                Some((vec![b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()], 3))
            }
            _ => Some((vec![b'%'], 1)),
        },
        [byte, ..] => Some((vec![*byte], 1)),
        [] => None,
    }
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

fn check_prefix(from: &str) -> Result<(), String> {
    let pattern = from.starts_with(['^', '~', '='])
        || from.ends_with(['$', '*'])
        || [".*", ".+", "(/", "(?", "[^", "\\"].iter().any(|sign| from.contains(sign));
    if pattern {
        return Err(
            "a prefix is no pattern: write the beginning of the path alone, such as /v1, or \
                    use path_regex"
                .to_owned(),
        );
    }
    check_path(from)
}

fn check_replacement(to: &str) -> Result<(), String> {
    if to.is_empty() {
        return Err(
            "an empty text stands in place of no path; write / to remove the prefix".to_owned()
        );
    }
    if to.contains("://") || to.starts_with("//") {
        return Err(format!(
            "`{}` names a host; write the path alone, and the host under `host`",
            to.escape_debug()
        ));
    }
    if to.contains(['$', '\\', '{']) {
        return Err(format!(
            "`{}` has a group or a variable, which only path_regex puts in; what follows the prefix is \
             kept anyway",
            to.escape_debug()
        ));
    }
    check_path(to)
}

fn check_path(text: &str) -> Result<(), String> {
    if !text.starts_with('/') {
        return Err(format!("`{0}` must begin with /; write /{0}", text.escape_debug()));
    }
    if text.contains("/:") || text.contains(['{', '*']) {
        return Err(format!(
            "`{}` has a place for a parameter, which a prefix has not; use path_regex with ([^/]+)",
            text.escape_debug()
        ));
    }
    if text.split('/').any(|segment| matches!(view(segment.as_bytes()).as_slice(), b"." | b"..")) {
        return Err(format!(
            "`{}` has a dot segment; write the path without it",
            text.escape_debug()
        ));
    }
    path_text::check(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_route_holds() {
        let cases = include_str!("../tests/path_prefixes.txt").lines();
        let cases = cases.filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut count = 0;
        for case in cases {
            let [from, to, path, expected] = *case.split_whitespace().collect::<Vec<_>>() else {
                panic!("{case}")
            };
            let rules = crate::path::PathRules::new(vec![Prefix::new(from, to).unwrap()], vec![]);
            let result = rules.apply(path.as_bytes()).unwrap();
            let result = result.map(|path| String::from_utf8(path).unwrap());
            assert_eq!(result.as_deref().unwrap_or("-"), expected, "{case}");
            count += 1;
        }
        assert!(count > 40, "{count}");
    }

    #[test]
    fn prefixes_that_cannot_work_are_refused_by_name() {
        for (from, to, expected) in [
            ("v1", "/", "path_prefix.v1: `v1` must begin with /; write /v1"),
            ("/v1", "api", "path_prefix./v1: `api` must begin with /; write /api"),
            ("/v1", "", "path_prefix./v1: an empty text stands in place of no path; write /"),
            ("/v1", "/?a", "path_prefix./v1: `?` would begin a query"),
            ("/v1", "http://a.example/", "path_prefix./v1: `http://a.example/` names a host"),
            ("/v1", "//a.example", "path_prefix./v1: `//a.example` names a host"),
            ("/v1", "/$1", "path_prefix./v1: `/$1` has a group or a variable"),
            ("/v1", "/\\1", "path_prefix./v1: `/\\\\1` has a group or a variable"),
            ("/v1", "/{path}", "path_prefix./v1: `/{path}` has a group or a variable"),
            ("/v1/../a", "/", "path_prefix./v1/../a: `/v1/../a` has a dot segment"),
            ("/v1", "/%2e%2E/a", "path_prefix./v1: `/%2e%2E/a` has a dot segment"),
            ("/v1/*", "/", "path_prefix./v1/*: a prefix is no pattern"),
            ("^/v1", "/", "path_prefix.^/v1: a prefix is no pattern"),
            ("~ ^/v1", "/", "path_prefix.~ ^/v1: a prefix is no pattern"),
            ("= /v1", "/", "path_prefix.= /v1: a prefix is no pattern"),
            ("/v1(/|$)(.*)", "/", "path_prefix./v1(/|$)(.*): a prefix is no pattern"),
            ("/users/:id", "/", "path_prefix./users/:id: `/users/:id` has a place for a parameter"),
            ("/users/{id}", "/", "path_prefix./users/{id}: `/users/{id}` has a place"),
            ("/café", "/", "path_prefix./café: `é` cannot stand in a path; write %C3%A9"),
        ] {
            let refused = Prefix::new(from, to).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
