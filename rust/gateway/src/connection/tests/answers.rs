//! Answers of the gateway itself, and what is added to those of others.

use super::{ANSWERS, GET, NOWHERE, OK, Seen, connection, talk};

#[test]
fn a_handshake_that_is_not_valid_is_refused_and_nothing_goes_on() {
    let option = "Connection: Upgrade";
    let asked = "Upgrade: websocket";
    let version = "Sec-WebSocket-Version: 13";
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    for (line, fields, status) in [
        ("GET /ws HTTP/1.1", vec![option, asked], 400),
        ("GET /ws HTTP/1.1", vec![asked, version, key], 400),
        ("GET /ws HTTP/1.1", vec![option, asked, version], 400),
        ("GET /ws HTTP/1.1", vec![option, asked, key], 400),
        ("GET /ws HTTP/1.1", vec![option, asked, key, "Sec-WebSocket-Version: 8"], 426),
        ("GET /ws HTTP/1.1", vec![option, asked, version, "Sec-WebSocket-Key: dGhl"], 400),
        ("GET /ws HTTP/1.1", vec![option, asked, version, key, key], 400),
        ("GET /ws HTTP/1.1", vec![option, asked, version, key, "Content-Length: 5"], 400),
        ("GET /ws HTTP/1.1", vec![option, asked, version, key, "Transfer-Encoding: chunked"], 400),
        ("POST /ws HTTP/1.1", vec![option, asked, version, key], 400),
        ("HEAD /ws HTTP/1.1", vec![option, asked, version, key], 400),
        ("GET /ws HTTP/1.0", vec![option, asked, version, key], 400),
        ("GET /ws HTTP/1.1", vec![option, "Upgrade: h2c"], 200),
    ] {
        let request = format!("{line}\r\nHost: x\r\n{}\r\n\r\n", fields.join("\r\n"));
        let seen = talk(&request, OK, usize::MAX);
        assert!(
            seen.client.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}{}",
            seen.client
        );
        assert_eq!((seen.dials, seen.closed), (usize::from(status == 200), status != 200));
        assert!(!seen.upstream.to_ascii_lowercase().contains("upgrade"), "{}", seen.upstream);
        let names_version = seen.client.contains("\r\nsec-websocket-version: 13\r\n");
        assert_eq!(names_version, status == 426, "{}", seen.client);
    }
}

#[test]
fn a_choked_client_is_not_answered_further() {
    let (mut connection, mut seen) = (connection(), Seen::default());
    connection.choke();
    seen.add(connection.receive(NOWHERE.as_bytes()));
    assert_eq!((seen.client.as_str(), connection.is_idle()), ("", false));
    seen.add(connection.proceed());
    assert!(seen.client.starts_with("HTTP/1.1 404 "), "{}", seen.client);
}

#[test]
fn answers_of_one_step_are_bounded() {
    let mut connection = connection();
    let many = NOWHERE.repeat(10_000);
    let (mut answered, mut step) = (0, connection.receive(many.as_bytes()));
    while step.unread {
        assert!(step.client.len() < 2 * ANSWERS, "{}", step.client.len());
        let bytes = step.client.parts(&[]).concat();
        answered += String::from_utf8_lossy(&bytes).matches("HTTP/1.1 404").count();
        step = connection.proceed();
    }
    let bytes = step.client.parts(&[]).concat();
    answered += String::from_utf8_lossy(&bytes).matches("HTTP/1.1 404").count();
    assert_eq!(answered, 10_000);
}

#[test]
fn a_refusal_that_leaves_something_unread_lingers() {
    for (request, linger) in [
        (NOWHERE.to_owned(), false),
        ("POST /b HTTP/1.1\r\nHost: y\r\nContent-Length: 5\r\n\r\n".to_owned(), true),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n".to_owned(), true),
        ("GET /../a HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), true),
        (format!("{}{GET}", NOWHERE.replace("Host", "Connection: close\r\nHost")), true),
    ] {
        let mut connection = connection();
        assert_eq!(connection.receive(request.as_bytes()).linger, linger, "{request}");
    }
}

#[test]
fn what_was_wrong_is_said_with_the_request_and_the_endpoint() {
    for (response, expected) in [
        (
            "SSH-2.0-x\r\n",
            r#"no valid response to GET /a: not a response of HTTP/1: "SSH-2.0-x\r\n""#,
        ),
        ("HTTP/1.1 200 OK\r\na b\r\n\r\n", r#"GET /a: the head is malformed: "a b\r\n""#),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2x\r\n\r\n",
            r#"GET /a: Content-Length is not one decimal number: "content-length: 2x""#,
        ),
        (
            "HTTP/1.1 101 Switching\r\n\r\n",
            "GET /a: the status 101 is not that of a final response",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            r#"to GET /a was cut: malformed chunks: "zz\r\n""#,
        ),
    ] {
        let mut connection = connection();
        connection.receive(GET.as_bytes());
        let faults = connection.receive_upstream(response.as_bytes()).faults;
        assert_eq!(faults.len(), 1, "{response:?}: {faults:?}");
        assert!(faults[0].contains("http://127.0.0.1:9001"), "{}", faults[0]);
        assert!(faults[0].ends_with(expected), "{}", faults[0]);
    }
}

#[test]
fn every_answer_has_one_date() {
    for (request, response) in [
        (GET, OK),
        (GET, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        (NOWHERE, ""),
        ("GET\r\n\r\n", ""),
    ] {
        let seen = talk(request, response, usize::MAX).client;
        assert_eq!(seen.matches("\r\ndate: ").count(), 1, "{seen}");
    }
}

#[test]
fn max_forwards_ends_here_or_counts_down() {
    let request = |method: &str, hops: &str| {
        let line = format!("{method} /a HTTP/1.1\r\nHost: x\r\nMax-Forwards: {hops}\r\n\r\n");
        talk(&line, OK, usize::MAX)
    };
    for method in ["OPTIONS", "TRACE"] {
        let seen = request(method, "0");
        assert!(seen.client.starts_with("HTTP/1.1 200 "), "{}", seen.client);
        assert_eq!((seen.dials, seen.closed), (0, false), "{method}");
        assert!(request(method, "2").upstream.contains("\r\nmax-forwards: 1\r\n"), "{method}");
        assert!(request(method, "x").upstream.contains("\r\nmax-forwards: x\r\n"), "{method}");
    }
    assert!(request("GET", "0").upstream.contains("\r\nmax-forwards: 0\r\n"));
}
