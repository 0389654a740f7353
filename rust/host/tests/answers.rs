//! Pausing, going on, and answering instead of the upstream.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{
    CONTEXT, CONTINUE, HEADERS, LOG, RESPOND, callback, got, load, load_with, map, posted, said,
    status,
};
use wasmgate_host::{Body, Chain, Head, HeaderMap, LocalResponse, Plugin};

const DENY: &str = "(drop (call $respond (i32.const 403) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0) (i32.const -1)))";
const TEXT: &str = r#"(data (i32.const 0) "no")"#;

/// Answers 403, then returns `action`.
fn denies(action: i32) -> Plugin {
    let deny =
        callback("proxy_on_request_headers", HEADERS, &format!("{DENY} (i32.const {action})"));
    load("denies", &[RESPOND, TEXT, &deny])
}

/// Logs its name's letter when it sees a response.
fn sees(name: &str) -> Plugin {
    let see = callback(
        "proxy_on_response_headers",
        HEADERS,
        "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 2))) (i32.const 0)",
    );
    let look = callback("proxy_on_request_headers", HEADERS, "(i32.const 0)");
    load(name, &[LOG, TEXT, &look, &see])
}

#[test]
fn a_local_response_stops_the_chain_whatever_the_callback_returns() {
    for action in [0, 1] {
        let chain = Chain::new(vec![sees("a"), denies(action), sees("c")]);
        let (stream, effects) = got(&chain);
        assert_eq!(said(&effects), ["a: no"]);
        assert_eq!((effects.request.head, effects.response.head), (Head::Held, Head::Changed));
        assert_eq!(
            (status(&stream), effects.response.body),
            ("403".into(), Body::Bytes(b"no".to_vec()))
        );
        assert!(effects.response.end);
    }
}

#[test]
fn the_layer_above_answers_through_the_policies_that_saw_the_request() {
    let (mut stream, _) = got(&Chain::new(vec![sees("a"), sees("b")]));
    let response = LocalResponse {
        status: 502,
        headers: HeaderMap::new(),
        body: b"bad".to_vec(),
        ..LocalResponse::default()
    };
    let effects = stream.respond(response).unwrap();
    assert_eq!(said(&effects), ["b: no", "a: no"]);
    assert_eq!(
        (status(&stream), effects.response.body),
        ("502".into(), Body::Bytes(b"bad".to_vec()))
    );
}

#[test]
fn what_comes_after_a_local_response_goes_nowhere() {
    let (mut stream, _) = posted(&Chain::new(vec![denies(1)]), &[]);
    let effects = stream.on_request_body(b"ab", true).unwrap();
    assert_eq!((effects.request.body, effects.request.end), (Body::Nothing, false));
    let effects = stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!((effects.response.head, status(&stream)), (Head::Held, "403".into()));
}

#[test]
fn a_head_over_the_limits_is_431_and_no_policy_sees_it() {
    let bounded = load_with(&common::host(), "bounded", &[], |spec| spec.limits.headers = 5);
    let chain = Chain::new(vec![sees("a"), bounded]);
    let (stream, effects) = posted(&chain, &[("a", "1"), ("b", "1")]);
    assert_eq!((status(&stream), said(&effects)), ("431".into(), vec![]));
}

/// Pauses at the head; the response callback of any stream lets the stream with context 2 go on.
fn pauses() -> Plugin {
    let pause = callback("proxy_on_request_headers", HEADERS, "(i32.const 1)");
    let go_on = callback(
        "proxy_on_response_headers",
        HEADERS,
        "(drop (call $context (i32.const 2))) (drop (call $continue (i32.const 0))) (i32.const 0)",
    );
    load("pauses", &[CONTEXT, CONTINUE, &pause, &go_on])
}

#[test]
fn a_paused_head_goes_on_when_another_stream_says_so() {
    let chain = Chain::new(vec![pauses()]);
    let (mut waiting, effects) = got(&chain);
    assert_eq!(effects.request.head, Head::Held);
    let (mut other, _) = got(&chain);
    let effects = other.respond(LocalResponse { status: 200, ..LocalResponse::default() }).unwrap();
    assert_eq!(effects.wake, [waiting.id()]);
    let effects = waiting.resume().unwrap();
    assert_eq!((effects.request.head, effects.request.end), (Head::Unchanged, true));
}

#[test]
fn a_body_that_waited_behind_the_head_follows_it() {
    let chain = Chain::new(vec![pauses()]);
    let (mut waiting, _) = posted(&chain, &[]);
    assert_eq!(waiting.on_request_body(b"ab", false).unwrap().request.body, Body::Nothing);
    assert_eq!(waiting.on_request_body(b"cd", true).unwrap().request.body, Body::Nothing);
    let (mut other, _) = got(&chain);
    other.respond(LocalResponse { status: 200, ..LocalResponse::default() }).unwrap();
    let effects = waiting.resume().unwrap();
    assert_eq!(effects.request.head, Head::Unchanged);
    assert_eq!(effects.request.body, Body::Bytes(b"abcd".to_vec()));
    assert!(effects.request.end);
}

#[test]
fn to_go_on_before_the_pause_is_answered_is_no_pause() {
    let body = "(drop (call $continue (i32.const 0))) (i32.const 1)";
    let both = load("both", &[CONTINUE, &callback("proxy_on_request_headers", HEADERS, body)]);
    assert_eq!(got(&Chain::new(vec![both])).1.request.head, Head::Unchanged);
}

#[test]
fn the_same_plugin_twice_in_a_chain_sees_a_request_twice() {
    let plugin = sees("a");
    let (mut stream, _) = got(&Chain::new(vec![plugin.clone(), plugin]));
    let effects = stream.on_response_headers(map(&[(":status", "200")]), true).unwrap();
    assert_eq!(said(&effects), ["a: no", "a: no"]);
}
