//! Trailers: when they can be read, changed and added.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{ADD, BODY, HEADERS, LOG, callback, host, load, load_with, map, posted, said};
use wasmgate_host::{Body, Chain, Plugin, Stream};

const TRAILERS: &str = "(param i32 i32) (result i32)";
const NAME: &str = r#"(data (i32.const 64) "x-sum1")"#;

/// Logs a star and adds `x-sum: 1` to a map; the star is missing if that was refused.
fn adds(map: u32) -> String {
    format!(
        "(drop (call $log (i32.const 2) (i32.const 0) (i32.eqz (call $add (i32.const {map})
            (i32.const 64) (i32.const 5) (i32.const 69) (i32.const 1)))))"
    )
}

fn guest(name: &str, fields: &[&str]) -> Plugin {
    let parts = [LOG, ADD, common::CONTINUE, NAME, r#"(data (i32.const 0) "*")"#];
    load(name, &[&parts, fields].concat())
}

fn adder(map: u32, direction: &str) -> Plugin {
    let body = format!("(if (local.get $end) (then {})) (i32.const 0)", adds(map));
    guest("adds", &[&callback(&format!("proxy_on_{direction}_body"), BODY, &body)])
}

fn watcher(direction: &str) -> Plugin {
    let ended = "(drop (call $log (i32.const 2) (i32.const 0) (local.get $end))) (i32.const 0)";
    let trailers = "(drop (call $log (i32.const 2) (i32.const 64) (i32.const 5))) (i32.const 0)";
    guest(
        "sees",
        &[
            &callback(&format!("proxy_on_{direction}_body"), BODY, ended),
            &callback(&format!("proxy_on_{direction}_trailers"), TRAILERS, trailers),
        ],
    )
}

fn respond(stream: &mut Stream) {
    stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
}

#[test]
fn the_last_body_callback_may_add_the_first_trailers() {
    let chain = Chain::new(vec![adder(1, "request"), watcher("request")]);
    let (mut stream, _) = posted(&chain, &[]);
    assert_eq!(said(&stream.on_request_body(b"a", false).unwrap()), ["sees: "]);
    let effects = stream.on_request_body(b"b", true).unwrap();
    assert_eq!(said(&effects), ["adds: *", "sees: ", "sees: x-sum"]);
    assert_eq!((effects.request.body, effects.request.end), (Body::Same, true));
    assert_eq!(effects.request.trailers.unwrap().get(b"x-sum"), Some(&b"1"[..]));
}

#[test]
fn trailers_are_added_to_responses_the_other_way_round() {
    let chain = Chain::new(vec![watcher("response"), adder(3, "response")]);
    let (mut stream, _) = posted(&chain, &[]);
    respond(&mut stream);
    let effects = stream.on_response_body(b"b", true).unwrap();
    assert_eq!(said(&effects), ["adds: *", "sees: ", "sees: x-sum"]);
    assert!(effects.response.trailers.is_some());
}

#[test]
fn added_trailers_wait_with_the_body() {
    let stop = format!("{} (i32.const 1)", adds(1));
    let go = "(call $continue (i32.const 0))";
    let adds_and_stops = guest(
        "adds",
        &[
            &callback("proxy_on_request_body", BODY, &stop),
            &callback("proxy_on_response_headers", HEADERS, go),
        ],
    );
    let (mut stream, _) = posted(&Chain::new(vec![adds_and_stops]), &[]);
    assert!(stream.on_request_body(b"b", true).unwrap().request.trailers.is_none());
    let effects = stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(effects.request.body, Body::Bytes(b"b".to_vec()));
    assert!(effects.request.trailers.is_some() && effects.request.end);
}

#[test]
fn trailers_are_not_writable_elsewhere() {
    let early = guest(
        "early",
        &[
            &callback("proxy_on_request_headers", HEADERS, &format!("{} (i32.const 0)", adds(1))),
            &callback("proxy_on_request_body", BODY, &format!("{} (i32.const 0)", adds(1))),
            &callback("proxy_on_response_headers", HEADERS, &format!("{} (i32.const 0)", adds(1))),
        ],
    );
    let (mut stream, _) = posted(&Chain::new(vec![early]), &[]);
    let effects = stream.on_request_body(b"a", false).unwrap();
    assert_eq!(said(&effects).last().unwrap(), "early: ");
    stream.on_request_trailers(map(&[("x-own", "2")])).unwrap();
    let effects = stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(said(&effects).last().unwrap(), "early: ");
}

#[test]
fn a_trailers_callback_may_add_to_them() {
    let body = format!("{} (i32.const 0)", adds(3));
    let more = guest("more", &[&callback("proxy_on_response_trailers", TRAILERS, &body)]);
    let (mut stream, _) = posted(&Chain::new(vec![more]), &[]);
    respond(&mut stream);
    let effects = stream.on_response_trailers(map(&[("x-own", "2")])).unwrap();
    assert_eq!(effects.response.trailers.unwrap().len(), 2);
}

#[test]
fn everything_is_readable_when_the_stream_is_logged() {
    let size = r#"(import "env" "proxy_get_header_map_size"
        (func $size (param i32 i32) (result i32)))"#;
    // One star for each of the four maps that has fields.
    let each = (0..4).map(|map| {
        format!(
            "(drop (call $size (i32.const {map}) (i32.const 128)))
            (drop (call $log (i32.const 2) (i32.const 0)
                (i32.gt_u (i32.load (i32.const 128)) (i32.const 4))))"
        )
    });
    let each = each.collect::<String>();
    let log = callback("proxy_on_log", "(param i32)", &each);
    let (mut stream, _) = posted(&Chain::new(vec![guest("logs", &[size, &log])]), &[]);
    stream.on_request_trailers(map(&[("x-own", "2")])).unwrap();
    respond(&mut stream);
    stream.on_response_trailers(map(&[("x-own", "2")])).unwrap();
    assert_eq!(said(&stream.close().unwrap()), ["logs: *"; 4]);
}

#[test]
fn what_clients_may_not_send_they_may_not_send_as_trailers() {
    let strips = load_with(&host(), "strips", &[], |spec| {
        spec.strip_request_headers = vec!["X-User".into()];
    });
    let (mut stream, _) = posted(&Chain::new(vec![strips]), &[]);
    let trailers = map(&[("x-user", "root"), ("x-sum", "1")]);
    let effects = stream.on_request_trailers(trailers).unwrap();
    let names = effects.request.trailers.unwrap();
    assert_eq!((names.len(), names.get(b"x-user")), (1, None));
}

#[test]
fn trailers_over_the_limits_are_431() {
    let small = load_with(&host(), "small", &[], |spec| spec.limits.headers = 6);
    let (mut stream, _) = posted(&Chain::new(vec![small]), &[]);
    stream.on_request_trailers(map(&[("a", "1"); 7])).unwrap();
    assert_eq!(common::status(&stream), "431");
}
