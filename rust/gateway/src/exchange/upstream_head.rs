//! The head of a request as HTTP/1.1 writes it (RFC 9112 §2.1, §3, §6).

use std::ops::Range;
use std::time::Duration;

use wasmgate_host::HeaderMap;

use crate::http::authority::Authority;
use crate::http::fields::{Role, is_field_value, is_token, role};
use crate::http::framing::BodyFraming;
use crate::http::problem::Problem;
use crate::http::target::check_path;
use crate::websocket::handshake;

const MADE_INVALID: Problem = Problem::new(500, "a policy made the request invalid");

/// The request to the upstream.
#[derive(Clone, Debug)]
pub struct UpstreamRequest {
    /// The index of the cluster.
    pub cluster: usize,
    /// The index of the endpoint in the cluster.
    pub endpoint: usize,
    /// The timeout of the exchange in seconds, if it has one.
    pub timeout: Option<Duration>,
    /// How the body follows.
    pub framing: BodyFraming,
    /// Of the handshake of a WebSocket, the Sec-WebSocket-Accept that answers it.
    pub(crate) accept: Option<Vec<u8>>,
    head: Vec<u8>,
    method: usize,
    target: Range<usize>,
}

impl UpstreamRequest {
    /// Request line, fields and the empty line behind them.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        &self.head[..self.method]
    }

    /// The target, byte for byte.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        &self.head[self.target.clone()]
    }

    /// Names and values as the head has them: Host first, framing last.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut rest =
            self.head.get(self.target.end + b" HTTP/1.1\r\n".len()..).unwrap_or_default();
        std::iter::from_fn(move || {
            let colon = rest.iter().position(|b| *b == b':')?;
            let end = rest.iter().position(|b| *b == b'\r')?;
            let field = (&rest[..colon], &rest[colon + 2..end]);
            rest = &rest[end + 2..];
            Some(field)
        })
    }
}

const REWRITTEN_INVALID: Problem =
    Problem::new(500, "the route rewrote the path to one that cannot be forwarded");

/// Where a request goes, and as what.
#[derive(Clone, Copy)]
pub(crate) struct Destination<'a> {
    pub cluster: usize,
    pub endpoint: usize,
    pub timeout: Option<Duration>,
    /// As the handshake of a WebSocket.
    pub handshake: bool,
    /// Host, if the request has no authority.
    pub authority: &'a str,
    /// Host, whatever authority the request has.
    pub host: Option<&'a str>,
}

/// Writes the head of the request that `map` describes, for `target` if the route rewrote it.
///
/// Fields about the connection are left out, and the framing is written anew, because `map` may have
/// passed policies. For the same reason every field that is not marked as read by
/// [`RequestReader`](crate::RequestReader) is checked again.
pub(crate) fn write(
    map: &HeaderMap,
    target: Option<&[u8]>,
    framing: BodyFraming,
    to: Destination<'_>,
) -> Result<UpstreamRequest, Problem> {
    let method = map.get(b":method").unwrap_or_default();
    let path = map.get(b":path").unwrap_or_default();
    let authority = map.get(b":authority").filter(|authority| !authority.is_empty());
    let authority = authority.unwrap_or(to.authority.as_bytes());
    let valid = is_token(method)
        && method != b"CONNECT"
        && (path == b"*" && method == b"OPTIONS" || check_path(path).is_ok())
        && Authority::parse(authority).is_ok();
    if !valid {
        return Err(MADE_INVALID);
    }
    let accept = if to.handshake { Some(handshake_accept(map, method, framing)?) } else { None };
    // What an expression of the route makes of a path need not be one.
    if target.is_some_and(|target| check_path(target).is_err()) {
        return Err(REWRITTEN_INVALID);
    }
    let target = target.unwrap_or(path);
    let mut head = Vec::with_capacity(map.byte_len() + 4 * map.len() + 96);
    for part in [method, b" ", target, b" HTTP/1.1\r\n"] {
        head.extend_from_slice(part);
    }
    push(&mut head, b"host", to.host.map_or(authority, str::as_bytes));
    write_fields(&mut head, map)?;
    match framing {
        BodyFraming::Empty => {}
        BodyFraming::Length(_) if to.handshake => {}
        BodyFraming::Length(length) => {
            push(&mut head, b"content-length", length.to_string().as_bytes());
        }
        BodyFraming::Chunked => push(&mut head, b"transfer-encoding", b"chunked"),
    }
    if to.handshake {
        push(&mut head, b"connection", b"Upgrade");
        push(&mut head, b"upgrade", b"websocket");
    }
    head.extend_from_slice(b"\r\n");
    let Destination { cluster, endpoint, timeout, .. } = to;
    let target = method.len() + 1..method.len() + 1 + target.len();
    let method = method.len();
    Ok(UpstreamRequest { cluster, endpoint, timeout, framing, accept, head, method, target })
}

/// The Sec-WebSocket-Accept for a handshake as the policies left it, if it is one still.
fn handshake_accept(
    map: &HeaderMap,
    method: &[u8],
    framing: BodyFraming,
) -> Result<Vec<u8>, Problem> {
    let bodiless = matches!(framing, BodyFraming::Empty | BodyFraming::Length(0));
    let expected = handshake::expected(map).filter(|_| method == b"GET" && bodiless);
    expected.ok_or(MADE_INVALID)
}

