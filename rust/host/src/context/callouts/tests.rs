//! The bounds and the ends of callouts.

use super::*;
use crate::types::headers::HeaderMap;

const MOST: usize = 1 << 20;

fn http(body: Vec<u8>) -> CalloutRequest {
    CalloutRequest::Http {
        upstream: "a".into(),
        headers: HeaderMap::new(),
        body,
        trailers: HeaderMap::new(),
        timeout: Duration::from_secs(1),
    }
}

fn requester(stream: Option<u32>, byte_limit: usize) -> Requester {
    Requester { plugin: 1, policy: "p".into(), root: 1, stream, byte_limit }
}

fn opened(calls: &mut Calls, stream: Option<u32>) -> Result<u32, CalloutError> {
    calls.open(&requester(stream, MOST), Kind::Single(AnswerCallback::HttpCall), http(Vec::new()))
}

#[test]
fn a_stream_has_so_many_and_no_more() {
    let mut calls = Calls::default();
    for _ in 0..STREAM {
        opened(&mut calls, Some(7)).unwrap();
    }
    assert_eq!(opened(&mut calls, Some(7)), Err(CalloutError::OfStream));
    opened(&mut calls, Some(8)).unwrap();
    opened(&mut calls, None).unwrap();
}

#[test]
fn an_instance_has_so_many_and_no_more() {
    let mut calls = Calls::default();
    for _ in 0..INSTANCE {
        opened(&mut calls, None).unwrap();
    }
    assert_eq!(opened(&mut calls, None), Err(CalloutError::OfInstance));
}

#[test]
fn the_bytes_of_one_callback_are_bounded() {
    let mut calls = Calls::default();
    let ask = |calls: &mut Calls, size: usize| {
        calls.open(
            &requester(None, 1024),
            Kind::Single(AnswerCallback::HttpCall),
            http(vec![0; size]),
        )
    };
    ask(&mut calls, 512).unwrap();
    assert_eq!(ask(&mut calls, 512), Err(CalloutError::Bytes));
    calls.take_pending();
    ask(&mut calls, 1000).unwrap();
    assert_eq!(ask(&mut calls, 0), Err(CalloutError::Bytes));
}

#[test]
fn what_was_not_handed_over_is_not_cancelled() {
    let mut calls = Calls::default();
    let number = opened(&mut calls, None).unwrap();
    calls.cancel(number);
    assert!(!calls.has_pending());
    assert_eq!(calls.open.len(), 0);
}

#[test]
fn the_end_of_a_stream_ends_its_callouts_alone() {
    let mut calls = Calls::default();
    let number = opened(&mut calls, Some(7)).unwrap();
    opened(&mut calls, Some(8)).unwrap();
    let handed = calls.take_pending().0;
    assert_eq!(
        calls.end_stream(7).as_slice(),
        [Ended { root: 1, number, kind: Kind::Single(AnswerCallback::HttpCall) }]
    );
    assert_eq!(calls.take_pending().1, [handed[0].1.id]);
    assert_eq!((calls.open.len(), calls.streams.len()), (1, 1));
    assert_eq!(calls.abandon(), [handed[1].1.id]);
    assert_eq!((calls.open.len(), calls.streams.len()), (0, 0));
}

#[test]
fn the_end_of_a_root_ends_what_it_waits_for() {
    let mut calls = Calls::default();
    opened(&mut calls, None).unwrap();
    let other = Requester { root: 2, ..requester(None, MOST) };
    calls.open(&other, Kind::Single(AnswerCallback::HttpCall), http(Vec::new())).unwrap();
    let handed = calls.take_pending().0;
    calls.end_root(1);
    assert_eq!(calls.take_pending().1, [handed[0].1.id]);
    assert_eq!(calls.open.len(), 1);
}

#[test]
fn a_login_is_of_one_root() {
    let (mut calls, second) = (Calls::default(), Duration::from_secs(1));
    calls.log_in(1, "a".into(), Login::default(), second).unwrap();
    assert!(calls.login(1, "a").is_some());
    assert!(calls.login(2, "a").is_none());
}

#[test]
fn an_instance_has_so_many_logins_and_no_more() {
    let (mut calls, second) = (Calls::default(), Duration::from_secs(1));
    let mut log_in = |server: String| calls.log_in(1, server, Login::default(), second);
    for number in 0..LOGINS {
        log_in(number.to_string()).unwrap();
    }
    assert_eq!(log_in("another".into()), Err(CalloutError::Logins));
    log_in("0".into()).unwrap();
}

#[test]
fn the_bytes_under_way_of_an_instance_are_bounded_and_an_answer_makes_room() {
    let mut calls = Calls::default();
    let mut numbers = Vec::new();
    let open = |calls: &mut Calls| {
        let opened = calls.open(
            &requester(None, MOST),
            Kind::Single(AnswerCallback::HttpCall),
            http(vec![0; MOST]),
        );
        calls.take_pending();
        opened
    };
    for _ in 0..UNDER_WAY {
        numbers.push(open(&mut calls).unwrap());
    }
    assert_eq!(open(&mut calls), Err(CalloutError::BytesOfInstance));
    calls.accept(numbers[0], CalloutAnswer::of_body(Vec::new())).unwrap();
    open(&mut calls).unwrap();
}

#[test]
fn numbers_in_use_are_skipped() {
    let mut calls = Calls::default();
    let first = opened(&mut calls, None).unwrap();
    calls.last = first.wrapping_sub(2);
    assert_eq!(opened(&mut calls, None), Ok(first + 1));
}
