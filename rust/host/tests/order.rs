//! Policies in order, responses in reverse, and heads that go on as they came.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ADD, HEADERS, LOG, callback, got, head, load, map, said};
use wasmgate_host::{Attributes, Body, Chain, Head, Plugin, Stream};

/// Logs a letter in each callback: q(uest), s(ponse), d(one), l(og), x (delete).
fn tells(name: &str) -> Plugin {
    let say = |letter: usize| {
        format!("(drop (call $log (i32.const 2) (i32.const {letter}) (i32.const 1)))")
    };
    let fields = [
        LOG.to_owned(),
        r#"(data (i32.const 0) "qsdlx")"#.to_owned(),
        callback("proxy_on_request_headers", HEADERS, &format!("{} (i32.const 0)", say(0))),
        callback("proxy_on_response_headers", HEADERS, &format!("{} (i32.const 0)", say(1))),
        callback("proxy_on_done", "(param i32) (result i32)", &format!("{} (i32.const 1)", say(2))),
        callback("proxy_on_log", "(param i32)", &say(3)),
        callback("proxy_on_delete", "(param i32)", &say(4)),
    ];
    load(name, &fields.each_ref().map(String::as_str))
}

#[test]
fn a_request_meets_policies_in_order_and_a_response_in_reverse() {
    let chain = Chain::new(vec![tells("a"), tells("b")]);
    let (mut stream, effects) = got(&chain);
    assert_eq!(said(&effects), ["a: q", "b: q"]);
    let effects = stream.on_response_headers(map(&[(":status", "200")]), true).unwrap();
    assert_eq!(said(&effects), ["b: s", "a: s"]);
}

#[test]
fn the_end_is_done_then_log_then_delete_of_each_policy() {
    let chain = Chain::new(vec![tells("a"), tells("b")]);
    let (mut stream, _) = got(&chain);
    let effects = stream.close().unwrap();
    assert_eq!(said(&effects), ["a: d", "a: l", "a: x", "b: d", "b: l", "b: x"]);
}

#[test]
fn a_second_close_says_nothing() {
    let chain = Chain::new(vec![tells("a")]);
    let (mut stream, _) = got(&chain);
    stream.close().unwrap();
    assert!(said(&stream.close().unwrap()).is_empty());
}

#[test]
fn a_stream_that_is_dropped_ends_with_the_next_step_of_its_thread() {
    let chain = Chain::new(vec![tells("a")]);
    drop(got(&chain));
    assert_eq!(said(&got(&chain).1), ["a: d", "a: l", "a: x", "a: q"]);
}

#[test]
fn without_policies_everything_goes_on_as_it_came() {
    let chain = Chain::new(Vec::new());
    let mut stream = Stream::open(&chain, Attributes::default());
    let effects = stream.on_request_headers(head(&[]), false).unwrap();
    assert_eq!((effects.request.head, effects.request.end), (Head::Unchanged, false));
    let effects = stream.on_request_body(b"ab", true).unwrap();
    assert_eq!((effects.request.body, effects.request.end), (Body::Same, true));
}

#[test]
fn a_head_that_was_read_is_unchanged() {
    let (_stream, effects) = got(&Chain::new(vec![tells("a")]));
    assert_eq!((effects.request.head, effects.request.end), (Head::Unchanged, true));
}

#[test]
fn a_head_that_was_written_is_changed() {
    let add = "(call $add (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 1))";
    let adds = load(
        "adds",
        &[ADD, r#"(data (i32.const 0) "xy")"#, &callback("proxy_on_request_headers", HEADERS, add)],
    );
    let (stream, effects) = got(&Chain::new(vec![adds]));
    assert_eq!(effects.request.head, Head::Changed);
    stream.with_request_headers(|headers| assert_eq!(headers.get(b"x"), Some(&b"y"[..])));
}

#[test]
fn stripped_headers_go_before_any_policy_and_count_as_a_change() {
    let strips = common::load_with(&common::host(), "strips", &[], |spec| {
        spec.strip_request_headers = vec!["X-Auth-User".into()];
    });
    let (stream, effects) =
        common::posted(&Chain::new(vec![strips]), &[("x-auth-user", "admin"), ("x-a", "1")]);
    assert_eq!(effects.request.head, Head::Changed);
    stream.with_request_headers(|headers| {
        assert_eq!((headers.get(b"x-auth-user"), headers.len()), (None, 5));
    });
}
