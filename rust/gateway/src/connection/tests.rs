//! Connections from end to end: bytes of both sides in, bytes of both sides out.

mod again;
mod answers;
mod any_cut;
mod websocket;

use std::sync::Arc;

use wasmgate_host::Chain;

use super::{ANSWERS, Connection, Ends, Output, Step, Waited};
use crate::cluster::ClusterSpec;
use crate::exchange::failure::Failure;
use crate::routing::action::ActionSpec;
use crate::routing::path_pattern::PathMatch;
use crate::routing::route::RouteSpec;
use crate::routing::router::Router;
use crate::routing::router::RouterSpec;

fn router() -> Arc<Router> {
    let cluster = ClusterSpec {
        name: "c".into(),
        endpoints: vec![("http://127.0.0.1:9001".into(), 1)],
        lb_policy: "round_robin".into(),
        panic_threshold: 0,
    };
    let forward = ActionSpec::Forward(vec![("c".into(), 1)]);
    let path = PathMatch::Prefix("/".into());
    let route = RouteSpec::new("r", path, Chain::new(Vec::new()), forward);
    let route = RouteSpec { hosts: vec!["x".into()], ..route };
    let spec = RouterSpec { clusters: vec![cluster], routes: vec![route], ..RouterSpec::default() };
    Arc::new(Router::new(spec).unwrap())
}

fn connection() -> Connection {
    Connection::new(router(), Ends { peer: None, server: None, secure: false, facts: None })
}

/// What both sides saw, and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    client: String,
    upstream: String,
    dials: usize,
    released: usize,
    abandoned: usize,
    closed: bool,
    reset: bool,
}

impl Seen {
    #[allow(clippy::needless_pass_by_value, reason = "a step is looked at once")]
    fn add(&mut self, step: Step) {
        let text =
            |output: &Output| String::from_utf8_lossy(&output.parts(&[]).concat()).into_owned();
        self.client.push_str(&text(&step.client));
        self.upstream.push_str(&text(&step.upstream));
        self.dials += usize::from(step.dial.is_some());
        self.released += usize::from(step.release);
        self.abandoned += usize::from(step.abandon);
        self.closed |= step.close;
        self.reset |= step.reset;
    }
}

/// Sends `request` in pieces of `step` bytes, and answers each dial with `response`, in such pieces
/// too.
fn talk(request: &str, response: &str, step: usize) -> Seen {
    let (mut connection, mut seen) = (connection(), Seen::default());
    let mut dials = 0;
    for piece in request.as_bytes().chunks(step.max(1)) {
        seen.add(connection.receive(piece));
    }
    while dials < seen.dials {
        dials += 1;
        for piece in response.as_bytes().chunks(step.max(1)) {
            seen.add(connection.receive_upstream(piece));
        }
    }
    seen
}

const GET: &str = "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n";
const NOWHERE: &str = "GET /a HTTP/1.1\r\nHost: y\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str =
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const OK: &str =
    "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\nX-Dup: 1\r\nx-dup: 2\r\n\r\nok";
const OK_OUT: &str =
    "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 2\r\nx-dup: 1\r\nx-dup: 2\r\n\r\nok";

#[test]
fn a_request_is_forwarded_and_its_response_returned() {
    let seen = talk(GET, OK, usize::MAX);
    assert!(seen.upstream.starts_with("GET /a?b HTTP/1.1\r\nhost: x\r\n"), "{}", seen.upstream);
    assert_eq!(seen.client, OK_OUT);
    assert_eq!((seen.dials, seen.released, seen.abandoned, seen.closed), (1, 1, 0, false));
}

