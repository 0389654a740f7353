//! Heads of messages: where they end, and what httparse lets through but RFC 9112 does not.

use std::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};

/// Fields that one head may have, for the parser's table; the router's limits are below it.
const FIELDS: usize = 256;

/// Why a head cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadHead {
    /// A line that does not end with CR LF, or a line that goes on in the next one.
    Lines,
    /// The parser refuses it.
    Syntax,
    /// A request in a version of HTTP that has other messages than these.
    Version,
    /// More fields than the parser's table has room for.
    Fields,
}

/// The end of the head at the start of `bytes`: the index behind its empty line, if that has come.
///
/// RFC 9112 §2.2 lets a recipient take a bare LF for a line's end, and §5.2 lets it mend obsolete
/// folding; two readers that do so differently can be played against each other, so neither is
/// taken.
pub(crate) fn end(bytes: &[u8]) -> Result<Option<usize>, BadHead> {
    let mut from = 0;
    while let Some(found) = memchr::memchr2(b'\r', b'\n', &bytes[from..]) {
        let at = from + found;
        if bytes[at] == b'\n' {
            return Err(BadHead::Lines);
        }
        match bytes.get(at + 1..) {
            None | Some([]) => return Ok(None),
            Some([b'\n', b'\r', b'\n', ..]) => return Ok(Some(at + 4)),
            Some([b'\n', b' ' | b'\t', ..]) => return Err(BadHead::Lines),
            Some([b'\n', ..]) => from = at + 2,
            Some(_) => return Err(BadHead::Lines),
        }
    }
    Ok(None)
}

/// True if a tab stands in a line that says how long the message is. RFC 9110 §5.6.3 allows it round
/// the value, and the parser takes it out; other readers do not, and then know no such coding.
pub(crate) fn tab_in_framing(head: &[u8]) -> bool {
    let framing = |line: &[u8]| {
        [&b"transfer-encoding"[..], b"content-length"].iter().any(|name| {
            line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
    };
    memchr::memchr(b'\t', head).is_some()
        && head.split(|byte| *byte == b'\n').any(|line| line.contains(&b'\t') && framing(line))
}

/// The length of the first line, or of what there is of it.
pub(crate) fn line(bytes: &[u8]) -> usize {
    memchr::memchr(b'\r', bytes).unwrap_or(bytes.len())
}

/// False if this cannot become a response of HTTP/1: some speak first, and wait for an answer then.
pub(crate) fn may_answer(bytes: &[u8]) -> bool {
    bytes.iter().zip(b"HTTP/1.").all(|(byte, expected)| byte == expected)
}

/// Room for the fields of one head.
pub(crate) type Table<'a> = [MaybeUninit<Header<'a>>; FIELDS];

/// Room that nothing was written into yet.
pub(crate) const fn table<'a>() -> Table<'a> {
    [const { MaybeUninit::uninit() }; FIELDS]
}

/// A request's first line and its fields.
pub(crate) struct Request<'t, 'a> {
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    /// HTTP/1.1 and not 1.0.
    pub(crate) newer: bool,
    pub(crate) fields: &'t [Header<'a>],
}

/// Reads a whole request head.
pub(crate) fn request<'t, 'a>(
    head: &'a [u8],
    table: &'t mut Table<'a>,
) -> Result<Request<'t, 'a>, BadHead> {
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(head, table) {
        Err(httparse::Error::Version) if names_other_version(head) => return Err(BadHead::Version),
        outcome => complete(outcome)?,
    }
    Ok(Request {
        method: parsed.method.unwrap_or_default().as_bytes(),
        target: parsed.path.unwrap_or_default().as_bytes(),
        newer: parsed.version == Some(1),
        fields: parsed.headers,
    })
}

/// True if the first line ends with a version in the form of RFC 9112 §2.3 that is not HTTP/1.
#[cold]
fn names_other_version(head: &[u8]) -> bool {
    let version = head[..line(head)].rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    matches!(version, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
        if *major != b'1' && major.is_ascii_digit() && minor.is_ascii_digit())
}

