//! The request of an HTTP call that a policy makes, in HTTP/1.1.

use wasmgate_host::{HeaderMap, is_authority, is_field_value, is_origin_form, is_token};

use crate::http::fields::{Excerpt, is_hop_by_hop};

/// A request with its whole body.
#[derive(Debug)]
pub struct CallRequest {
    /// The method, a token.
    pub method: Vec<u8>,
    /// Path and query, or `*`.
    pub target: Vec<u8>,
    /// `host`, the fields that go on, and those that frame the content.
    pub fields: HeaderMap,
    /// What follows the head, transfer coding included.
    pub content: Vec<u8>,
}

/// Why a call is not a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCall {
    /// No method, or one that is not for an endpoint.
    #[error("{} is not a method of an HTTP call", Excerpt(.0))]
    Method(Vec<u8>),
    /// No path.
    #[error("{} is not a path", Excerpt(.0))]
    Path(Vec<u8>),
    /// No authority.
    #[error("{} is not an authority", Excerpt(.0))]
    Authority(Vec<u8>),
    /// A field that would break the head.
    #[error("{} is not a field name, or its value is not a field value", Excerpt(.0))]
    Field(Vec<u8>),
}

impl CallRequest {
    /// Builds the request from the pseudo-headers and fields, the body and the trailers of a call. A
    /// policy cannot write a second request into it.
    ///
    /// # Errors
    /// A part is not of its grammar.
    pub fn new(headers: &HeaderMap, body: Vec<u8>, trailers: &HeaderMap) -> Result<Self, BadCall> {
        let pseudo = |name: &[u8]| headers.get(name).unwrap_or_default().to_vec();
        let (method, target) = (pseudo(b":method"), pseudo(b":path"));
        let authority = pseudo(b":authority");
        if !is_token(&method) || method == b"CONNECT" {
            return Err(BadCall::Method(method));
        }
        if !is_origin_form(&target) && target != b"*" {
            return Err(BadCall::Path(target));
        }
        if !is_authority(&authority) {
            return Err(BadCall::Authority(authority));
        }
        let mut fields = HeaderMap::with_capacity(headers.len() + 2, headers.byte_len() + 64);
        fields.push(b"host", &authority);
        for (name, value) in headers.iter().filter(|(name, _)| name.first() != Some(&b':')) {
            push(&mut fields, name, value)?;
        }
        let mut last = HeaderMap::new();
        for (name, value) in trailers.iter() {
            push(&mut last, name, value)?;
        }
        let content = frame(&mut fields, &method, body, &last);
        Ok(Self { method, target, fields, content })
    }

    /// Request line and fields, and the empty line behind them.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let line = [&self.method, b" ".as_slice(), &self.target, b" HTTP/1.1\r\n"].concat();
        let mut head = line;
        write_fields(&mut head, &self.fields);
        head.extend_from_slice(b"\r\n");
        head
    }
}

/// Adds a field that goes on. `content-length` and `host` are written from the body and `:authority`.
fn push(fields: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), BadCall> {
    let (name, value) = (name.to_ascii_lowercase(), value.trim_ascii());
    if name == b"content-length" || name == b"host" || is_hop_by_hop(&name) {
        return Ok(());
    }
    if !is_token(&name) || !is_field_value(value) {
        return Err(BadCall::Field(name));
    }
    fields.push(&name, value);
    Ok(())
}

/// Adds the field that frames the body, and returns the body as it is sent (RFC 9112 §6).
fn frame(fields: &mut HeaderMap, method: &[u8], body: Vec<u8>, trailers: &HeaderMap) -> Vec<u8> {
    if !trailers.is_empty() {
        fields.push(b"transfer-encoding", b"chunked");
        let mut content = Vec::with_capacity(body.len() + 64);
        if !body.is_empty() {
            content.extend_from_slice(format!("{:x}\r\n", body.len()).as_bytes());
            content.extend_from_slice(&body);
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(b"0\r\n");
        write_fields(&mut content, trailers);
        content.extend_from_slice(b"\r\n");
        return content;
    }
    let bodiless = matches!(method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE");
    if !(bodiless && body.is_empty()) {
        fields.push(b"content-length", body.len().to_string().as_bytes());
    }
    body
}

fn write_fields(out: &mut Vec<u8>, fields: &HeaderMap) {
    for (name, value) in fields.iter() {
        for part in [name, b": ", value, b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Field<'a> = (&'a str, &'a str);

    fn map(fields: &[Field<'_>]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    fn call(
        changes: &[Field<'_>],
        body: &str,
        trailers: &[Field<'_>],
    ) -> Result<(String, String), String> {
        let mut headers =
            map(&[(":method", "GET"), (":path", "/v1?x"), (":authority", "auth.test")]);
        for (name, value) in changes {
            headers.remove(name.as_bytes());
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let request = CallRequest::new(&headers, body.as_bytes().to_vec(), &map(trailers))
            .map_err(|error| error.to_string())?;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ok((text(request.head()), text(request.content)))
    }

    #[test]
    fn a_body_is_framed_by_its_length_and_trailers_by_chunks() {
        let (head, content) = call(&[], "", &[]).unwrap();
        assert_eq!("GET /v1?x HTTP/1.1\r\nhost: auth.test\r\n\r\n", head);
        assert_eq!("", content);
        let (head, _) = call(&[(":method", "POST")], "", &[]).unwrap();
        assert!(head.ends_with("content-length: 0\r\n\r\n"), "{head}");
        let (head, content) = call(&[], "a body", &[("X-Sum", " 1 ")]).unwrap();
        assert!(head.ends_with("transfer-encoding: chunked\r\n\r\n"), "{head}");
        assert_eq!("6\r\na body\r\n0\r\nx-sum: 1\r\n\r\n", content);
    }

    #[test]
    fn fields_of_the_connection_and_of_the_framing_do_not_go_on() {
        let changes = [
            ("Host", "other.test"),
            ("Content-Length", "7"),
            ("Connection", "x-mine"),
            ("Transfer-Encoding", "gzip"),
            ("X-Api-Key", "k"),
        ];
        let (head, _) = call(&changes, "", &[]).unwrap();
        assert_eq!("GET /v1?x HTTP/1.1\r\nhost: auth.test\r\nx-api-key: k\r\n\r\n", head);
    }

    #[test]
    fn no_part_can_hold_a_second_request() {
        for (name, value, said) in [
            (":method", "GET / HTTP/1.1", "\"GET / HTTP/1.1\" is not a method of an HTTP call"),
            (":method", "CONNECT", "\"CONNECT\" is not a method of an HTTP call"),
            (":path", "/ HTTP/1.1\r\nx: y", "\"/ HTTP/1.1\\r\\nx: y\" is not a path"),
            (":authority", "a b", "\"a b\" is not an authority"),
            ("x y", "1", "\"x y\" is not a field name, or its value is not a field value"),
            ("x", "1\r\ny: 2", "\"x\" is not a field name, or its value is not a field value"),
        ] {
            assert_eq!(Err(said.to_owned()), call(&[(name, value)], "", &[]).map(|_| ()));
        }
    }
}
