//! What callbacks may answer: the action codes of all SDKs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{
    ADD, BODY, CONTINUE, HEADERS, LOG, SET_BODY, callback, host, load, load_with, map, posted,
    said, status,
};
use wasmgate_host::{Body, Chain, Effects, Head, Plugin, Pressure, Stream};

const STARS: &str = r#"(data (i32.const 0) "********************************")"#;
const COUNT: &str = "(drop (call $log (i32.const 2) (i32.const 0) (local.get $size)))";
const UNTIL_END: &str = "(i32.eqz (local.get $end))";
const SEES_END: &str =
    "(drop (call $log (i32.const 2) (i32.const 0) (local.get $end))) (i32.const 0)";

/// A policy that may hold three bytes.
fn bounded(fields: &[&str]) -> Plugin {
    load_with(&host(), "bounded", fields, |spec| spec.limits.body = 3)
}

/// A policy whose stop of headers is no stop of the body.
fn partial(fields: &[&str]) -> Plugin {
    load_with(&host(), "partial", fields, |spec| {
        spec.allow_on_headers_stop_iteration = true;
        spec.limits.body = 8;
    })
}

fn answers(name: &str, signature: &str, action: i32) -> String {
    callback(name, signature, &format!("(i32.const {action})"))
}

fn responded(stream: &mut Stream) -> Effects {
    stream.on_response_headers(map(&[(":status", "200")]), false).unwrap()
}

fn full(effects: &Effects) -> (bool, bool) {
    (effects.pressure.request, effects.pressure.response)
}

#[test]
fn a_stop_of_headers_stops_the_body_too() {
    for action in [1, 4, 5, -1] {
        let body = callback("proxy_on_request_body", BODY, &format!("{COUNT} (i32.const 0)"));
        let stops = answers("proxy_on_request_headers", HEADERS, action);
        let (mut stream, effects) =
            posted(&Chain::new(vec![load("a", &[LOG, STARS, &stops, &body])]), &[]);
        assert_eq!(effects.request.head, Head::Held, "{action}");
        let effects = stream.on_request_body(b"ab", true).unwrap();
        assert_eq!((said(&effects), effects.request.end), (Vec::new(), false), "{action}");
    }
}

#[test]
fn a_full_policy_asks_for_its_source_to_wait() {
    for stops in
        [answers("proxy_on_request_headers", HEADERS, 4), answers("proxy_on_request_body", BODY, 2)]
    {
        let (mut stream, _) = posted(&Chain::new(vec![bounded(&[&stops])]), &[]);
        let effects = stream.on_request_body(b"ab", false).unwrap();
        assert_eq!(effects.pressure, Pressure::default());
        let effects = stream.on_request_body(b"cd", false).unwrap();
        assert_eq!((full(&effects), effects.pressure.changed), ((true, false), true));
        let effects = stream.on_request_body(b"e", false).unwrap();
        assert_eq!((full(&effects), effects.pressure.changed), ((true, false), false));
        assert_eq!((effects.response.head, status(&stream)), (Head::Held, String::new()));
    }
}

#[test]
fn a_policy_that_goes_on_is_full_no_more() {
    let stops = answers("proxy_on_response_headers", HEADERS, 4);
    let lets = callback("proxy_on_request_body", BODY, "(call $continue (i32.const 1))");
    let (mut stream, _) = posted(&Chain::new(vec![bounded(&[CONTINUE, &stops, &lets])]), &[]);
    assert_eq!(responded(&mut stream).response.head, Head::Held);
    assert_eq!(full(&stream.on_response_body(b"abc", false).unwrap()), (false, true));
    let effects = stream.on_request_body(b"", false).unwrap();
    assert_eq!((full(&effects), effects.pressure.changed), ((false, false), true));
    assert_eq!(effects.response.body, Body::Bytes(b"abc".to_vec()));
}

#[test]
fn at_a_watermark_the_callback_sees_each_chunk_once() {
    let two_then_go = format!("{COUNT} (i32.mul (i32.const 2) {UNTIL_END})");
    let body = callback("proxy_on_request_body", BODY, &two_then_go);
    let (mut stream, _) = posted(&Chain::new(vec![load("a", &[LOG, STARS, &body])]), &[]);
    let first = stream.on_request_body(b"abc", false).unwrap();
    assert_eq!((said(&first), first.request.body), (vec!["a: ***".into()], Body::Nothing));
    let last = stream.on_request_body(b"d", true).unwrap();
    assert_eq!(
        (said(&last), last.request.body),
        (vec!["a: *".into()], Body::Bytes(b"abcd".into()))
    );
}

