//! Higress's `proxy_inject_encoded_data_to_filter_chain`: a policy sends on a response itself.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{BODY, CONTEXT, HEADERS, LOG, callback, host, load, load_with, map, posted, said};
use wasmgate_host::{Body, Chain, Head, Plugin, Stream};

const INJECT: &str = r#"(import "env" "proxy_inject_encoded_data_to_filter_chain"
    (func $inject (param i32 i32 i32) (result i32))) (data (i32.const 0) "0123456789********")"#;

/// Sends on the first `size` digits.
fn digits(size: u32, end: u32) -> String {
    format!("(call $inject (i32.const 0) (i32.const {size}) (i32.const {end}))")
}

fn guest(fields: &[&str]) -> Plugin {
    load_with(&host(), "injects", &[&[INJECT, LOG][..], fields].concat(), |spec| {
        spec.limits.body = 8;
    })
}

fn opened(plugin: Plugin) -> Stream {
    let sees = load(
        "sees",
        &[
            LOG,
            r#"(data (i32.const 0) "********************************")"#,
            &callback(
                "proxy_on_response_body",
                BODY,
                "(drop (call $log (i32.const 2) (i32.const 0)
                    (i32.add (local.get $size) (local.get $end)))) (i32.const 0)",
            ),
        ],
    );
    let (mut stream, _) = posted(&Chain::new(vec![sees, plugin]), &[]);
    stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    stream
}

#[test]
fn injected_bytes_meet_the_policies_after_it_only() {
    let takes = format!("(drop {}) (drop {}) (i32.const 3)", digits(2, 0), digits(1, 0));
    let mut stream = opened(guest(&[&callback("proxy_on_response_body", BODY, &takes)]));
    let effects = stream.on_response_body(b"xyz", false).unwrap();
    assert_eq!(said(&effects), ["sees: ***"]);
    assert_eq!(effects.response.body, Body::Bytes(b"010".to_vec()));
    assert!(!effects.response.end);
}

#[test]
fn what_goes_on_as_well_comes_behind() {
    let adds = format!("(drop {}) (i32.const 0)", digits(2, 0));
    let mut stream = opened(guest(&[&callback("proxy_on_response_body", BODY, &adds)]));
    let effects = stream.on_response_body(b"xyz", true).unwrap();
    assert_eq!(effects.response.body, Body::Bytes(b"01xyz".to_vec()));
    assert!(effects.response.end);
}

#[test]
fn with_the_end_the_rest_of_the_response_is_dropped() {
    let ends = format!("(drop {}) (drop {}) (i32.const 0)", digits(2, 1), digits(2, 0));
    let mut stream = opened(guest(&[&callback("proxy_on_response_body", BODY, &ends)]));
    let effects = stream.on_response_body(b"xyz", false).unwrap();
    assert_eq!(said(&effects).last().unwrap(), "sees: ***");
    assert_eq!(effects.response.body, Body::Bytes(b"01".to_vec()));
    assert!(effects.response.end);
    let effects = stream.on_response_body(b"xyz", true).unwrap();
    assert_eq!((effects.response.body, effects.response.end), (Body::Nothing, false));
}

#[test]
fn held_headers_go_on_before_the_first_bytes() {
    let stops = callback("proxy_on_response_headers", HEADERS, "(i32.const 4)");
    // In the context of the stream, which is the one after the root's.
    let later = format!("(drop (call $context (i32.const 2))) (drop {})", digits(2, 1));
    let tick = callback("proxy_on_request_body", BODY, &format!("{later} (i32.const 0)"));
    let plugin = guest(&[CONTEXT, &stops, &tick]);
    let (mut stream, _) = posted(&Chain::new(vec![plugin]), &[]);
    let effects = stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(effects.response.head, Head::Held);
    stream.on_response_body(b"xyz", false).unwrap();
    let effects = stream.on_request_body(b"", false).unwrap();
    assert_eq!((effects.response.head, effects.response.end), (Head::Unchanged, true));
    assert_eq!(effects.response.body, Body::Bytes(b"01".to_vec()));
}

#[test]
fn in_the_header_callback_they_take_the_headers_along() {
    let body = format!("(drop {}) (i32.const 4)", digits(2, 0));
    let injects = guest(&[&callback("proxy_on_response_headers", HEADERS, &body)]);
    let (mut stream, _) = posted(&Chain::new(vec![injects]), &[]);
    let effects = stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(effects.response.head, Head::Unchanged);
    assert_eq!(effects.response.body, Body::Bytes(b"01".to_vec()));
}

#[test]
fn more_than_the_limit_or_too_early_is_refused() {
    let log = |status: &str| {
        format!("(drop (call $log (i32.const 2) (i32.const 10) {status})) (i32.const 0)")
    };
    let early = callback("proxy_on_request_headers", HEADERS, &log(&digits(1, 0)));
    let much = callback(
        "proxy_on_response_headers",
        HEADERS,
        &format!("(drop {}) {}", digits(5, 0), log(&digits(5, 0))),
    );
    let (mut stream, effects) = posted(&Chain::new(vec![guest(&[&early, &much])]), &[]);
    assert_eq!(said(&effects).last().unwrap(), "injects: **");
    let effects = stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(said(&effects).last().unwrap(), "injects: **");
    assert_eq!(effects.response.body, Body::Bytes(b"01234".to_vec()));
}
