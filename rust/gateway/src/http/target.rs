//! The request target: the forms of RFC 9112 §3.2, and the paths that are safe to match and forward.
//!
//! A path is forwarded byte for byte. A path that two readers could interpret differently is refused, not
//! mended: dot segments (also encoded, also before `;`, also behind an encoded slash), backslashes
//! and encoded NULs. An encoded slash is data, not a separator, and `//host` is a path.

use std::borrow::Cow;

use crate::http::authority::Authority;
use crate::http::problem::Problem;

const EMPTY: Problem = Problem::bad_request("the request target is empty");
const CONNECT: Problem = Problem::bad_request("the CONNECT method is not served here");
const ASTERISK: Problem = Problem::bad_request("the target * belongs to the OPTIONS method");
const FORM: Problem =
    Problem::bad_request("the request target is neither a path nor an http or https address");
const BYTE: Problem =
    Problem::bad_request("the request target has a byte that must be percent-encoded");
const ESCAPE: Problem = Problem::bad_request("the path has a broken percent-encoding");
const HIDDEN: Problem = Problem::bad_request("the path has an encoded NUL or backslash");
const DOTS: Problem = Problem::bad_request("the path has a dot segment");

/// A valid target.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The authority of an absolute-form target; it replaces the Host field (RFC 9112 §3.2.2).
    pub authority: Option<Authority<'a>>,
    /// The forwarded path and query, or `*`.
    pub path: Cow<'a, [u8]>,
}

impl<'a> Target<'a> {
    /// Reads the target of a request with `method`.
    ///
    /// # Errors
    /// A [`Problem`] with status 400.
    pub fn parse(method: &[u8], target: &'a [u8]) -> Result<Self, Problem> {
        if method == b"CONNECT" {
            return Err(CONNECT);
        }
        match target {
            b"" => Err(EMPTY),
            b"*" if method == b"OPTIONS" => Ok(Self { authority: None, path: target.into() }),
            b"*" => Err(ASTERISK),
            [b'/', ..] => {
                check_path(target)?;
                Ok(Self { authority: None, path: target.into() })
            }
            _ => absolute(method, target),
        }
    }
}

/// `http://authority/path?query`. The scheme of the connection counts, not the one written here.
fn absolute<'a>(method: &[u8], target: &'a [u8]) -> Result<Target<'a>, Problem> {
    let rest = after_scheme(target).ok_or(FORM)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = Authority::parse(authority)?;
    let path = match path {
        // RFC 9112 §3.2.4: the last proxy turns this back into the asterisk-form.
        [] if method == b"OPTIONS" => Cow::Borrowed(b"*".as_slice()),
        [] => Cow::Borrowed(b"/".as_slice()),
        [b'/', ..] => Cow::Borrowed(path),
        query => Cow::Owned([b"/", query].concat()),
    };
    if path.as_ref() != b"*" {
        check_path(&path)?;
    }
    Ok(Target { authority: Some(authority), path })
}

fn after_scheme(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|b| *b == b':')?;
    let (scheme, rest) = target.split_at(colon);
    let known = scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https");
    if known { rest.strip_prefix(b"://") } else { None }
}

/// Checks a path with its query, as a client sent it or a policy made it.
///
/// # Errors
/// A [`Problem`] with status 400.
pub fn check_path(target: &[u8]) -> Result<(), Problem> {
    if target.first() != Some(&b'/') {
        return Err(FORM);
    }
    let found = target.iter().fold(0, |found, byte| found | CLASS[usize::from(*byte)]);
    if found & FORBIDDEN != 0 {
        return Err(BYTE);
    }
    if found & SUSPECT == 0 {
        return Ok(());
    }
    let path = split_query(target).0;
    if path.contains(&b'\\') {
        return Err(BYTE);
    }
    // Decoded once, as an upstream does it, an encoded slash included: the strictest reader counts.
    let decoded = if path.contains(&b'%') { decode(path)?.into() } else { Cow::Borrowed(path) };
    if decoded.iter().any(|b| matches!(b, 0 | b'\\')) {
        return Err(HIDDEN);
    }
    if decoded.split(|b| *b == b'/').any(is_dot_segment) { Err(DOTS) } else { Ok(()) }
}

/// A byte that no target has.
const FORBIDDEN: u8 = 1;
/// A byte without which a path hides nothing.
const SUSPECT: u8 = 2;

