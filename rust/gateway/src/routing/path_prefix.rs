//! Path prefixes of routes, compared as an upstream would read the path.
//!
//! An upstream decodes `%61` to `a` before it looks at a path, and RFC 3986 §6.2.2 calls the two
//! equivalent, so routes must see them alike: else `/%61dmin` slips past the route of `/admin`. The
//! forwarded bytes are unchanged.

use std::borrow::Cow;

use crate::http::target::{check_path, escaped, split_query};

/// Encoded letters, digits, `-`, `.`, `_` and `~` decoded, other escapes in upper case.
pub(crate) fn view(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let mut view = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        let octet = if *byte == b'%' { escaped(tail) } else { None };
        match octet {
            Some(octet) if is_unreserved(octet) => view.push(octet),
            Some(_) => {
                view.extend([b'%', tail[0].to_ascii_uppercase(), tail[1].to_ascii_uppercase()]);
            }
            None => view.push(*byte),
        }
        rest = if octet.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(view)
}

fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~".contains(&octet)
}

/// A prefix that ends at the end of a segment: `/orders` is a prefix of `/orders` and `/orders/1`,
/// not of `/ordersx`; `/orders/` is one of `/orders/` and `/orders/1`, not of `/orders`.
#[derive(Clone, Debug)]
pub(crate) struct PathPrefix {
    /// The view, without the slash at its end.
    stem: Vec<u8>,
    slash: bool,
}

impl PathPrefix {
    /// Reads a prefix; none if the text is not a path or has a query.
    pub fn parse(prefix: &str) -> Option<Self> {
        check_path(prefix.as_bytes()).ok()?;
        let view = view(prefix.as_bytes());
        let stem = view.strip_suffix(b"/");
        let slash = stem.is_some();
        let stem = stem.unwrap_or(&view).to_vec();
        (!stem.contains(&b'?')).then_some(Self { stem, slash })
    }

    /// True for `/`, the prefix of everything.
    pub fn is_root(&self) -> bool {
        self.stem.is_empty()
    }

    /// The [`view`] without the slash at its end, and whether there is one.
    pub fn parts(&self) -> (&[u8], bool) {
        (&self.stem, self.slash)
    }

    /// True if a path, given as its [`view`], has this prefix.
    pub fn matches(&self, view: &[u8]) -> bool {
        match view.strip_prefix(self.stem.as_slice()) {
            Some([]) => !self.slash || self.is_root(),
            Some([next, ..]) => *next == b'/' || self.is_root(),
            None => false,
        }
    }

    /// `target` with `replacement` for the prefix, joined by the slash that was there; none if it
    /// has not this prefix (any more), or is `*`.
    ///
    /// The result begins with one `/`: a second would make its first segment look like an authority
    /// (RFC 3986 §4.2).
    pub fn rewrite(&self, target: &[u8], replacement: &[u8]) -> Option<Vec<u8>> {
        let path = split_query(target).0;
        if target.first() != Some(&b'/') || !self.matches(&view(path)) {
            return None;
        }
        let rest = &target[raw_len(path, self.stem.len())..];
        let stem = replacement.strip_suffix(b"/").unwrap_or(replacement);
        if stem.is_empty() {
            let slashes = rest.iter().take_while(|byte| **byte == b'/').count();
            return Some([b"/", &rest[slashes..]].concat());
        }
        Some([stem, rest].concat())
    }
}

/// How many bytes of `path` make up `length` bytes of its view.
fn raw_len(path: &[u8], length: usize) -> usize {
    let (mut raw, mut seen) = (0, 0);
    while seen < length {
        let octet = path[raw..].strip_prefix(b"%").and_then(escaped);
        raw += if octet.is_some() { 3 } else { 1 };
        seen += if octet.is_some_and(|octet| !is_unreserved(octet)) { 3 } else { 1 };
    }
    raw
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::all_words::all_words;

    fn prefix(text: &str) -> PathPrefix {
        PathPrefix::parse(text).unwrap()
    }

    #[test]
    fn prefixes_end_with_a_segment() {
        for (text, path, expected) in [
            ("/orders", "/orders", true),
            ("/orders", "/orders/", true),
            ("/orders", "/orders/1", true),
            ("/orders", "/ordersx", false),
            ("/orders/", "/orders/", true),
            ("/orders/", "/orders/1", true),
            ("/orders/", "/orders", false),
            ("/", "/", true),
            ("/", "/x", true),
            ("/", "//x", true),
            ("/", "*", true),
            ("/a/b", "/a%2Fb", false),
            ("/a%2fb", "/a%2Fb/c", true),
            ("/admin", "/%61dmin/x", true),
            ("/%61dmin", "/admin", true),
            ("/admin", "//admin", false),
            ("/admin", "/Admin", false),
        ] {
            let matched = prefix(text).matches(&view(path.as_bytes()));
            assert_eq!(expected, matched, "{text} {path}");
        }
    }

    #[test]
    fn a_rewrite_keeps_what_follows_byte_for_byte() {
        for (text, target, replacement, expected) in [
            ("/orders/", "/orders/1?b=%20+x&c", "/", Some("/1?b=%20+x&c")),
            ("/orders", "/orders/1", "/", Some("/1")),
            ("/orders", "/orders", "/", Some("/")),
            ("/orders", "/orders?x", "/", Some("/?x")),
            ("/orders", "/orders?x", "/v2", Some("/v2?x")),
            ("/orders/", "/orders/1", "/v2", Some("/v2/1")),
            ("/orders/", "/orders//1", "/v2/", Some("/v2//1")),
            ("/", "/a%2Fb", "/v2/", Some("/v2/a%2Fb")),
            ("/admin", "/%61dmin/%61", "/x", Some("/x/%61")),
            ("/a%2Fb", "/a%2fb/c%2f", "/x", Some("/x/c%2f")),
            ("/orders", "/other", "/x", None),
            ("/", "*", "/x", None),
        ] {
            let rewritten = prefix(text).rewrite(target.as_bytes(), replacement.as_bytes());
            assert_eq!(expected.map(|text| text.as_bytes().to_vec()), rewritten, "{target}");
        }
    }

    /// The policy `rewrite` is tested with the same table.
    #[test]
    fn a_route_rewrites_as_the_policy_does() {
        let cases = include_str!("../../../policies/rewrite/tests/path_prefixes.txt").lines();
        let cases = cases.filter(|line| !line.starts_with('#') && !line.is_empty());
        let mut count = 0;
        for case in cases {
            let columns: Vec<_> = case.split_whitespace().collect();
            let rewritten =
                prefix(columns[0]).rewrite(columns[2].as_bytes(), columns[1].as_bytes());
            let rewritten = rewritten.map_or("-".into(), |path| String::from_utf8(path).unwrap());
            assert_eq!(columns[3], rewritten, "{case}");
            count += 1;
        }
        assert!(count > 40, "{count}");
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in ["", "orders", "/a?b", "/a/../b", "/a b", "/caf\u{e9}", "/a#b", "*", "/%"] {
            assert!(PathPrefix::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn views_are_stable_and_rewrites_exact() {
        let root = prefix("/");
        for word in all_words(&["/", "a", "%61", "%2f", "%2F", "%", "2"], 5) {
            let path = format!("/{word}");
            if check_path(path.as_bytes()).is_ok() {
                let seen = view(path.as_bytes()).into_owned();
                assert_eq!(seen, view(&seen).into_owned());
                let rewritten = root.rewrite(path.as_bytes(), b"/base/").unwrap();
                assert_eq!(format!("/base{path}").into_bytes(), rewritten);
            }
        }
    }
}
