//! Messages on their way out: bodies in their framing, and the head of a response.

use wasmgate_host::{Body, HeaderMap};

use crate::connection::output::{Chunk, Output};
use crate::exchange::response_flow::ResponseFlow;
use crate::http::date;
use crate::http::fields::may_trail;
use crate::http::reason::reason;

/// How a body is delimited on the way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BodyWriter {
    /// As it is: its length was said, or the connection ends with it.
    #[default]
    Plain,
    Chunked,
}

impl BodyWriter {
    /// Appends a part of the body: what came in, or what became of it.
    pub(crate) fn data(self, out: &mut Output, body: &Body, came: Chunk<'_>) {
        let chunk = match body {
            Body::Nothing => return,
            Body::Same => came,
            Body::Bytes(bytes) => Chunk { bytes, at: None },
        };
        if chunk.bytes.is_empty() {
            return;
        }
        if self == Self::Plain {
            return out.pass(chunk);
        }
        out.own().extend_from_slice(format!("{:x}\r\n", chunk.bytes.len()).as_bytes());
        out.pass(chunk);
        out.own().extend_from_slice(b"\r\n");
    }

    /// Appends the end of the body, with trailers where there can be some: policies may have written
    /// what cannot go there.
    pub(crate) fn end(self, out: &mut Vec<u8>, trailers: Option<&HeaderMap>) {
        if self == Self::Plain {
            return;
        }
        out.extend_from_slice(b"0\r\n");
        let trailers = trailers.iter().flat_map(|map| map.iter());
        for (name, value) in trailers.filter(|(name, value)| may_trail(name, value)) {
            field(out, name, value);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends the head of a response; `map` has `:status`. Says how its body follows, and whether its
/// length is written.
///
/// `bodiless`: it has no body whatever its fields say (RFC 9110 §6.4.1). A body of unknown length is
/// chunked for HTTP/1.1, and ends with the connection for HTTP/1.0.
pub(crate) fn response_head(
    out: &mut Vec<u8>,
    map: &HeaderMap,
    flow: &ResponseFlow,
    bodiless: bool,
    newer: bool,
    keep_alive: &mut bool,
) -> (BodyWriter, bool) {
    let status = status(map);
    out.reserve(map.byte_len() + 4 * map.len() + 64);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status);
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    let (mut length, mut date) = (false, false);
    for (name, value) in map.iter() {
        if name.first() != Some(&b':') && flow.shows(name, value) {
            length |= name == b"content-length";
            date |= name == b"date";
            field(out, name, value);
        }
    }
    if let Some(written) = flow.length() {
        length = true;
        field(out, b"content-length", written.to_string().as_bytes());
    }
    // RFC 9110 §6.6.1: a recipient with a clock adds Date to a response that has none.
    if !date {
        field(out, b"date", &date::now());
    }
    let writer = match (bodiless || length, newer) {
        (true, _) => BodyWriter::Plain,
        (false, true) => {
            field(out, b"transfer-encoding", b"chunked");
            BodyWriter::Chunked
        }
        (false, false) => {
            *keep_alive = false;
            BodyWriter::Plain
        }
    };
    match (*keep_alive, newer) {
        (false, _) => field(out, b"connection", b"close"),
        (true, false) => field(out, b"connection", b"keep-alive"),
        (true, true) => {}
    }
    out.extend_from_slice(b"\r\n");
    (writer, length)
}

/// Appends the head that ends the handshake of a WebSocket.
pub(crate) fn switching_head(out: &mut Vec<u8>, map: &HeaderMap, flow: &ResponseFlow) {
    out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
    field(out, b"connection", b"Upgrade");
    field(out, b"upgrade", b"websocket");
    let fields = map.iter().filter(|(name, value)| {
        // RFC 9110 §8.6: it has no length, also if a policy wrote one.
        !name.starts_with(b":") && *name != b"content-length" && flow.shows(name, value)
    });
    for (name, value) in fields {
        field(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends an interim response: `map` has `:status`.
pub(crate) fn interim(out: &mut Vec<u8>, map: &HeaderMap) {
    let status = map.get(b":status").unwrap_or_default();
    for part in [b"HTTP/1.1 ", status, b" ", reason(status).as_bytes(), b"\r\n"] {
        out.extend_from_slice(part);
    }
    for (name, value) in map.iter().filter(|(name, _)| !name.starts_with(b":")) {
        field(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

/// The status; 500 if a policy wrote a value that is not a status.
pub(crate) fn status(map: &HeaderMap) -> &[u8] {
    match map.get(b":status") {
        Some(status @ [b'2'..=b'5', tens, ones])
            if tens.is_ascii_digit() && ones.is_ascii_digit() =>
        {
            status
        }
        _ => b"500",
    }
}

fn field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)], newer: bool, mut keep_alive: bool) -> String {
        let fields = fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
        let mut out = Vec::new();
        let flow = ResponseFlow::new(false);
        response_head(&mut out, &fields.collect(), &flow, false, newer, &mut keep_alive);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_body_of_known_length_is_sent_as_it_is() {
        assert_eq!(
            head(&[(":status", "200"), ("date", "x"), ("content-length", "2")], true, true),
            "HTTP/1.1 200 OK\r\ndate: x\r\ncontent-length: 2\r\n\r\n"
        );
    }

    #[test]
    fn a_body_of_unknown_length_is_chunked_or_ends_the_connection() {
        assert_eq!(
            head(&[(":status", "404"), ("date", "x")], true, false),
            "HTTP/1.1 404 Not Found\r\ndate: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(
            head(&[(":status", "299"), ("date", "x")], false, true),
            "HTTP/1.1 299 \r\ndate: x\r\nconnection: close\r\n\r\n"
        );
    }

    #[test]
    fn a_status_that_is_none_is_500() {
        for (status, expected) in [
            ("204", "204"),
            ("999", "500"),
            ("20", "500"),
            ("200 x\r\ny: z", "500"),
            ("100", "500"),
        ] {
            let head = head(&[(":status", status)], true, true);
            assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{head}");
        }
    }

    #[test]
    fn chunks_are_framed() {
        let mut out = Output::default();
        for chunk in [&b""[..], &[b'x'; 17]] {
            BodyWriter::Chunked.data(&mut out, &Body::Same, Chunk { bytes: chunk, at: None });
        }
        BodyWriter::Chunked.end(out.own(), None);
        assert_eq!(out.parts(&[]).concat(), b"11\r\nxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
    }
}