#[test]
fn any_split_gives_the_same_result() {
    for request in [GET, POST] {
        let whole = talk(request, OK, usize::MAX);
        for step in 1..request.len().max(OK.len()) {
            assert_eq!(talk(request, OK, step), whole, "{step}");
        }
    }
    for (request, response) in [
        (CHUNKED, OK),
        (GET, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ] {
        // Chunks are cut where the input was cut: compare without their sizes.
        for step in 1..request.len() {
            let seen = talk(request, response, step);
            assert_eq!((seen.dials, seen.released, seen.closed), (1, 1, false), "{step}");
            assert!(seen.client.contains("200 OK") && !seen.reset, "{step}");
        }
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let seen = talk(&format!("{GET}{POST}{GET}"), OK, usize::MAX);
    assert_eq!(seen.client, OK_OUT.repeat(3));
    assert_eq!((seen.dials, seen.released), (3, 3));
}

#[test]
fn interim_responses_pass_but_100_and_not_to_http_1_0() {
    let early = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    let response = format!(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hi\r\nLink: x\r\nConnection: close\r\n\r\n\
         HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n{OK}"
    );
    for step in [1, 7, usize::MAX] {
        let seen = talk(GET, &response, step);
        assert_eq!(seen.client, format!("{early}HTTP/1.1 102 Processing\r\n\r\n{OK_OUT}"));
        assert_eq!((seen.released, seen.closed), (1, false), "{step}");
        let old = talk("GET / HTTP/1.0\r\nHost: x\r\n\r\n", &response, step);
        assert!(old.client.starts_with("HTTP/1.1 200 OK\r\n"), "{}", old.client);
    }
}

#[test]
fn a_client_that_expects_100_gets_it_when_the_head_went_on() {
    let request = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    let seen = talk(request, "", usize::MAX);
    assert_eq!(seen.client, "HTTP/1.1 100 Continue\r\n\r\n");
    assert!(!seen.upstream.contains("expect"), "{}", seen.upstream);
}

#[test]
fn head_and_204_and_304_have_no_body() {
    let head = talk("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", &OK[..OK.len() - 2], usize::MAX);
    assert!(head.client.ends_with("x-dup: 2\r\n\r\n"), "{}", head.client);
    assert!(head.client.contains("content-length: 2"), "{}", head.client);
    for (status, length) in [
        ("204 No Content", ""),
        ("304 Not Modified", ""),
        ("304 Not Modified", "content-length: 5\r\n"),
    ] {
        let response = format!("HTTP/1.1 {status}\r\n{length}date: y\r\n\r\n");
        let seen = talk(GET, &response, usize::MAX);
        assert_eq!(seen.client, format!("HTTP/1.1 {status}\r\ndate: y\r\n\r\n"));
        assert_eq!((seen.released, seen.closed), (1, false));
    }
}

#[test]
fn ambiguous_framing_is_refused_and_nothing_goes_on() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: -1",
        "Content-Length: 0x5",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "X: a\r\n folded",
        "X: a\rb",
        "Host: y",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\nhello{GET}");
        let seen = talk(&request, OK, usize::MAX);
        assert!(seen.client.starts_with("HTTP/1.1 400 "), "{fields}: {}", seen.client);
        assert_eq!((seen.dials, seen.closed, seen.upstream.as_str()), (0, true, ""), "{fields}");
        assert_eq!(seen.client.matches("HTTP/1.1 400 ").count(), 1, "{fields}");
    }
}