/// A response's status and its fields.
pub(crate) struct Response<'t, 'a> {
    pub(crate) status: u16,
    /// HTTP/1.1 and not 1.0.
    pub(crate) newer: bool,
    pub(crate) fields: &'t [Header<'a>],
}

/// Reads a whole response head.
pub(crate) fn response<'t, 'a>(
    head: &'a [u8],
    table: &'t mut Table<'a>,
) -> Result<Response<'t, 'a>, BadHead> {
    let mut parsed = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    complete(config.parse_response_with_uninit_headers(&mut parsed, head, table))?;
    Ok(Response {
        status: parsed.code.unwrap_or(0),
        newer: parsed.version == Some(1),
        fields: parsed.headers,
    })
}

fn complete(outcome: httparse::Result<usize>) -> Result<(), BadHead> {
    match outcome {
        Ok(Status::Complete(_)) => Ok(()),
        Err(httparse::Error::TooManyHeaders) => Err(BadHead::Fields),
        Ok(Status::Partial) | Err(_) => Err(BadHead::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line() {
        for (text, expected) in [
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\nbody", Ok(Some(27))),
            ("GET / HTTP/1.1\r\nhost: a\r\n\r", Ok(None)),
            ("GET / HTTP/1.1\r\nhost: a\r", Ok(None)),
            ("", Ok(None)),
            ("GET / HTTP/1.1\nhost: a\n\n", Err(BadHead::Lines)),
            ("GET / HTTP/1.1\r\nhost: a\r\n b\r\n\r\n", Err(BadHead::Lines)),
            ("GET / HTTP/1.1\r\nx: a\rb\r\n\r\n", Err(BadHead::Lines)),
        ] {
            assert_eq!(end(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn space_before_the_colon_is_refused() {
        for field in ["host : a", " host: a", "ho st: a", "host", ": a"] {
            let head = format!("GET / HTTP/1.1\r\n{field}\r\n\r\n");
            assert!(request(head.as_bytes(), &mut table()).is_err(), "{field:?}");
        }
    }

    #[test]
    fn tabs_matter_where_the_length_is_said() {
        for (field, expected) in [
            ("Transfer-Encoding: chunked\t", true),
            ("content-length:\t5", true),
            ("x: y\t", false),
            ("content-length: 5", false),
        ] {
            let head = format!("GET / HTTP/1.1\r\nhost: a\r\n{field}\r\n\r\n");
            assert_eq!(tab_in_framing(head.as_bytes()), expected, "{field:?}");
        }
    }

    #[test]
    fn a_version_that_is_not_supported_is_told_from_an_odd_line() {
        for (line, expected) in [
            ("GET / HTTP/9.9", BadHead::Version),
            ("GET / HTTP/2.0", BadHead::Version),
            ("GET / HTTP/0.9", BadHead::Version),
            ("GET / HTTP/1.2", BadHead::Syntax),
            ("GET / HTTP/1.11", BadHead::Syntax),
            ("GET / HTTP/11.1", BadHead::Syntax),
            ("GET / HTTP/2", BadHead::Syntax),
            ("GET / HTTP/2.0 ", BadHead::Syntax),
            ("GET / http/2.0", BadHead::Syntax),
            ("GET / HTTQ/2.0", BadHead::Syntax),
            ("G(T / HTTP/2.0", BadHead::Syntax),
        ] {
            let head = format!("{line}\r\nhost: a\r\n\r\n");
            assert_eq!(request(head.as_bytes(), &mut table()).err(), Some(expected), "{line:?}");
        }
    }

    #[test]
    fn odd_first_lines_are_refused() {
        for line in
            ["GET  / HTTP/1.1", "GET /", "GET / HTTP/1.1 ", "GET / HTTP/2.0", "GET / http/1.1"]
        {
            let head = format!("{line}\r\nhost: a\r\n\r\n");
            assert!(request(head.as_bytes(), &mut table()).is_err(), "{line:?}");
        }
    }
}
