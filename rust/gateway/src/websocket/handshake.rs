//! The opening handshake: what a client's has to have (RFC 6455 §4.2.1), and what answers it (§4.2.2).

use wasmgate_host::{HeaderMap, LocalResponse};

use crate::http::problem::Problem;
use crate::http::version::Version;
use crate::websocket::accept::{accept, is_key};

const OLD: Problem = Problem::bad_request("a WebSocket handshake needs HTTP/1.1");
const NO_OPTION: Problem =
    Problem::bad_request("a WebSocket handshake needs the option upgrade in Connection");
const METHOD: Problem = Problem::bad_request("a WebSocket handshake needs the method GET");
const BODY: Problem = Problem::bad_request("a WebSocket handshake has no body");
const KEY: Problem =
    Problem::bad_request("Sec-WebSocket-Key is not one value of 16 bytes in base64");
const NO_VERSION: Problem = Problem::bad_request("there is not one Sec-WebSocket-Version field");
const VERSION: Problem = Problem::new(426, "this version of the WebSocket protocol is unknown");

/// The version of the protocol (RFC 6455 §4.1).
const SUPPORTED: &[u8] = b"13";

/// Why a handshake is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is malformed.
    Bad(Problem),
    /// It is of another version of the protocol.
    Version,
}

/// What of a handshake is not in its end-to-end fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub version: Version,
    pub method: &'a [u8],
    /// Connection names Upgrade.
    pub has_option: bool,
    /// The fields announce a body.
    pub has_body: bool,
}

/// `1#( protocol-name [ "/" protocol-version ] )` (RFC 9110 §7.8).
pub(crate) fn names_websocket(value: &[u8]) -> bool {
    let mut protocols = value.split(|byte| *byte == b',');
    protocols.any(|protocol| {
        let name = protocol.split(|byte| *byte == b'/').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"websocket")
    })
}

/// Checks a client's handshake; `map` has its fields.
pub(crate) fn check(request: Request<'_>, map: &HeaderMap) -> Result<(), Refusal> {
    let Request { version, method, has_option, has_body } = request;
    let bad = |is_bad: bool, problem| if is_bad { Err(Refusal::Bad(problem)) } else { Ok(()) };
    bad(version != Version::Http11, OLD)?;
    bad(!has_option, NO_OPTION)?;
    bad(method != b"GET", METHOD)?;
    bad(has_body, BODY)?;
    let version = only(map, b"sec-websocket-version").ok_or(Refusal::Bad(NO_VERSION))?;
    if version != SUPPORTED {
        return Err(Refusal::Version);
    }
    bad(expected(map).is_none(), KEY)
}

/// The answer to a handshake of another version (RFC 6455 §4.4).
pub(crate) fn unknown_version() -> LocalResponse {
    let mut response = VERSION.response();
    response.headers.push(b"sec-websocket-version", SUPPORTED);
    response
}

/// The Sec-WebSocket-Accept that answers the key of a request; none if it has not one valid key.
pub(crate) fn expected(map: &HeaderMap) -> Option<Vec<u8>> {
    only(map, b"sec-websocket-key").filter(|key| is_key(key)).map(accept)
}

/// What is wrong with the fields of a 101 for which `expected` is the Sec-WebSocket-Accept.
pub(crate) fn wrong_answer(map: &HeaderMap, expected: &[u8]) -> Option<&'static str> {
    match only(map, b"sec-websocket-accept") {
        Some(accept) if accept == expected => None,
        Some(_) => Some("Sec-WebSocket-Accept does not answer the handshake's key"),
        None => Some("there is not one Sec-WebSocket-Accept field"),
    }
}

fn only<'a>(map: &'a HeaderMap, name: &'static [u8]) -> Option<&'a [u8]> {
    let mut values = map.get_all(name);
    values.next().filter(|_| values.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [(&str, &str); 2] =
        [("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="), ("sec-websocket-version", "13")];
    const REQUEST: Request<'static> =
        Request { version: Version::Http11, method: b"GET", has_option: true, has_body: false };

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    #[test]
    fn a_handshake_is_taken() {
        assert_eq!(check(REQUEST, &map(&FIELDS)), Ok(()));
    }

    #[test]
    fn the_request_has_to_be_one_for_it() {
        for (request, problem) in [
            (Request { version: Version::Http10, ..REQUEST }, OLD),
            (Request { has_option: false, ..REQUEST }, NO_OPTION),
            (Request { method: b"POST", ..REQUEST }, METHOD),
            (Request { method: b"HEAD", ..REQUEST }, METHOD),
            (Request { has_body: true, ..REQUEST }, BODY),
        ] {
            assert_eq!(check(request, &map(&FIELDS)), Err(Refusal::Bad(problem)));
        }
    }

    #[test]
    fn its_fields_are_there_once() {
        let key = FIELDS[0];
        let version = FIELDS[1];
        for (fields, refusal) in [
            (vec![version], Refusal::Bad(KEY)),
            (vec![version, key, key], Refusal::Bad(KEY)),
            (vec![version, ("sec-websocket-key", "short")], Refusal::Bad(KEY)),
            (vec![key], Refusal::Bad(NO_VERSION)),
            (vec![key, version, version], Refusal::Bad(NO_VERSION)),
            (vec![key, ("sec-websocket-version", "8")], Refusal::Version),
            (vec![key, ("sec-websocket-version", "13, 8")], Refusal::Version),
        ] {
            assert_eq!(check(REQUEST, &map(&fields)), Err(refusal), "{fields:?}");
        }
    }

    #[test]
    fn a_protocol_is_named_in_a_list() {
        for (value, expected) in [
            ("websocket", true),
            ("WebSocket", true),
            ("h2c, websocket/13", true),
            ("h2c", false),
            ("websockets", false),
            ("", false),
        ] {
            assert_eq!(names_websocket(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn an_answer_is_for_the_key() {
        let expected = expected(&map(&FIELDS)).unwrap();
        let answer = ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(wrong_answer(&map(&[answer]), &expected), None);
        for fields in [vec![], vec![answer, answer], vec![("sec-websocket-accept", "x")]] {
            assert!(wrong_answer(&map(&fields), &expected).is_some(), "{fields:?}");
        }
    }
}
