//! Callouts in every phase of a stream: answered, cancelled, and nothing left of them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{BODY, CONTEXT, CONTINUE, HEADERS, LOG, callback, head, host, load_with, map, said};
use wasmgate_host::{
    Attributes, CalloutAnswer, Capabilities, Chain, Effects, HeaderMap, Plugin, Stream, deliver,
    pending_callouts,
};

const CALL: &str = r#"(import "env" "proxy_http_call" (func $http
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
/// The upstream `a`, and the least headers of a request.
const DATA: &str = r#"(data (i32.const 16) "a") (data (i32.const 32) "\03\00\00\00\07\00\00\00\01\00\00\00\05\00\00\00\01\00\00\00\0a\00\00\00\01\00\00\00:method\00G\00:path\00/\00:authority\00a\00")"#;
const DATA_SIZE: usize = 4 + 24 + 7 + 1 + 5 + 1 + 10 + 1 + 6;
const TRAILERS: &str = "(param $context i32) (param i32) (result i32)";

const PHASES: [(&str, &str); 6] = [
    ("proxy_on_request_headers", HEADERS),
    ("proxy_on_request_body", BODY),
    ("proxy_on_request_trailers", TRAILERS),
    ("proxy_on_response_headers", HEADERS),
    ("proxy_on_response_body", BODY),
    ("proxy_on_response_trailers", TRAILERS),
];

/// Calls in one phase and pauses; an answer lets the stream go on. Logs d, l and x at the end, and a
/// when it is answered.
fn calls(phase: (&str, &str)) -> Plugin {
    let say = |letter: usize| {
        format!("(drop (call $log (i32.const 2) (i32.const {letter}) (i32.const 1)))")
    };
    let call = format!(
        "(global.set $asked (local.get $context))
         (drop (call $http (i32.const 16) (i32.const 1) (i32.const 32) (i32.const {DATA_SIZE})
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 8)))
         (i32.const 1)"
    );
    let answered = format!(
        "{} (drop (call $context (global.get $asked))) (drop (call $continue (i32.const 0)))
         (drop (call $continue (i32.const 1)))",
        say(3)
    );
    let fields = [
        [LOG, CONTEXT, CONTINUE, CALL, DATA].join("\n"),
        "(global $asked (mut i32) (i32.const 0))".to_owned(),
        r#"(data (i32.const 0) "dlxa")"#.to_owned(),
        callback(phase.0, phase.1, &call),
        callback("proxy_on_http_call_response", "(param i32 i32 i32 i32 i32)", &answered),
        callback("proxy_on_done", "(param i32) (result i32)", &format!("{} (i32.const 1)", say(0))),
        callback("proxy_on_log", "(param i32)", &say(1)),
        callback("proxy_on_delete", "(param i32)", &say(2)),
    ];
    let net = vec!["a".to_owned()];
    load_with(&host(), "p", &fields.each_ref().map(String::as_str), |spec| {
        spec.capabilities = Capabilities { net, ..Capabilities::default() };
    })
}

/// Drives an exchange until its policy has called.
fn reached(chain: &Chain) -> (Stream, u64) {
    let mut stream = Stream::open(chain, Attributes::default());
    let mut asked = Vec::new();
    let mut note = |effects: Effects| asked.extend(effects.callouts.iter().map(|its| its.id));
    note(stream.on_request_headers(head(&[]), false).unwrap());
    note(stream.on_request_body(b"b", false).unwrap());
    note(stream.on_request_trailers(map(&[("t", "1")])).unwrap());
    note(stream.on_response_headers(map(&[(":status", "200")]), false).unwrap());
    note(stream.on_response_body(b"b", false).unwrap());
    note(stream.on_response_trailers(map(&[("t", "1")])).unwrap());
    assert_eq!(asked.len(), 1);
    (stream, asked[0])
}

fn response() -> CalloutAnswer {
    let (headers, trailers) = (map(&[(":status", "200")]), HeaderMap::new());
    CalloutAnswer::Response { headers, body: Vec::new(), trailers }
}

#[test]
fn a_client_that_goes_away_ends_the_callout_in_every_phase() {
    for phase in PHASES {
        let chain = Chain::new(vec![calls(phase)]);
        let (mut stream, id) = reached(&chain);
        assert_eq!(pending_callouts(), 1, "{phase:?}");
        let effects = stream.close().unwrap();
        assert_eq!(effects.cancelled, [id], "{phase:?}");
        let letters: Vec<_> = said(&effects).into_iter().filter(|line| line.len() == 4).collect();
        assert_eq!(letters, ["p: d", "p: l", "p: x", "p: a"], "{phase:?}");
        assert_eq!(pending_callouts(), 0, "{phase:?}");
        assert!(!deliver(id, response()).unwrap().is_noteworthy(), "{phase:?}");
        assert!(said(&stream.close().unwrap()).is_empty(), "{phase:?}");
    }
}

#[test]
fn an_answer_wakes_the_stream_in_every_phase() {
    for phase in PHASES {
        let chain = Chain::new(vec![calls(phase)]);
        let (mut stream, id) = reached(&chain);
        let effects = deliver(id, response()).unwrap();
        assert_eq!(said(&effects), ["p: a"], "{phase:?}");
        assert!(effects.wake.contains(&stream.id()), "{phase:?}");
        assert_eq!(pending_callouts(), 0, "{phase:?}");
        stream.resume().unwrap();
        let effects = stream.close().unwrap();
        assert!(effects.cancelled.is_empty(), "{phase:?}");
        assert_eq!(said(&effects), ["p: d", "p: l", "p: x"], "{phase:?}");
    }
}

#[test]
fn a_paused_head_goes_on_after_the_answer() {
    let chain = Chain::new(vec![calls(PHASES[0])]);
    let (mut stream, id) = reached(&chain);
    deliver(id, CalloutAnswer::Closed { status: 14, message: "refused".into() }).unwrap();
    let effects = stream.resume().unwrap();
    assert_eq!(effects.request.head, wasmgate_host::Head::Unchanged);
}

#[test]
fn nothing_is_left_however_callouts_end() {
    let chain = Chain::new(vec![calls(PHASES[0])]);
    let mut late = Vec::new();
    for round in 0..400 {
        let mut stream = Stream::open(&chain, Attributes::default());
        let effects = stream.on_request_headers(head(&[]), true).unwrap();
        let id = effects.callouts[0].id;
        match round % 4 {
            0 => drop(deliver(id, response()).unwrap()),
            1 => drop(
                deliver(id, CalloutAnswer::Closed { status: 14, message: "gone".into() }).unwrap(),
            ),
            2 => drop(stream.close().unwrap()),
            _ => {}
        }
        late.push(id);
    }
    for id in late {
        deliver(id, response()).unwrap();
    }
    assert_eq!(pending_callouts(), 0);
}

#[test]
fn an_answer_on_another_thread_is_nobodys() {
    let chain = Chain::new(vec![calls(PHASES[0])]);
    let (_stream, id) = reached(&chain);
    let elsewhere = std::thread::spawn(move || deliver(id, response()).unwrap().is_noteworthy());
    assert!(!elsewhere.join().unwrap());
    assert_eq!(pending_callouts(), 1);
}