fn write_fields(head: &mut Vec<u8>, map: &HeaderMap) -> Result<(), Problem> {
    for (name, value, marked) in map.iter_marked().filter(|(name, ..)| !name.starts_with(b":")) {
        // Of a request's own fields only these two are not written as they are.
        if marked && name != b"content-length" && name != b"te" {
            push(head, name, value);
            continue;
        }
        if !is_token(name) || !is_field_value(value) {
            return Err(MADE_INVALID);
        }
        match role(name) {
            Role::HopByHop
            | Role::ConnectionSpecific
            | Role::Connection
            | Role::Host
            | Role::ContentLength
            | Role::TransferEncoding => {}
            Role::Te if value != b"trailers" => {}
            Role::Te => {
                push(head, name, value);
                push(head, b"connection", b"te");
            }
            _ => push(head, name, value),
        }
    }
    Ok(())
}

fn push(head: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::all_words::all_words;

    const TO: Destination<'static> = Destination {
        cluster: 1,
        endpoint: 2,
        timeout: None,
        handshake: false,
        authority: "127.0.0.1:9001",
        host: None,
    };

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let line = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "a"),
            (":path", "/a%2Fb?x=%20+"),
        ];
        let fields = line.iter().chain(fields);
        fields.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    fn text(map: &HeaderMap, target: Option<&[u8]>, framing: BodyFraming) -> String {
        String::from_utf8(write(map, target, framing, TO).unwrap().head().to_vec()).unwrap()
    }

    #[test]
    fn a_head_is_written_byte_for_byte() {
        let map = map(&[("x-dup", "1"), ("accept", "*/*"), ("x-dup", "2")]);
        assert_eq!(
            "GET /a%2Fb?x=%20+ HTTP/1.1\r\nhost: a\r\nx-dup: 1\r\naccept: */*\r\nx-dup: 2\r\n\r\n",
            text(&map, None, BodyFraming::Empty)
        );
    }

    #[test]
    fn framing_is_written_anew() {
        let map = map(&[
            ("content-length", "7"),
            ("transfer-encoding", "gzip"),
            ("connection", "upgrade"),
            ("upgrade", "h2c"),
            ("host", "evil"),
            ("te", "gzip"),
        ]);
        let line = "GET / HTTP/1.1\r\nhost: a\r\n";
        for (framing, expected) in [
            (BodyFraming::Empty, ""),
            (BodyFraming::Length(12), "content-length: 12\r\n"),
            (BodyFraming::Chunked, "transfer-encoding: chunked\r\n"),
        ] {
            assert_eq!(format!("{line}{expected}\r\n"), text(&map, Some(b"/"), framing));
        }
    }

    #[test]
    fn te_is_named_in_connection() {
        let head = text(&map(&[("te", "trailers")]), Some(b"/"), BodyFraming::Empty);
        assert_eq!("GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: te\r\n\r\n", head);
    }

    #[test]
    fn without_an_authority_the_endpoint_is_the_host() {
        let mut map = map(&[]);
        map.set(b":authority", b"");
        let head = text(&map, Some(b"/"), BodyFraming::Empty);
        assert_eq!("GET / HTTP/1.1\r\nhost: 127.0.0.1:9001\r\n\r\n", head);
    }

    #[test]
    fn the_parts_can_be_read_back() {
        let request =
            write(&map(&[("x", ""), ("y", "a: b")]), None, BodyFraming::Chunked, TO).unwrap();
        assert_eq!((1, 2), (request.cluster, request.endpoint));
        assert_eq!(b"GET", request.method());
        assert_eq!(b"/a%2Fb?x=%20+", request.target());
        let expected: [(&[u8], &[u8]); 4] =
            [(b"host", b"a"), (b"x", b""), (b"y", b"a: b"), (b"transfer-encoding", b"chunked")];
        assert_eq!(expected.to_vec(), request.fields().collect::<Vec<_>>());
    }

    #[test]
    fn what_a_policy_broke_is_refused() {
        for (name, value) in [
            (":method", "GET /x HTTP/1.1\r\nx:"),
            (":method", "CONNECT"),
            (":path", "/a\r\nx: y"),
            (":path", "/a b"),
            (":path", "/../admin"),
            (":path", "http://evil/"),
            (":path", "*"),
            (":path", ""),
            (":authority", "a\r\nx: y"),
            (":authority", "a/b"),
            ("x", "a\r\nx-user: admin"),
            ("x\r\n", "y"),
        ] {
            let mut map = map(&[]);
            map.set(name.as_bytes(), value.as_bytes());
            let refused = write(&map, None, BodyFraming::Empty, TO).err();
            assert_eq!(Some(MADE_INVALID), refused, "{name:?} {value:?}");
        }
    }

    #[test]
    fn a_head_has_no_more_lines_than_fields() {
        for name in all_words(&["a", ":", "\r", "\n", " "], 3) {
            for value in all_words(&["b", ":", "\r", "\n", "\0", " "], 3) {
                let map = map(&[(&name, &value), ("x", "y")]);
                if let Ok(request) = write(&map, None, BodyFraming::Empty, TO) {
                    let lines = request.head().split(|b| *b == b'\n').count();
                    assert_eq!(request.fields().count() + 3, lines, "{name:?} {value:?}");
                }
            }
        }
    }
}
