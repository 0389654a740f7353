//! What becomes of a request's head, row by row.

use crate::exchange::request_head::*;
use crate::http::limits::RequestLimits;
use crate::http::networks::Networks;
use crate::http::peer::Peer;
use crate::http::problem::Problem;
use crate::http::version::Version;

type Fields<'a> = &'a [(&'a str, &'a str)];

const LINE: RequestLine<'static> = RequestLine {
    version: Version::Http11,
    secure: false,
    method: b"GET",
    target: b"/",
    peer: None,
    server: None,
    facts: None,
    connection: None,
};

fn read(line: RequestLine<'_>, fields: Fields<'_>) -> Result<RequestHead, Problem> {
    let (limits, proxies) = (RequestLimits::default(), Networks::default());
    let mut reader = RequestReader::new(line, limits, &proxies, false);
    for (name, value) in fields {
        reader.field(name.as_bytes(), value.as_bytes());
    }
    reader.finish(&proxies)
}

/// The fields that go on, without pseudo-fields and the words of the gateway itself.
fn kept(fields: Fields<'_>) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = [&[("Host", "api.example")], fields].concat();
    let own =
        |name: &str| name.starts_with([':']) || name.starts_with("x-forwarded") || name == "via";
    let head = read(LINE, &all).unwrap();
    let fields = head.map.iter().map(|(name, value)| (text(name), text(value)));
    fields.filter(|(name, _)| !own(name)).collect()
}

fn refused(line: RequestLine<'_>, fields: Fields<'_>) -> (u16, &'static str) {
    let problem = read(line, fields).unwrap_err();
    (problem.status, problem.detail)
}

