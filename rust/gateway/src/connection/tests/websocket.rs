//! WebSocket connections: the handshake, what passes behind it, and how they end.

use super::{Connection, GET, OK, Step, connection, talk};
use crate::exchange::Exchange;
use crate::exchange::failure::Failure;

const HANDSHAKE: &str = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n\
                         Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                         Sec-WebSocket-Protocol: chat, v2\r\nTE: trailers\r\n\r\n";
const SWITCHES: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
                        Sec-WebSocket-Protocol: v2\r\nContent-Length: 0\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\n\
                        upgrade: websocket\r\n\
                        sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
                        sec-websocket-protocol: v2\r\n\r\n";
const HELLO: &[u8] = b"\x81\x85\x01\x02\x03\x04hello";
const REPLY: &[u8] = b"\x81\x02ok";
const CLOSE: &[u8] = b"\x88\x02\x03\xe8";
const MASKED_CLOSE: &[u8] = b"\x88\x82\x01\x02\x03\x04\x02\xea";

/// What both sides saw in bytes, and how it ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Passed {
    client: Vec<u8>,
    upstream: Vec<u8>,
    closed: bool,
    parted: bool,
    abandoned: bool,
    faults: usize,
}

impl Passed {
    #[allow(clippy::needless_pass_by_value, reason = "a step is looked at once")]
    fn add(&mut self, step: Step, received: &[u8]) {
        self.client.extend(step.client.parts(received).concat());
        self.upstream.extend(step.upstream.parts(received).concat());
        self.closed |= step.close;
        self.parted |= step.part;
        self.abandoned |= step.abandon;
        self.faults += step.faults.len();
        assert!(!step.reset && (step.linger || !step.close));
    }

    fn client_sends(&mut self, connection: &mut Connection, bytes: &[u8]) {
        self.add(connection.receive(bytes), bytes);
    }

    fn upstream_sends(&mut self, connection: &mut Connection, bytes: &[u8]) {
        self.add(connection.receive_upstream(bytes), bytes);
    }

    fn ends(&self) -> (bool, bool, bool) {
        (self.closed, self.parted, self.abandoned)
    }
}

/// A connection after its handshake.
fn open() -> Connection {
    let mut connection = connection();
    connection.receive(HANDSHAKE.as_bytes());
    let step = connection.receive_upstream(SWITCHES.as_bytes());
    assert_eq!(step.client.parts(&[]).concat(), SWITCHED.as_bytes());
    assert!(connection.websocket().is_some());
    connection
}

/// The code of a close frame for a client, or of a masked one.
fn code(frame: &[u8]) -> u16 {
    assert_eq!(frame[0], 0x88);
    let (key, payload) = if frame[1] & 0x80 == 0 {
        ([0; 4], &frame[2..])
    } else {
        (frame[2..6].try_into().unwrap(), &frame[6..])
    };
    u16::from_be_bytes([payload[0] ^ key[0], payload[1] ^ key[1]])
}

#[test]
fn a_handshake_is_forwarded_as_one() {
    let seen = talk(HANDSHAKE, SWITCHES, usize::MAX);
    assert!(seen.upstream.starts_with("GET /ws HTTP/1.1\r\nhost: x\r\n"), "{}", seen.upstream);
    for field in [
        "connection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "sec-websocket-version: 13\r\n",
        "sec-websocket-protocol: chat, v2\r\n",
    ] {
        assert!(seen.upstream.contains(field), "{field}: {}", seen.upstream);
    }
    assert_eq!(seen.upstream.matches("connection").count(), 1, "{}", seen.upstream);
    assert!(!seen.upstream.contains("te: "), "{}", seen.upstream);
    assert_eq!(seen.client, SWITCHED);
    assert_eq!((seen.dials, seen.released, seen.abandoned, seen.closed), (1, 0, 0, false));
}