#[test]
fn what_waits_at_a_watermark_is_seen_again_once_it_is_buffered() {
    // 2 for the first chunk of three bytes, 1 for any longer body, 0 at the end.
    let action = format!(
        "{COUNT} (i32.mul {UNTIL_END} (i32.add (i32.const 1) (i32.eq (local.get $size) (i32.const 3))))"
    );
    let body = callback("proxy_on_request_body", BODY, &action);
    let (mut stream, _) = posted(&Chain::new(vec![load("a", &[LOG, STARS, &body])]), &[]);
    stream.on_request_body(b"abc", false).unwrap();
    stream.on_request_body(b"d", false).unwrap();
    let last = stream.on_request_body(b"e", true).unwrap();
    assert_eq!(said(&last), ["a: *****"]);
    assert_eq!(last.request.body, Body::Bytes(b"abcde".to_vec()));
}

#[test]
fn what_a_policy_takes_does_not_go_on() {
    for action in [3, 4, -1] {
        let takes = format!("(i32.mul (i32.const {action}) {UNTIL_END})");
        let body = callback("proxy_on_response_body", BODY, &takes);
        let (mut stream, _) = posted(&Chain::new(vec![bounded(&[&body])]), &[]);
        responded(&mut stream);
        for chunk in [&b"abcd"[..], b"efgh"] {
            let effects = stream.on_response_body(chunk, false).unwrap();
            assert_eq!((effects.response.body, effects.reset), (Body::Nothing, false), "{action}");
        }
        let effects = stream.on_response_body(b"i", true).unwrap();
        assert_eq!((effects.response.body, effects.response.end), (Body::Same, true), "{action}");
    }
}

#[test]
fn continue_and_end_stream_ends_nothing() {
    let ends = [
        answers("proxy_on_request_headers", HEADERS, 2),
        answers("proxy_on_response_headers", HEADERS, 2),
    ];
    let sees = [
        callback("proxy_on_request_headers", HEADERS, SEES_END),
        callback("proxy_on_response_headers", HEADERS, SEES_END),
    ];
    let sees: Vec<&str> = [LOG, STARS].into_iter().chain(sees.iter().map(String::as_str)).collect();
    let chain = [load("before", &sees), load("ends", &[&ends[0], &ends[1]]), load("behind", &sees)];
    let (mut stream, effects) = posted(&Chain::new(chain.to_vec()), &[]);
    assert_eq!(said(&effects), ["before: ", "behind: "]);
    assert_eq!((effects.request.head, effects.request.end), (Head::Unchanged, false));
    let passed = stream.on_request_body(b"ab", true).unwrap();
    assert_eq!((passed.request.body, passed.request.end), (Body::Same, true));
    let effects = responded(&mut stream);
    assert_eq!(
        (said(&effects), effects.response.end),
        (vec!["behind: ".into(), "before: ".into()], false)
    );
    let passed = stream.on_response_body(b"ab", true).unwrap();
    assert_eq!((passed.response.body, passed.response.end), (Body::Same, true));
}

/// Stops the headers alone, holds the body to its end, and then lets both go.
const HOLDS: [&str; 2] = ["(i32.const 1)", UNTIL_END];

#[test]
fn held_headers_go_on_before_the_body_that_was_decided() {
    let fields = [
        callback("proxy_on_request_headers", HEADERS, HOLDS[0]),
        callback(
            "proxy_on_request_body",
            BODY,
            &format!(
                "(if (local.get $end) (then
                    (drop (call $add (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 65) (i32.const 1)))
                    (drop (call $set_body (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 66) (i32.const 3)))))
                {UNTIL_END}"
            ),
        ),
    ];
    let guest = [ADD, SET_BODY, r#"(data (i32.const 64) "x1new")"#, &fields[0], &fields[1]];
    let (mut stream, effects) = posted(&Chain::new(vec![partial(&guest)]), &[]);
    assert_eq!(effects.request.head, Head::Held);
    let held = stream.on_request_body(b"ab", false).unwrap();
    assert_eq!((held.request.head, held.request.body), (Head::Held, Body::Nothing));
    let effects = stream.on_request_body(b"cd", true).unwrap();
    assert_eq!((effects.request.head, effects.request.end), (Head::Changed, true));
    assert_eq!(effects.request.body, Body::Bytes(b"new".to_vec()));
    assert_eq!(
        stream.with_request_headers(|headers| headers.get(b"x").map(<[u8]>::to_vec)),
        Some(b"1".to_vec())
    );
}