fn owned(fields: Fields<'_>) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn hop_by_hop_fields_end_here() {
    let fields = [
        ("Connection", "close, X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
        ("Proxy-Authorization", "Basic eA=="),
        ("Proxy-Authenticate", "Basic"),
        ("TE", "gzip"),
        ("Trailer", "x-sum"),
        ("Transfer-Encoding", "chunked"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMA"),
        ("Expect", "100-continue"),
        ("Accept", "*/*"),
    ];
    assert_eq!(owned(&[("accept", "*/*")]), kept(&fields));
}

#[test]
fn repeated_fields_keep_their_order_and_number() {
    let fields =
        [("x-dup", "1"), ("x-other", ""), ("X-Dup", "2"), ("cookie", "a"), ("cookie", "b")];
    let expected =
        owned(&[("x-dup", "1"), ("x-other", ""), ("x-dup", "2"), ("cookie", "a"), ("cookie", "b")]);
    assert_eq!(expected, kept(&fields));
}

#[test]
fn names_with_underscores_are_dropped() {
    let fields = [("X_User", "admin"), ("Content_Length", "9"), ("x-user", "me")];
    assert_eq!(owned(&[("x-user", "me")]), kept(&fields));
}

#[test]
fn te_goes_on_for_trailers_only() {
    let expected = owned(&[("te", "trailers")]);
    assert_eq!(expected, kept(&[("te", "gzip;q=1, trailers"), ("connection", "te")]));
    assert_eq!(owned(&[]), kept(&[("te", "gzip")]));
}

#[test]
fn the_head_starts_with_method_scheme_authority_and_path() {
    let line = RequestLine { secure: true, target: b"http://shop.example:8443/a?b", ..LINE };
    let head = read(line, &[("Host", "api.example")]).unwrap();
    let first: Vec<_> = head.map.iter().take(4).collect();
    let expected: [(&[u8], &[u8]); 4] = [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"shop.example:8443"),
        (b":path", b"/a?b"),
    ];
    assert_eq!(expected.to_vec(), first);
    assert_eq!(None, head.map.get(b"host"));
    assert_eq!(Some(b"shop.example:8443".as_slice()), head.map.get(b"x-forwarded-host"));
}

#[test]
fn http_10_may_come_without_host() {
    let line = RequestLine { version: Version::Http10, ..LINE };
    assert_eq!(Some(b"".as_slice()), read(line, &[]).unwrap().map.get(b":authority"));
}

#[test]
fn there_may_be_one_authorization() {
    let two = [("host", "x"), ("authorization", "a"), ("Authorization", "a")];
    assert_eq!((400, "there is more than one Authorization field"), refused(LINE, &two));
}

#[test]
fn the_host_must_be_one_valid_authority() {
    assert_eq!((400, "there is no Host field"), refused(LINE, &[]));
    let two = [("Host", "a"), ("host", "a")];
    assert_eq!((400, "there is more than one Host field"), refused(LINE, &two));
    for host in ["", "a b", "a/b", "u@a", "a:b", "a,b"] {
        let expected = (400, "the host is not a valid host name, address or port");
        assert_eq!(expected, refused(LINE, &[("Host", host)]), "{host}");
    }
    let line = RequestLine { target: b"http://a/", ..LINE };
    assert_eq!((400, "there is no Host field"), refused(line, &[]));
}

#[test]
fn fields_that_could_become_other_fields_are_refused() {
    for name in ["", "a b", "a:", ":path", "a\r\nb", "a\0"] {
        let expected = (400, "a field name has a byte that no name may have");
        assert_eq!(expected, refused(LINE, &[(name, "x")]), "{name:?}");
    }
    for value in ["a\r\nx-user: admin", "a\rb", "a\nb", "a\0b"] {
        let expected = (400, "a field value has a control character");
        assert_eq!(expected, refused(LINE, &[("x", value)]), "{value:?}");
    }
}

#[test]
fn framing_that_readers_disagree_on_is_refused() {
    let host = ("host", "a");
    let both = [host, ("content-length", "5"), ("transfer-encoding", "chunked")];
    let expected = (400, "Content-Length and Transfer-Encoding came together");
    assert_eq!(expected, refused(LINE, &both));
    let old = RequestLine { version: Version::Http10, ..LINE };
    let expected = (400, "Transfer-Encoding does not belong to this version of HTTP");
    assert_eq!(expected, refused(old, &[host, ("transfer-encoding", "chunked")]));
}

#[test]
fn connection_may_not_name_what_matters_end_to_end() {
    for name in ["authorization", "Host", "content-length", "x-forwarded-for", "cookie"] {
        let fields = [("host", "a"), ("connection", name)];
        let expected = (400, "Connection names a field that is not about the connection");
        assert_eq!(expected, refused(LINE, &fields), "{name}");
    }
    let fields = [("host", "a"), ("connection", "x y")];
    assert_eq!((400, "Connection is not a list of field names"), refused(LINE, &fields));
}

#[test]
fn floods_are_refused() {
    let many = [("x", "y"); 129];
    let expected = (431, "the header fields are too many or too long");
    assert_eq!(expected, refused(LINE, &many));
    assert_eq!(expected, refused(LINE, &[("x", &"y".repeat(65 << 10))]));
    let target = format!("/{}", "a".repeat(16 << 10));
    let long = RequestLine { target: target.as_bytes(), ..LINE };
    assert_eq!((414, "the request target is too long"), refused(long, &[("host", "a")]));
}

#[test]
fn a_body_over_the_limit_is_refused_by_its_length() {
    let limits = RequestLimits { body: Some(9), ..RequestLimits::default() };
    let proxies = Networks::default();
    let status = |length: &[u8]| {
        let mut reader = RequestReader::new(LINE, limits, &proxies, false);
        reader.field(b"host", b"a");
        reader.field(b"content-length", length);
        reader.finish(&proxies).err().map(|problem| problem.status)
    };
    assert_eq!((None, Some(413)), (status(b"9"), status(b"10")));
}

#[test]
fn methods_are_tokens() {
    for method in ["", "GE T", "GET\r\n", "G(T"] {
        let line = RequestLine { method: method.as_bytes(), ..LINE };
        assert_eq!((400, "the method is not a token"), refused(line, &[("host", "a")]));
    }
}

#[test]
fn the_client_is_the_peer_unless_a_trusted_proxy_names_it() {
    let client = |proxies: &[&str]| {
        let peer = Peer::new("192.0.2.7", 5000);
        let proxies = Networks::parse(proxies).unwrap();
        let line = RequestLine { peer: Some(&peer), ..LINE };
        let mut reader = RequestReader::new(line, RequestLimits::default(), &proxies, false);
        reader.field(b"host", b"a");
        reader.field(b"x-forwarded-for", b"203.0.113.9");
        reader.finish(&proxies).unwrap().client.unwrap()
    };
    assert_eq!(("192.0.2.7".into(), 5000), client(&[]));
    assert_eq!(("203.0.113.9".into(), 0), client(&["192.0.2.0/24"]));
}
