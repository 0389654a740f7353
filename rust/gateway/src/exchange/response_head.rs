//! The head of an upstream's response.

use wasmgate_host::HeaderMap;

use crate::http::connection_options::ConnectionOptions;
use crate::http::fields::{Excerpt, Role, is_field_value, is_token, role};
use crate::http::framing::Framing;
use crate::websocket::handshake::{names_websocket, wrong_answer};

/// Takes in the fields of a response, one after the other.
#[derive(Debug)]
pub struct ResponseReader {
    status: u16,
    map: HeaderMap,
    framing: Framing,
    options: ConnectionOptions,
    stripped: bool,
    /// Upgrade names WebSocket.
    websocket: bool,
    /// The framing fields contradict each other, or are malformed.
    framing_is_faulty: bool,
    /// The first rule of HTTP that it breaks.
    wrong: Option<String>,
}

impl ResponseReader {
    /// Starts a response with `status`.
    #[must_use]
    pub fn new(status: u16) -> Self {
        let mut map = HeaderMap::with_capacity(32, 1 << 10);
        map.push(b":status", &status_digits(status));
        Self {
            status,
            map,
            framing: Framing::default(),
            options: ConnectionOptions::default(),
            stripped: false,
            websocket: false,
            framing_is_faulty: false,
            wrong: None,
        }
    }

    /// Takes in one field, name and value as they came.
    pub fn field(&mut self, name: &[u8], value: &[u8]) {
        if !is_token(name) || !is_field_value(value) {
            self.refuse("a field has a byte that none may have", name, value);
        }
        match role(name) {
            Role::Connection => {
                if !self.options.add(value) {
                    self.refuse("Connection is not a list of field names", name, value);
                }
            }
            Role::TransferEncoding => {
                if let Err(bad) = self.framing.transfer_encoding(value) {
                    self.framing_is_faulty = true;
                    self.refuse(bad.detail(), name, value);
                }
            }
            Role::ConnectionSpecific if name.eq_ignore_ascii_case(b"upgrade") => {
                self.websocket |= names_websocket(value);
            }
            Role::HopByHop | Role::ConnectionSpecific | Role::Te => {}
            Role::ContentLength => {
                if let Err(bad) = self.framing.content_length(value) {
                    self.framing_is_faulty = true;
                    self.refuse(bad.detail(), name, value);
                }
                self.map.push(name, value);
                return;
            }
            _ => {
                self.map.push(name, value);
                return;
            }
        }
        self.stripped = true;
    }

    fn refuse(&mut self, what: &str, name: &[u8], value: &[u8]) {
        let field = [name, b": ", value].concat();
        self.wrong.get_or_insert_with(|| format!("{what}: {}", Excerpt(&field)));
    }

    /// How the body follows, as the fields say; none if they cannot be trusted.
    pub(crate) fn framing(&self) -> (Framing, bool) {
        (self.framing, self.framing_is_faulty)
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// `:status` and the forwarded fields, and whether fields were removed; or the rule of
    /// HTTP that the response breaks.
    ///
    /// # Errors
    /// That rule, in words.
    pub fn finish(mut self) -> Result<(HeaderMap, bool), String> {
        // An interim response is not the final one, and 101 answers only what asks for it.
        if !(200..600).contains(&self.status) {
            return Err(format!("the status {} is not that of a final response", self.status));
        }
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        self.options.remove_from(&mut self.map);
        Ok((self.map, self.stripped))
    }

    /// The same for the 101 that answers the handshake of a WebSocket with this Sec-WebSocket-Accept.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn finish_handshake(mut self, accept: &[u8]) -> Result<HeaderMap, String> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if !(self.websocket && self.options.has(b"upgrade")) {
            return Err("it did not switch to WebSocket".into());
        }
        if let Some(wrong) = wrong_answer(&self.map, accept) {
            return Err(wrong.into());
        }
        self.options.remove_from(&mut self.map);
        // RFC 9110 §8.6: it has none. What follows are frames, whatever it says.
        self.map.remove(b"content-length");
        // Policies may change its fields, and it is 101 still.
        self.map.mark();
        Ok(self.map)
    }

    /// The same for an interim response (RFC 9110 §15.2); none if it is not to be passed on. It never
    /// has a body. 100 is left out: the gateway has answered `Expect` itself, and taken it away.
    #[must_use]
    pub fn finish_interim(mut self) -> Option<HeaderMap> {
        if matches!(self.status, 100 | 101) || self.wrong.is_some() {
            return None;
        }
        self.options.remove_from(&mut self.map);
        self.map.remove(b"content-length");
        Some(self.map)
    }
}

fn status_digits(status: u16) -> [u8; 3] {
    [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + (digit % 10) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, fields: &[(&str, &str)]) -> Option<(Vec<String>, bool)> {
        let mut reader = ResponseReader::new(status);
        for (name, value) in fields {
            reader.field(name.as_bytes(), value.as_bytes());
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (map, stripped) = reader.finish().ok()?;
        Some((map.iter().map(|(n, v)| format!("{}: {}", text(n), text(v))).collect(), stripped))
    }

    #[test]
    fn repeated_fields_stay_apart() {
        let fields = [("Set-Cookie", "a=1"), ("x_y", "2"), ("set-cookie", "b=2")];
        let expected = [":status: 200", "set-cookie: a=1", "x_y: 2", "set-cookie: b=2"];
        assert_eq!(Some((expected.map(str::to_owned).to_vec(), false)), read(200, &fields));
    }

    #[test]
    fn hop_by_hop_fields_end_here() {
        let fields = [
            ("Connection", "keep-alive, X-Hop"),
            ("X-Hop", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Authenticate", "Basic"),
            ("Trailer", "x-sum"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2"),
        ];
        assert_eq!(Some((vec![":status: 404".to_owned()], true)), read(404, &fields));
    }

    #[test]
    fn the_length_cannot_be_named_away() {
        let fields = [("content-length", "5"), ("connection", "content-length")];
        assert_eq!("content-length: 5", read(200, &fields).unwrap().0[1]);
    }

    #[test]
    fn broken_responses_are_seen() {
        for fields in [
            [("content-length", "5"), ("transfer-encoding", "chunked")],
            [("content-length", "5"), ("content-length", "6")],
            [("transfer-encoding", "gzip"), ("x", "y")],
            [("a b", "x"), ("x", "y")],
            [("x", "a\r\nset-cookie: b"), ("x", "y")],
            [("connection", "a b"), ("x", "y")],
        ] {
            assert_eq!(None, read(200, &fields), "{fields:?}");
        }
        for status in [0, 99, 101, 600, 65535] {
            assert_eq!(None, read(status, &[]), "{status}");
        }
    }
}
