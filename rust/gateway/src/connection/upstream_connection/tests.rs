use super::*;
use crate::connection::upstream_connection::response::HEAD;

fn asked(method: &str, framing: BodyFraming) -> UpstreamConnection {
    UpstreamConnection::new(method.as_bytes(), framing)
}

fn sent(method: &str) -> UpstreamConnection {
    let mut connection = asked(method, BodyFraming::Empty);
    connection.write_bytes(&mut Output::default(), b"", true).unwrap();
    connection
}

/// What the bytes mean, in words, when they come in pieces of this size.
fn read(connection: &mut UpstreamConnection, bytes: &[u8], size: usize) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for piece in bytes.chunks(size) {
        let mut incoming = connection.receive(piece);
        loop {
            match connection.next(&mut incoming) {
                Event::More => break,
                Event::Interim(reader) => said.push(format!("interim {}", reader.status())),
                Event::Head(reader, ended) => {
                    said.push(format!("head {} {ended}", reader.status()));
                }
                Event::Data(range, _) => {
                    let text = String::from_utf8_lossy(incoming.data(range)).into_owned();
                    match said.last_mut() {
                        Some(last) if last.starts_with("body ") => last.push_str(&text),
                        _ => said.push(format!("body {text}")),
                    }
                }
                Event::End(trailers) => {
                    said.push(format!("end {}", trailers.map_or(0, |map| map.len())));
                }
                Event::Bad(reason) => said.push(format!("bad {reason}")),
            }
        }
    }
    said
}

#[test]
fn a_response_means_the_same_however_it_is_cut() {
    for (method, bytes, expected, reusable) in [
        (
            "GET",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            "head 200 false|body hello",
            true,
        ),
        ("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "head 200 true", true),
        ("GET", "HTTP/1.1 204 No\r\n\r\n", "head 204 true", true),
        (
            "GET",
            "HTTP/1.1 103 Early\r\nlink: </a>\r\n\r\nHTTP/1.1 304 No\r\n\r\n",
            "interim 103|head 304 true",
            true,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: y\r\n\r\n",
            "head 200 false|body abc|end 1",
            true,
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na",
            "head 200 false|body a",
            false,
        ),
        ("GET", "HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", "head 200 false|body a", false),
    ] {
        for size in 1..=bytes.len() {
            let mut connection = sent(method);
            assert_eq!(read(&mut connection, bytes.as_bytes(), size).join("|"), expected, "{size}");
            assert_eq!(
                (connection.is_open(), connection.is_reusable()),
                (false, reusable),
                "{bytes}"
            );
        }
    }
}

#[test]
fn bytes_behind_a_response_make_its_connection_useless() {
    for bytes in ["HTTP/1.1 204 No\r\n\r\nx", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nax"] {
        let mut connection = sent("GET");
        read(&mut connection, bytes.as_bytes(), bytes.len());
        assert!(!connection.is_open() && !connection.is_reusable(), "{bytes}");
    }
}

#[test]
fn a_request_that_is_not_sent_whole_ends_its_connection() {
    let mut connection = asked("POST", BodyFraming::Length(2));
    connection.write_bytes(&mut Output::default(), b"a", false).unwrap();
    read(&mut connection, b"HTTP/1.1 413 No\r\ncontent-length: 0\r\n\r\n", 99);
    assert!(!connection.is_open() && !connection.is_reusable());
}

#[test]
fn a_body_has_the_length_that_was_said() {
    for (length, parts, expected) in [
        (2, &["a", "b"][..], Ok(())),
        (2, &["abc"], Err(WrongLength)),
        (2, &["a"], Err(WrongLength)),
        (0, &["a"], Err(WrongLength)),
    ] {
        let mut connection = asked("POST", BodyFraming::Length(length));
        let mut out = Output::default();
        let last = parts.len() - 1;
        let written = parts.iter().enumerate().try_for_each(|(index, part)| {
            connection.write_bytes(&mut out, part.as_bytes(), index == last)
        });
        assert_eq!(written, expected, "{parts:?}");
        assert_eq!(out.len() == 2, expected.is_ok(), "{parts:?}");
    }
}

#[test]
fn what_can_be_repeated_is_sent_again_in_its_framing() {
    let mut connection = asked("PUT", BodyFraming::Chunked);
    connection.write_bytes(&mut Output::default(), b"abc", true).unwrap();
    assert!(connection.may_retry());
    assert_eq!(connection.retry().as_deref(), Some(&b"3\r\nabc\r\n0\r\n\r\n"[..]));
    assert!(!connection.may_retry(), "once");
}

#[test]
fn what_cannot_be_repeated_is_not_sent_again() {
    assert!(!asked("POST", BodyFraming::Empty).may_retry(), "not idempotent");
    let mut heard = sent("GET");
    drop(heard.receive(b"H"));
    assert!(!heard.may_retry(), "the upstream has said something");
    let mut long = asked("PUT", BodyFraming::Chunked);
    long.write_bytes(&mut Output::default(), &vec![b'x'; REPLAYED_BYTES + 1], false).unwrap();
    assert!(!long.may_retry(), "more than is kept");
}

#[test]
fn the_end_of_the_connection_is_that_of_one_body_only() {
    let mut until_close = sent("GET");
    read(&mut until_close, b"HTTP/1.1 200 OK\r\n\r\nabc", 99);
    assert!(matches!(until_close.end(), Event::End(None)));
    assert!(!until_close.is_reusable());
    for bytes in ["", "HTTP/1.1", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc"] {
        let mut cut = sent("GET");
        read(&mut cut, bytes.as_bytes(), 99);
        assert!(matches!(cut.end(), Event::Bad(_)), "{bytes}");
    }
}

#[test]
fn heads_are_bounded_in_sum() {
    let hint = format!("HTTP/1.1 103 Early\r\nlink: {}\r\n\r\n", "a".repeat(1 << 10));
    let hints = hint.repeat(HEAD / hint.len() + 2);
    let said = read(&mut sent("GET"), hints.as_bytes(), 4096);
    assert_eq!(said.last().map(String::as_str), Some("bad the head is too long"));
}
