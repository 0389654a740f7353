//! Requests that are sent once more.

use super::{CHUNKED, GET, Output, POST, connection};

#[test]
fn a_request_is_sent_again_once() {
    let mut connection = connection();
    connection.receive(GET.as_bytes());
    let again = connection.retry();
    assert!(again.dial.is_some() && !again.upstream.is_empty() && !connection.may_retry());
}

#[test]
fn what_is_sent_again_is_what_was_sent() {
    let text = |output: &Output| String::from_utf8_lossy(&output.parts(&[]).concat()).into_owned();
    for request in [POST, CHUNKED].map(|request| request.replace("POST", "PUT")) {
        for step in [1, 60, usize::MAX] {
            let (mut connection, mut sent) = (connection(), String::new());
            for piece in request.as_bytes().chunks(step.min(request.len())) {
                let step = connection.receive(piece);
                sent.push_str(&String::from_utf8_lossy(&step.upstream.parts(piece).concat()));
            }
            assert!(connection.may_retry(), "{step}");
            assert_eq!(text(&connection.retry().upstream), sent, "{step}");
        }
    }
}

#[test]
fn what_is_sent_again_is_bounded_and_idempotent() {
    for (method, length, expected) in [
        ("PUT", 60_000, true),
        ("DELETE", 60_000, true),
        ("PUT", 70_000, false),
        ("POST", 1, false),
    ] {
        let mut connection = connection();
        let head = format!("{method} / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        connection.receive(head.as_bytes());
        connection.receive(&vec![b'x'; length]);
        assert_eq!(connection.may_retry(), expected, "{method} {length}");
    }
}

#[test]
fn a_request_whose_answer_has_begun_is_not_sent_again() {
    let mut connection = connection();
    connection.receive(GET.as_bytes());
    connection.receive_upstream(b"H");
    assert!(!connection.may_retry());
}
