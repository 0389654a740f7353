//! A path prefix and its replacement. The gateway's `prefix_rewrite` follows the same rules; the cases of
//! `tests/path_prefixes.txt` test both.

use path_patterns::path_text;
use policy_configuration::shown;

/// Replaces a prefix of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The normalized prefix, without the slash at its end.
    stem: Vec<u8>,
    /// Whether the prefix ends in a slash.
    slash: bool,
    /// The replacement, without the slash at its end.
    to: Vec<u8>,
}

impl Prefix {
    /// A checked prefix rule.
    ///
    /// # Errors
    /// `path_prefix.<from>: <sentence>`: both must be paths, written without a pattern.
    pub fn new(from: &str, to: &str) -> Result<Self, String> {
        let refused = |reason| format!("path_prefix.{}: {reason}", shown(from));
        check_prefix(from).map_err(refused)?;
        check_replacement(to).map_err(refused)?;
        let normal = normalized(from.as_bytes());
        let stem = normal.strip_suffix(b"/");
        Ok(Self {
            slash: stem.is_some(),
            stem: stem.unwrap_or(&normal).to_vec(),
            to: to.strip_suffix('/').unwrap_or(to).as_bytes().to_vec(),
        })
    }

    /// Length of the normalized prefix; of two prefixes that match, the longer one is applied.
    #[must_use]
    pub fn length(&self) -> usize {
        self.stem.len() + usize::from(self.slash)
    }

    /// `path` with the replacement; `None` if the prefix does not match. `/v1` matches `/v1` and `/v1/x`, not `/v10`;
    /// `/v1/` matches `/v1/` and `/v1/x`, not `/v1`.
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

    /// The length of the stem in `path`. An upstream decodes `%61` to `a` before it compares a path (RFC 3986 §6.2.2), so
    /// they are equal here: otherwise `/%61dmin` would bypass the rule for `/admin`.
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

/// Unreserved characters decoded, other percent-encodings in upper case (RFC 3986 §6.2.2).
fn normalized(path: &[u8]) -> Vec<u8> {
    let (mut normal, mut rest) = (Vec::with_capacity(path.len()), path);
    while let Some((octets, len)) = unit(rest) {
        normal.extend(octets);
        rest = &rest[len..];
    }
    normal
}

/// The first byte or percent-encoding of a path in normalized form, and its length in the path.
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
            "a prefix is not a pattern; write the beginning of the path alone, such as /v1, or \
                    use path_regex"
                .to_owned(),
        );
    }
    check_path(from)
}

fn check_replacement(to: &str) -> Result<(), String> {
    if to.is_empty() {
        return Err("the replacement is empty; write / to remove the prefix".to_owned());
    }
    if to.contains("://") || to.starts_with("//") {
        return Err(names_a_host(to));
    }
    if to.contains(['$', '\\', '{']) {
        return Err(format!(
            "`{}` has a group or a variable, which only path_regex expands; write the path alone, what \
             follows the prefix is kept",
            shown(to)
        ));
    }
    check_path(to)
}

fn check_path(text: &str) -> Result<(), String> {
    if text.contains("://") || text.starts_with("//") {
        return Err(names_a_host(text));
    }
    if text.contains("/:") || text.contains(['{', '*']) {
        return Err(format!("`{}` has a parameter; use path_regex with ([^/]+)", shown(text)));
    }
    if text
        .split('/')
        .any(|segment| matches!(normalized(segment.as_bytes()).as_slice(), b"." | b".."))
    {
        return Err(format!("`{}` has a dot segment; write the path without it", shown(text)));
    }
    path_text::check(text)?;
    if !text.starts_with('/') {
        return Err(format!("`{text}` must begin with /; write /{text}"));
    }
    Ok(())
}

fn names_a_host(text: &str) -> String {
    format!("`{}` names a host; write the path alone, and the host under `host`", shown(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_that_cannot_work_are_refused_by_their_key() {
        for (from, to, expected) in [
            ("v1", "/", "path_prefix.v1: `v1` must begin with /; write /v1"),
            ("/v1", "api", "path_prefix./v1: `api` must begin with /; write /api"),
            ("/v1", "", "path_prefix./v1: the replacement is empty; write /"),
            ("/v1", "/?a", "path_prefix./v1: `?` begins a query"),
            ("/v1", "http://a.example/", "path_prefix./v1: `http://a.example/` names a host"),
            ("/v1", "//a.example", "path_prefix./v1: `//a.example` names a host"),
            ("/v1", "/$1", "path_prefix./v1: `/$1` has a group or a variable"),
            ("/v1", "/\\1", "path_prefix./v1: `/\\1` has a group or a variable"),
            ("/v1", "/{path}", "path_prefix./v1: `/{path}` has a group or a variable"),
            ("/v1/../a", "/", "path_prefix./v1/../a: `/v1/../a` has a dot segment"),
            ("/v1", "/%2e%2E/a", "path_prefix./v1: `/%2e%2E/a` has a dot segment"),
            ("/v1/*", "/", "path_prefix./v1/*: a prefix is not a pattern"),
            ("^/v1", "/", "path_prefix.^/v1: a prefix is not a pattern"),
            ("~ ^/v1", "/", "path_prefix.~ ^/v1: a prefix is not a pattern"),
            ("= /v1", "/", "path_prefix.= /v1: a prefix is not a pattern"),
            ("/v1(/|$)(.*)", "/", "path_prefix./v1(/|$)(.*): a prefix is not a pattern"),
            ("users/:id", "/", "path_prefix.users/:id: `users/:id` has a parameter"),
            ("http://a/v1", "/", "path_prefix.http://a/v1: `http://a/v1` names a host"),
            ("v 1", "/", "path_prefix.v 1: ` ` is not allowed in a path; write %20"),
            ("/users/:id", "/", "path_prefix./users/:id: `/users/:id` has a parameter"),
            ("/users/{id}", "/", "path_prefix./users/{id}: `/users/{id}` has a parameter"),
            ("/café", "/", "path_prefix./café: `é` is not allowed in a path; write %C3%A9"),
        ] {
            let refused = Prefix::new(from, to).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