const CLASS: [u8; 256] = {
    let mut table = [FORBIDDEN; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        table[byte as usize] = match byte {
            b'#' => FORBIDDEN,
            b'.' | b'%' | b'\\' => SUSPECT,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// A path and its query, the latter with its `?`.
#[must_use]
pub fn split_query(target: &[u8]) -> (&[u8], &[u8]) {
    target.split_at(target.iter().position(|b| *b == b'?').unwrap_or(target.len()))
}

/// Also before `;`: servlet containers cut parameters off a segment before they resolve dots.
fn is_dot_segment(segment: &[u8]) -> bool {
    let name = segment.split(|b| *b == b';').next().unwrap_or_default();
    matches!(name, b"." | b"..")
}

fn decode(path: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [byte, tail @ ..] = rest {
        if *byte == b'%' {
            decoded.push(escaped(tail).ok_or(ESCAPE)?);
            rest = &tail[2..];
        } else {
            decoded.push(*byte);
            rest = tail;
        }
    }
    Ok(decoded)
}

/// The octet that two hex digits stand for.
pub(crate) fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::all_words::all_words;

    fn parse(target: &str) -> Result<(Option<String>, String), &'static str> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Target::parse(b"GET", target.as_bytes())
            .map(|t| (t.authority.map(|a| text(a.bytes)), text(&t.path)))
            .map_err(|problem| problem.detail)
    }

    #[test]
    fn paths_and_queries_stay_byte_exact() {
        for path in [
            "/",
            "/echo/a%2Fb",
            "/echo/a%2fb",
            "/a?b=%20+x&c",
            "/a?../..",
            "/a?b=%zz",
            "/a?\\",
            "//127.0.0.1:9666/x",
            "///",
            "/a//b",
            "/a/...",
            "/a/.b",
            "/a/b..",
            "/%61dmin",
            "/%252e%252e/x",
            "/a;b=..",
            "/caf%C3%A9",
            "/a|b{}^`\"<>",
            "/http://x/",
            "/@:8080",
            "/?",
            "/a/;x/..b",
            "/%3F",
        ] {
            assert_eq!(Ok((None, path.to_owned())), parse(path));
        }
    }

    #[test]
    fn dot_segments_are_refused_however_they_are_written() {
        for path in [
            "/..",
            "/.",
            "/a/../b",
            "/a/./b",
            "/echo/%2e%2e/admin",
            "/echo/%2E./admin",
            "/a/.%2e",
            "/a/%2e",
            "/a/..;x/b",
            "/a/..%3bx/b",
            "/a/..%2Fb",
            "/a%2f..%2fb",
            "/a/..?q",
            "/a/.;",
        ] {
            assert_eq!(Err(DOTS.detail), parse(path), "{path}");
        }
    }

    #[test]
    fn bytes_that_readers_disagree_on_are_refused() {
        for (target, problem) in [
            ("", EMPTY),
            ("/a b", BYTE),
            ("/a\t", BYTE),
            ("/a\r\nHost: b", BYTE),
            ("/a\0", BYTE),
            ("/a#b", BYTE),
            ("/a?b#c", BYTE),
            ("/a\\b", BYTE),
            ("/caf\u{e9}", BYTE),
            ("/\u{7f}", BYTE),
            ("/a%5Cb", HIDDEN),
            ("/a%5c..", HIDDEN),
            ("/a%00", HIDDEN),
            ("/a%", ESCAPE),
            ("/a%2", ESCAPE),
            ("/a%zz", ESCAPE),
            ("/a%+1", ESCAPE),
            ("*", ASTERISK),
            ("a", FORM),
            ("host:443", FORM),
            ("ftp://a/", FORM),
            ("http:/a", FORM),
            ("\\\\host", FORM),
        ] {
            assert_eq!(Err(problem.detail), parse(target), "{target:?}");
        }
    }

    #[test]
    fn absolute_form_is_split() {
        for (target, authority, path) in [
            ("http://api.example/a?b", "api.example", "/a?b"),
            ("HTTPS://api.example:8443", "api.example:8443", "/"),
            ("http://api.example?b", "api.example", "/?b"),
            ("http://[::1]:80//x", "[::1]:80", "//x"),
        ] {
            assert_eq!(Ok((Some(authority.to_owned()), path.to_owned())), parse(target));
        }
        for target in ["http://", "http:///a", "http://u:p@host/", "http://a b/", "http://a\\b/"] {
            assert_eq!(
                Err(crate::http::authority::BAD_AUTHORITY.detail),
                parse(target),
                "{target}"
            );
        }
        assert_eq!(Err(DOTS.detail), parse("http://a/../b"));
        assert_eq!(Err(BYTE.detail), parse("http://a#b"));
    }

    #[test]
    fn the_asterisk_is_for_options() {
        for target in [b"*".as_slice(), b"http://a"] {
            assert_eq!(b"*", Target::parse(b"OPTIONS", target).unwrap().path.as_ref());
        }
    }

    #[test]
    fn authority_form_is_refused() {
        for target in [b"host:443".as_slice(), b"/", b"*", b"http://a/"] {
            assert_eq!(Err(CONNECT), Target::parse(b"CONNECT", target));
        }
    }

    #[test]
    fn accepted_targets_are_exact_and_graphic() {
        for word in all_words(&["/", "a", "?", "%2F", " ", "\r\n", "\t", ".", "#", "\u{e9}"], 4) {
            let target = format!("/{word}");
            if let Ok((authority, path)) = parse(&target) {
                assert_eq!((None, target), (authority, path.clone()));
                assert!(path.bytes().all(|b| b.is_ascii_graphic()), "{path:?}");
            }
        }
    }

    #[test]
    fn no_accepted_path_climbs_for_a_reader_that_decodes() {
        for word in all_words(&["/", ".", "%2e", "%2E", "%2f", "%5c", "\\", ";", "a"], 5) {
            let target = format!("/{word}");
            if parse(&target).is_ok() {
                let decoded = decode(target.as_bytes()).unwrap();
                let mut segments = decoded.split(|b| matches!(b, b'/' | b'\\'));
                assert!(!segments.any(|s| s == b".." || s == b"."), "{target}");
            }
        }
    }
}