#[test]
fn the_policy_behind_sees_held_headers_before_the_body() {
    let holds = partial(&[
        &callback("proxy_on_response_headers", HEADERS, HOLDS[0]),
        &callback("proxy_on_response_body", BODY, HOLDS[1]),
    ]);
    let behind = load(
        "behind",
        &[
            LOG,
            STARS,
            &callback("proxy_on_response_headers", HEADERS, SEES_END),
            &callback("proxy_on_response_body", BODY, &format!("{COUNT} (i32.const 0)")),
        ],
    );
    let (mut stream, _) = posted(&Chain::new(vec![behind, holds]), &[]);
    assert_eq!(said(&responded(&mut stream)), Vec::<String>::new());
    stream.on_response_body(b"ab", false).unwrap();
    let effects = stream.on_response_body(b"c", true).unwrap();
    assert_eq!(said(&effects), ["behind: ", "behind: ***"]);
    assert_eq!((effects.response.head, effects.response.end), (Head::Unchanged, true));
}

#[test]
fn headers_without_a_body_wait_for_the_policy() {
    let stops = answers("proxy_on_request_headers", HEADERS, 1);
    let (mut stream, effects) = common::got(&Chain::new(vec![partial(&[&stops])]));
    assert_eq!(effects.request.head, Head::Held);
    assert_eq!(stream.resume().unwrap().request.head, Head::Held);
}

#[test]
fn trailers_let_held_headers_go_too() {
    let stops = answers("proxy_on_request_headers", HEADERS, 1);
    let body = answers("proxy_on_request_body", BODY, 1);
    let (mut stream, _) = posted(&Chain::new(vec![partial(&[&stops, &body])]), &[]);
    stream.on_request_body(b"ab", false).unwrap();
    let effects = stream.on_request_trailers(map(&[("x-sum", "1")])).unwrap();
    assert_eq!(effects.request.head, Head::Unchanged);
    assert_eq!(effects.request.body, Body::Bytes(b"ab".to_vec()));
    assert!(effects.request.trailers.is_some());
}

#[test]
fn a_body_behind_held_headers_over_the_limit_is_413_or_500() {
    let held = |direction: &str| {
        partial(&[
            &answers(&format!("proxy_on_{direction}_headers"), HEADERS, 1),
            &answers(&format!("proxy_on_{direction}_body"), BODY, 1),
        ])
    };
    let (mut stream, _) = posted(&Chain::new(vec![held("request")]), &[]);
    assert_eq!(stream.on_request_body(b"12345678", false).unwrap().response.head, Head::Held);
    stream.on_request_body(b"9", false).unwrap();
    assert_eq!(status(&stream), "413");
    let (mut stream, _) = posted(&Chain::new(vec![held("response")]), &[]);
    responded(&mut stream);
    let effects = stream.on_response_body(b"123456789", false).unwrap();
    assert_eq!((status(&stream), effects.reset), ("500".into(), false));
}

#[test]
fn a_policy_that_fails_open_lets_what_it_held_go_on() {
    let stops = answers("proxy_on_request_headers", HEADERS, 1);
    let body = callback("proxy_on_request_body", BODY, "(unreachable)");
    let open = load_with(&host(), "open", &[&stops, &body], |spec| {
        spec.allow_on_headers_stop_iteration = true;
        spec.fail_open = true;
    });
    let (mut stream, _) = posted(&Chain::new(vec![open]), &[]);
    let effects = stream.on_request_body(b"ab", true).unwrap();
    assert_eq!((effects.request.head, effects.request.end), (Head::Unchanged, true));
    assert_eq!(effects.request.body, Body::Same);
}