#[test]
fn any_cut_gives_the_same_bytes() {
    let sent = [HANDSHAKE.as_bytes(), HELLO, HELLO, MASKED_CLOSE].concat();
    let answer = [SWITCHES.as_bytes(), REPLY, REPLY, CLOSE].concat();
    for step in [1, 2, 3, 7, 50, usize::MAX] {
        let (mut connection, mut passed) = (connection(), Passed::default());
        for piece in sent.chunks(step) {
            passed.client_sends(&mut connection, piece);
        }
        for piece in answer.chunks(step) {
            passed.upstream_sends(&mut connection, piece);
        }
        let head = passed.upstream.len() - [HELLO, HELLO, MASKED_CLOSE].concat().len();
        assert!(passed.upstream[..head].ends_with(b"upgrade: websocket\r\n\r\n"), "{step}");
        assert_eq!(&passed.upstream[head..], [HELLO, HELLO, MASKED_CLOSE].concat(), "{step}");
        assert_eq!(passed.client, [SWITCHED.as_bytes(), REPLY, REPLY, CLOSE].concat(), "{step}");
        assert_eq!(passed.ends(), (true, true, false), "{step}");
        assert_eq!(passed.faults, 0);
    }
}

#[test]
fn what_looks_like_a_request_behind_a_handshake_is_none() {
    let sent = format!("{HANDSHAKE}{GET}");
    let (mut connection, mut passed) = (connection(), Passed::default());
    passed.client_sends(&mut connection, sent.as_bytes());
    assert!(passed.upstream.ends_with(b"upgrade: websocket\r\n\r\n"));
    passed
        .upstream_sends(&mut connection, b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    assert!(passed.client.starts_with(b"HTTP/1.1 403 Forbidden\r\n"));
    assert!(passed.client.ends_with(b"connection: close\r\n\r\nno"));
    assert_eq!(passed.ends(), (true, false, false));
    assert_eq!(passed.upstream.windows(5).filter(|its| its == b"GET /").count(), 1);
    passed.client_sends(&mut connection, GET.as_bytes());
    assert_eq!(passed.upstream.windows(5).filter(|its| its == b"GET /").count(), 1);
}

#[test]
fn only_what_answers_the_handshake_switches() {
    for (from, to) in [
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: keep-alive"),
        ("Sec-WebSocket-Accept: s3", "Sec-WebSocket-Accept: S3"),
        ("Sec-WebSocket-Accept", "X-Accept"),
        ("HTTP/1.1 101", "HTTP/1.0 101"),
        ("Content-Length: 0", "Content-Length: 0\r\nTransfer-Encoding: chunked"),
    ] {
        let seen = talk(HANDSHAKE, &SWITCHES.replace(from, to), usize::MAX);
        assert!(seen.client.starts_with("HTTP/1.1 502 "), "{from}: {}", seen.client);
        assert_eq!((seen.released, seen.abandoned, seen.closed), (0, 1, true), "{from}");
    }
    let seen = talk(GET, SWITCHES, usize::MAX);
    assert!(seen.client.starts_with("HTTP/1.1 502 "), "{}", seen.client);
}

#[test]
fn an_answer_that_does_not_switch_is_an_ordinary_one() {
    let seen = talk(HANDSHAKE, OK, usize::MAX);
    assert!(seen.client.ends_with("\r\n\r\nok"), "{}", seen.client);
    assert_eq!((seen.released, seen.abandoned, seen.closed), (1, 0, true));
}

#[test]
fn an_upstream_that_leaves_is_told() {
    for reset in [false, true] {
        let (mut connection, mut passed) = (open(), Passed::default());
        passed.upstream_sends(&mut connection, REPLY);
        let step = if reset {
            connection.fail(Failure::Protocol)
        } else {
            connection.receive_upstream_eof()
        };
        passed.add(step, &[]);
        assert_eq!(code(&passed.client[REPLY.len()..]), 1011);
        assert_eq!(passed.ends(), (true, false, false));
        assert_eq!((passed.upstream.as_slice(), passed.faults), (b"".as_slice(), 1));
    }
}

#[test]
fn within_a_frame_no_close_frame_is_added() {
    let (mut connection, mut passed) = (open(), Passed::default());
    passed.upstream_sends(&mut connection, &REPLY[..3]);
    passed.add(connection.receive_upstream_eof(), &[]);
    assert_eq!((passed.client.as_slice(), passed.ends()), (&REPLY[..3], (true, false, false)));
    let (mut connection, mut passed) = (open(), Passed::default());
    passed.client_sends(&mut connection, &HELLO[..8]);
    passed.add(connection.close(), &[]);
    assert_eq!((passed.upstream.as_slice(), passed.parted), (&HELLO[..8], true));
}

#[test]
fn a_client_that_leaves_is_told() {
    let (mut connection, mut passed) = (open(), Passed::default());
    passed.client_sends(&mut connection, &HELLO[..1]);
    passed.add(connection.close(), &[]);
    assert_eq!(code(&passed.upstream), 1001);
    assert!(passed.parted && !passed.abandoned);
    assert!(connection.exchange().is_none());
}

#[test]
fn a_close_frame_is_not_followed_by_another() {
    let (mut connection, mut passed) = (open(), Passed::default());
    passed.upstream_sends(&mut connection, CLOSE);
    assert!(!passed.closed, "the client's is to come");
    passed.add(connection.receive_upstream_eof(), &[]);
    assert_eq!((passed.client.as_slice(), passed.faults), (CLOSE, 0));
    let (mut connection, mut passed) = (open(), Passed::default());
    passed.client_sends(&mut connection, MASKED_CLOSE);
    passed.add(connection.close(), &[]);
    assert_eq!(passed.upstream, MASKED_CLOSE);
}

#[test]
fn both_ends_hear_that_the_gateway_ends_it() {
    for (idle, reason) in [(true, "idle for too long"), (false, "the gateway stops")] {
        let (mut connection, mut passed) = (open(), Passed::default());
        let step = if idle { connection.end_idle_websocket() } else { connection.end_websocket() };
        passed.add(step, &[]);
        assert_eq!((code(&passed.client), code(&passed.upstream)), (1001, 1001));
        assert!(passed.client.ends_with(reason.as_bytes()));
        assert_eq!(passed.ends(), (true, true, false));
    }
}

#[test]
fn a_message_that_is_too_large_ends_it() {
    let large = b"\x82\x7f\0\0\0\0\x01\0\0\x01";
    let (mut connection, mut passed) = (open(), Passed::default());
    passed.upstream_sends(&mut connection, large);
    assert_eq!((code(&passed.client), code(&passed.upstream)), (1009, 1009));
    assert_eq!(passed.ends(), (true, true, false));
    let masked = b"\x82\xff\0\0\0\0\x01\0\0\x01abcd";
    for step in [1, usize::MAX] {
        let (mut connection, mut passed) = (open(), Passed::default());
        for piece in masked.chunks(step) {
            passed.client_sends(&mut connection, piece);
        }
        assert_eq!((code(&passed.client), code(&passed.upstream)), (1009, 1009), "{step}");
    }
}

#[test]
fn the_access_is_logged_when_it_ends() {
    let mut connection = connection();
    connection.log_accesses();
    connection.receive(HANDSHAKE.as_bytes());
    assert_eq!(connection.receive_upstream(SWITCHES.as_bytes()).accesses, []);
    connection.receive(HELLO);
    connection.receive_upstream(REPLY);
    let accesses = connection.close().accesses;
    let said: Vec<_> = accesses.iter().map(|its| (its.status, its.frames)).collect();
    assert_eq!(said, [(101, Some((HELLO.len() as u64, REPLY.len() as u64)))]);
}

#[test]
fn the_time_of_the_route_ends_with_the_handshake() {
    let mut connection = connection();
    connection.receive(HANDSHAKE.as_bytes());
    let step = connection.receive_upstream(SWITCHES.as_bytes());
    assert!(step.timed);
    assert_eq!(connection.exchange().and_then(Exchange::timeout), None);
}
