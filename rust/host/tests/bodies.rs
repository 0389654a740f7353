//! Bodies: passed on, held back, joined, rewritten, and too long.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{BODY, HEADERS, LOG, SET_BODY, callback, load, load_with, map, posted, said, status};
use wasmgate_host::{Body, Chain, Head, Plugin, Stream};

const UNTIL_END: &str = "(i32.eqz (local.get $end))";
/// Logs as many stars as the body has bytes.
const STARS: &str = r#"(data (i32.const 0) "********************************")"#;
const COUNT: &str = "(drop (call $log (i32.const 2) (i32.const 0) (local.get $size)))";

/// Holds both bodies back to their end, and counts them in each callback.
fn holds(name: &str) -> Plugin {
    let hold = format!("{COUNT} {UNTIL_END}");
    load(
        name,
        &[
            LOG,
            STARS,
            &callback("proxy_on_request_body", BODY, &hold),
            &callback("proxy_on_response_body", BODY, &hold),
        ],
    )
}

fn respond(stream: &mut Stream) {
    let effects = stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(effects.response.head, Head::Unchanged);
}

#[test]
fn a_chunk_that_nobody_touches_is_the_same() {
    let looks = load("looks", &[&callback("proxy_on_request_body", BODY, "(i32.const 0)")]);
    let (mut stream, _) = posted(&Chain::new(vec![looks]), &[]);
    let effects = stream.on_request_body(b"ab", false).unwrap();
    assert_eq!((effects.request.body, effects.request.end), (Body::Same, false));
}

#[test]
fn what_is_held_is_counted_as_a_whole_and_goes_on_at_once() {
    let (mut stream, _) = posted(&Chain::new(vec![holds("a")]), &[]);
    let effects = stream.on_request_body(b"ab", false).unwrap();
    assert_eq!((said(&effects), effects.request.body), (vec!["a: **".into()], Body::Nothing));
    let effects = stream.on_request_body(b"cd", true).unwrap();
    assert_eq!(said(&effects), ["a: ****"]);
    assert_eq!(effects.request.body, Body::Bytes(b"abcd".to_vec()));
    assert!(effects.request.end);
}

#[test]
fn a_policy_behind_one_that_holds_sees_it_once() {
    let (mut stream, _) = posted(&Chain::new(vec![holds("a"), holds("b")]), &[]);
    stream.on_request_body(b"ab", false).unwrap();
    let effects = stream.on_request_body(b"cd", true).unwrap();
    assert_eq!(said(&effects), ["a: ****", "b: ****"]);
}

#[test]
fn trailers_complete_a_body_that_is_held() {
    let trailers =
        callback("proxy_on_response_trailers", "(param i32 i32) (result i32)", "(i32.const 0)");
    let hold = callback("proxy_on_response_body", BODY, UNTIL_END);
    let (mut stream, _) = posted(&Chain::new(vec![load("a", &[&hold, &trailers])]), &[]);
    respond(&mut stream);
    assert_eq!(stream.on_response_body(b"ab", false).unwrap().response.body, Body::Nothing);
    let effects = stream.on_response_trailers(map(&[("x-sum", "1")])).unwrap();
    assert_eq!(effects.response.body, Body::Bytes(b"ab".to_vec()));
    assert_eq!(effects.response.trailers.unwrap().get(b"x-sum"), Some(&b"1"[..]));
    assert!(effects.response.end);
}

#[test]
fn trailers_pass_a_policy_without_a_callback_for_them() {
    let (mut stream, _) = posted(&Chain::new(vec![holds("a")]), &[]);
    respond(&mut stream);
    stream.on_response_body(b"ab", false).unwrap();
    let effects = stream.on_response_trailers(map(&[("x-sum", "1")])).unwrap();
    assert_eq!(effects.response.body, Body::Bytes(b"ab".to_vec()));
    assert!(effects.response.trailers.is_some());
}

#[test]
fn request_trailers_pass_the_chain() {
    let trailers =
        callback("proxy_on_request_trailers", "(param i32 i32) (result i32)", "(i32.const 0)");
    let (mut stream, _) = posted(&Chain::new(vec![load("a", &[&trailers])]), &[]);
    let effects = stream.on_request_trailers(map(&[("x-sum", "1")])).unwrap();
    assert_eq!(effects.request.trailers.unwrap().len(), 1);
}

#[test]
fn a_policy_rewrites_a_body() {
    let set =
        "(call $set_body (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0) (i32.const 3))";
    let sets = load(
        "sets",
        &[SET_BODY, r#"(data (i32.const 0) "new")"#, &callback("proxy_on_request_body", BODY, set)],
    );
    let (mut stream, _) = posted(&Chain::new(vec![sets]), &[]);
    let effects = stream.on_request_body(b"old one", true).unwrap();
    assert_eq!(effects.request.body, Body::Bytes(b"new".to_vec()));
}

fn bounded(fields: &[&str]) -> Plugin {
    load_with(&common::host(), "bounded", fields, |spec| spec.limits.body = 3)
}

#[test]
fn a_held_request_over_the_limit_is_413() {
    let hold = callback("proxy_on_request_body", BODY, "(i32.const 1)");
    let (mut stream, _) = posted(&Chain::new(vec![bounded(&[&hold])]), &[]);
    assert_eq!(stream.on_request_body(b"abc", false).unwrap().response.head, Head::Held);
    stream.on_request_body(b"d", false).unwrap();
    assert_eq!(status(&stream), "413");
}

#[test]
fn a_held_response_over_the_limit_is_cut_when_its_head_has_gone() {
    let hold = callback("proxy_on_response_body", BODY, "(i32.const 1)");
    let (mut stream, _) = posted(&Chain::new(vec![bounded(&[&hold])]), &[]);
    respond(&mut stream);
    assert!(stream.on_response_body(b"abcd", false).unwrap().reset);
}

#[test]
fn a_held_body_may_be_as_long_as_the_limit() {
    let hold = callback("proxy_on_request_body", BODY, UNTIL_END);
    let (mut stream, _) = posted(&Chain::new(vec![bounded(&[&hold])]), &[]);
    stream.on_request_body(b"ab", false).unwrap();
    let effects = stream.on_request_body(b"c", true).unwrap();
    assert_eq!(effects.request.body, Body::Bytes(b"abc".to_vec()));
}

#[test]
fn a_body_behind_a_head_that_is_held_and_buffered_counts_too() {
    let hold = callback("proxy_on_request_headers", HEADERS, "(i32.const 3)");
    let (mut stream, effects) = posted(&Chain::new(vec![bounded(&[&hold])]), &[]);
    assert_eq!(effects.request.head, Head::Held);
    stream.on_request_body(b"abcd", true).unwrap();
    assert_eq!(status(&stream), "413");
}

#[test]
fn a_response_held_with_its_head_over_the_limit_is_500() {
    let hold = callback("proxy_on_response_headers", HEADERS, "(i32.const 3)");
    let (mut stream, _) = posted(&Chain::new(vec![bounded(&[&hold])]), &[]);
    stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    let effects = stream.on_response_body(b"abcd", false).unwrap();
    assert_eq!((effects.response.head, effects.reset), (Head::Changed, false));
    assert_eq!(status(&stream), "500");
}