#[test]
fn targets_that_are_no_path_are_refused() {
    for (line, status) in [
        ("CONNECT x:80 HTTP/1.1", 400),
        ("GET x:80 HTTP/1.1", 400),
        ("GET /../a HTTP/1.1", 400),
        ("GET http://x/a HTTP/1.1", 200),
        ("GET //127.0.0.1:9/x HTTP/1.1", 200),
    ] {
        let seen = talk(&format!("{line}\r\nHost: x\r\n\r\n"), OK, usize::MAX);
        assert!(seen.client.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {}", seen.client);
    }
}

#[test]
fn a_bad_chunk_ends_the_connection_and_drops_the_upstream() {
    let request =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n";
    // In one piece the body is known to be bad before an upstream is dialled.
    for (step, dials) in [(usize::MAX, 0), (1, 1)] {
        let seen = talk(request, "", step);
        assert!(seen.client.starts_with("HTTP/1.1 400 "), "{}", seen.client);
        assert_eq!((seen.dials, seen.abandoned, seen.released), (dials, dials, 0), "{step}");
        assert!(seen.closed, "{step}");
    }
}

#[test]
fn close_and_http_1_0_end_the_connection() {
    let close = talk("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", OK, usize::MAX);
    assert!(close.closed && close.client.contains("connection: close\r\n"), "{}", close.client);
    let old = talk("GET / HTTP/1.0\r\nHost: x\r\n\r\n", OK, usize::MAX);
    assert!(old.closed, "{}", old.client);
    let kept = talk("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", OK, usize::MAX);
    assert!(!kept.closed && kept.client.contains("connection: keep-alive"), "{}", kept.client);
    let both = "GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n";
    assert!(talk(both, OK, usize::MAX).closed, "RFC 9112 §9.3: close has precedence");
}

#[test]
fn a_body_until_close_is_chunked_for_the_client() {
    let (mut connection, mut seen) = (connection(), Seen::default());
    seen.add(connection.receive(GET.as_bytes()));
    seen.add(connection.receive_upstream(b"HTTP/1.0 200 OK\r\ndate: y\r\n\r\nhello"));
    seen.add(connection.receive_upstream_eof());
    let expected = "HTTP/1.1 200 OK\r\ndate: y\r\ntransfer-encoding: chunked\r\n\r\n\
                    5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(seen.client, expected);
    assert_eq!((seen.released, seen.abandoned, seen.closed), (0, 1, false));
}

#[test]
fn a_truncated_response_cuts_the_connection() {
    let (mut connection, mut seen) = (connection(), Seen::default());
    seen.add(connection.receive(GET.as_bytes()));
    seen.add(connection.receive_upstream(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"));
    seen.add(connection.receive_upstream_eof());
    // Its framing says that it is not whole: what came of it is sent.
    assert_eq!((seen.reset, seen.closed, seen.released, seen.abandoned), (false, true, 0, 1));

    let (mut connection, mut seen) = (self::connection(), Seen::default());
    seen.add(connection.receive(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"));
    seen.add(
        connection.receive_upstream(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"),
    );
    seen.add(connection.receive_upstream_eof());
    assert_eq!((seen.reset, seen.closed), (true, true));
}

#[test]
fn an_upstream_that_fails_is_answered() {
    for (failure, status) in [(Failure::Connect, 502), (Failure::Timeout, 504)] {
        let (mut connection, mut seen) = (connection(), Seen::default());
        seen.add(connection.receive(GET.as_bytes()));
        assert!(connection.may_retry());
        seen.add(connection.fail(failure));
        assert!(seen.client.starts_with(&format!("HTTP/1.1 {status} ")), "{}", seen.client);
        assert_eq!((seen.abandoned, seen.closed), (1, false));
        assert!(connection.is_idle());
    }
}

#[test]
fn broken_responses_are_502() {
    for response in [
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\nx: y\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    ] {
        let seen = talk(GET, response, usize::MAX);
        assert!(seen.client.starts_with("HTTP/1.1 502 "), "{response:?}: {}", seen.client);
        assert_eq!(seen.released, 0, "{response:?}");
    }
}

#[test]
fn what_comes_behind_a_response_is_not_used() {
    let seen = talk(GET, &format!("{OK}HTTP/1.1 200 OK\r\n"), usize::MAX);
    assert_eq!((seen.client.as_str(), seen.released, seen.abandoned), (OK_OUT, 0, 1));
}

#[test]
fn an_early_answer_ends_the_connection() {
    let (mut connection, mut seen) = (connection(), Seen::default());
    seen.add(connection.receive(&POST.as_bytes()[..POST.len() - 2]));
    seen.add(connection.receive_upstream(OK.as_bytes()));
    assert!(seen.client.contains("connection: close"), "{}", seen.client);
    assert_eq!((seen.released, seen.abandoned, seen.closed), (0, 1, true));
}

#[test]
fn who_is_waited_for() {
    let mut connection = connection();
    connection.receive(&POST.as_bytes()[..POST.len() - 2]);
    assert_eq!(connection.waits_for(), Waited::Client);
    connection.receive(b"lo");
    assert_eq!(connection.waits_for(), Waited::Upstream);
}

#[test]
fn a_late_client_is_answered_408() {
    for sent in [1, GET.len() - 3] {
        let (mut connection, mut seen) = (connection(), Seen::default());
        connection.receive(&GET.as_bytes()[..sent]);
        seen.add(connection.late());
        assert!(seen.client.starts_with("HTTP/1.1 408 "), "{}", seen.client);
        assert!(seen.closed);
    }
    let (mut connection, mut seen) = (connection(), Seen::default());
    connection.receive(&POST.as_bytes()[..POST.len() - 2]);
    seen.add(connection.late());
    assert!(seen.client.starts_with("HTTP/1.1 408 "), "{}", seen.client);
    assert_eq!((seen.closed, seen.abandoned), (true, 1));
}

#[test]
fn interim_responses_are_bounded() {
    let (mut connection, mut seen) = (connection(), Seen::default());
    connection.receive(GET.as_bytes());
    for _ in 0..10_000 {
        seen.add(connection.receive_upstream(b"HTTP/1.1 100 Continue\r\n\r\n"));
    }
    assert!(seen.client.starts_with("HTTP/1.1 502 "), "{}", seen.client);
}

#[test]
fn accesses_are_known_on_demand() {
    let mut connection = connection();
    connection.log_accesses();
    connection.receive(GET.as_bytes());
    let accesses = connection.receive_upstream(OK.as_bytes()).accesses;
    let said: Vec<_> =
        accesses.iter().map(|a| (&*a.method, &*a.target, a.version, a.status)).collect();
    assert_eq!(said, [("GET", "/a?b", "1.1", 200)]);
}

#[test]
fn an_upstream_that_is_wanted_no_more_is_not_dialled() {
    let bad = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n";
    let seen = talk(bad, "", usize::MAX);
    assert_eq!((seen.dials, seen.abandoned, seen.upstream.as_str()), (0, 0, ""));
    assert!(seen.client.starts_with("HTTP/1.1 400 "), "{}", seen.client);
}

#[test]
fn trailers_go_on_in_both_directions() {
    let request = "POST / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nConnection: te\r\n\
                   Transfer-Encoding: chunked\r\n\r\n\
                   5\r\nhello\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                    2\r\nok\r\n0\r\nX-Sum: 2\r\nSet-Cookie: a=b\r\n\r\n";
    for step in [usize::MAX, 1] {
        let seen = talk(request, response, step);
        assert!(seen.upstream.ends_with("0\r\nx-sum: 1\r\n\r\n"), "{}", seen.upstream);
        assert!(seen.upstream.contains("te: trailers\r\n"), "{}", seen.upstream);
        assert!(seen.client.ends_with("0\r\nx-sum: 2\r\n\r\n"), "{}", seen.client);
        assert_eq!((seen.released, seen.reset), (1, false));
    }
}
