//! Responses: what reaches the client, and what becomes of failures.

use wasmgate_host::{Body, Head};

use super::*;
use crate::exchange::failure::Failure;

#[test]
fn failures_of_the_upstream_are_answered() {
    let router = router(&[]);
    for (failure, status) in
        [(Failure::Connect, 502), (Failure::Protocol, 502), (Failure::Timeout, 504)]
    {
        let (mut exchange, _) = get(&router, "/echo/");
        let effects = exchange.failed(failure).unwrap();
        assert_eq!(format!(":status: {status}"), status_of(&exchange, &effects));
        assert!(!exchange.failed(failure).unwrap().response.end);
    }
}

#[test]
fn a_failure_in_the_middle_of_a_response_cuts_the_connection() {
    let (mut exchange, _) = get(&router(&[]), "/echo/");
    respond(&mut exchange, 200, &[("content-length", "9")], false);
    assert!(!exchange.on_response_body(b"hell", false).unwrap().reset);
    assert!(exchange.failed(Failure::Protocol).unwrap().reset);
}

#[test]
fn a_response_passes_with_its_repeats_and_without_its_connection() {
    let (mut exchange, _) = get(&router(&[]), "/echo/");
    let fields = [
        ("Set-Cookie", "a"),
        ("Set-Cookie", "b"),
        ("Connection", "X-Hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
    ];
    let effects = respond(&mut exchange, 200, &fields, false);
    assert_eq!(Head::Changed, effects.response.head);
    assert_eq!(":status: 200, set-cookie: a, set-cookie: b", answer_of(&exchange).join(", "));
}

#[test]
fn a_response_with_nothing_to_change_is_unchanged() {
    let (mut exchange, _) = get(&router(&[]), "/echo/");
    let effects = respond(&mut exchange, 200, &[("content-length", "5")], false);
    assert_eq!(Head::Unchanged, effects.response.head);
    let effects = exchange.on_response_body(b"hello", true).unwrap();
    assert_eq!(
        (Body::Same, true, false),
        (effects.response.body, effects.response.end, effects.reset)
    );
}

#[test]
fn a_broken_response_is_answered_502() {
    for (status, fields) in [
        (200, [("content-length", "5"), ("transfer-encoding", "chunked")]),
        (200, [("x", "a\r\nset-cookie: b"), ("y", "")]),
        (101, [("upgrade", "websocket"), ("connection", "upgrade")]),
    ] {
        let (mut exchange, _) = get(&router(&[]), "/echo/");
        let effects = respond(&mut exchange, status, &fields, false);
        assert_eq!(":status: 502", status_of(&exchange, &effects));
        assert_eq!(Body::Nothing, exchange.on_response_body(b"x", true).unwrap().response.body);
    }
}

#[test]
fn interim_responses_go_no_further() {
    let (mut exchange, _) = get(&router(&[]), "/echo/");
    for status in [100, 103] {
        assert_eq!(Head::Held, respond(&mut exchange, status, &[], false).response.head);
    }
    assert_eq!(Head::Unchanged, respond(&mut exchange, 200, &[], false).response.head);
}

#[test]
fn a_response_to_head_keeps_its_length_and_has_no_body() {
    let router = router(&[]);
    let (mut exchange, _) = open(&router, "HEAD", "/echo/", &[]);
    let effects = respond(&mut exchange, 200, &[("content-length", "1234")], true);
    assert_eq!((Head::Unchanged, false), (effects.response.head, effects.reset));
    assert_eq!(":status: 200, content-length: 1234", answer_of(&exchange).join(", "));
    let (exchange, effects) = open(&router, "HEAD", "/nowhere", &[]);
    assert_eq!((Body::Nothing, true), (effects.response.body, effects.response.end));
    assert!(answer_of(&exchange)[2].starts_with("content-length: "));
}

#[test]
fn a_204_has_no_length() {
    let (mut exchange, _) = get(&router(&[]), "/echo/");
    respond(&mut exchange, 204, &[("content-length", "0")], true);
    assert_eq!(":status: 204", answer_of(&exchange).join(", "));
}

#[test]
fn a_response_body_that_a_policy_outgrows_cuts_the_connection() {
    let calls = [("proxy_on_response_body", REPLACE_RESPONSE_BODY)];
    let (mut exchange, _) = get(&router(&calls), "/echo/");
    respond(&mut exchange, 200, &[("content-length", "3")], false);
    assert!(exchange.on_response_body(b"abc", true).unwrap().reset);
}

#[test]
fn a_response_body_without_a_length_may_change() {
    let calls = [("proxy_on_response_body", REPLACE_RESPONSE_BODY)];
    let (mut exchange, _) = get(&router(&calls), "/echo/");
    respond(&mut exchange, 200, &[], false);
    let effects = exchange.on_response_body(b"abc", true).unwrap();
    assert_eq!((Body::Bytes(b"hello".to_vec()), false), (effects.response.body, effects.reset));
}

#[test]
fn trailers_pass_without_what_belongs_in_a_head() {
    let (mut exchange, _) = get(&router(&[]), "/echo/");
    respond(&mut exchange, 200, &[], false);
    let fields: [(&[u8], &[u8]); 3] =
        [(b"x-sum", b"1"), (b"content-length", b"5"), (b"transfer-encoding", b"chunked")];
    let effects = exchange.on_response_trailers(fields.into_iter().collect()).unwrap();
    let trailers = effects.response.trailers.unwrap();
    assert_eq!(vec![(b"x-sum".as_slice(), b"1".as_slice())], trailers.iter().collect::<Vec<_>>());
}
