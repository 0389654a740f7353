//! Crashes: the failure policy, the replacement, the back-off, and other threads.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::thread;
use std::time::Duration;

use common::{HEADERS, callback, got, guest, load_with, map, posted, said, status};
use wasmgate_host::{
    Body, CallbackStatistics, Chain, Clock, Effects, Error, Head, Host, HostOptions, LogLevel,
    Plugin, PluginSpec, Stream,
};

/// Crashes at a fifth field, and pauses at a sixth.
const ATTACKED: &str = "(if (i32.eq (local.get $fields) (i32.const 5)) (then unreachable))
    (i32.eq (local.get $fields) (i32.const 6))";

fn crashes(fail_open: bool) -> Chain {
    let attacked = callback("proxy_on_request_headers", HEADERS, ATTACKED);
    let answer = callback("proxy_on_response_headers", HEADERS, "(i32.const 0)");
    Chain::new(vec![load_with(&common::host(), "crashes", &[&attacked, &answer], |spec| {
        spec.fail_open = fail_open;
    })])
}

fn attack(chain: &Chain) -> (Stream, Effects) {
    posted(chain, &[("x-attack", "1")])
}

#[test]
fn closed_answers_503_and_the_log_says_why() {
    let (stream, effects) = attack(&crashes(false));
    assert_eq!((status(&stream), effects.request.head), ("503".into(), Head::Held));
    assert_eq!(said(&effects), ["crashes: trapped in proxy_on_request_headers: unreachable"]);
}

#[test]
fn open_lets_the_request_go_on() {
    assert_eq!(attack(&crashes(true)).1.request.head, Head::Unchanged);
}

#[test]
fn the_next_request_is_served_at_once() {
    let chain = crashes(false);
    attack(&chain);
    assert_eq!(got(&chain).1.request.head, Head::Unchanged);
}

/// A policy that crashes at a fifth field and whose start takes 100 ms by a clock that stands still.
fn slow_start(host: &Host) -> Chain {
    let attacked = callback("proxy_on_request_headers", HEADERS, ATTACKED);
    let start = callback(
        "proxy_on_configure",
        "(param i32 i32) (result i32)",
        "(local $i i32) (local.set $i (i32.const 15000000))
        (loop $a (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1))))) (i32.const 1)",
    );
    Chain::new(vec![load_with(host, "crashes", &[&attacked, &start], |_| {})])
}

fn still() -> Host {
    let (clock, log_level) = (Clock::stopped_at(0), LogLevel::Info);
    Host::with(HostOptions { clock, log_level, ..HostOptions::default() })
}

#[test]
fn a_request_that_crashes_each_second_costs_other_requests_nothing() {
    let host = still();
    let chain = slow_start(&host);
    let mut passed = 0;
    for _ in 0..60 {
        attack(&chain);
        for _ in 0..4 {
            passed += usize::from(got(&chain).1.request.head == Head::Unchanged);
            assert!(host.advance(Duration::from_millis(250)));
        }
    }
    assert_eq!(passed, 240);
}

#[test]
fn replacements_take_a_tenth_of_the_time_and_the_policy_comes_again() {
    let host = still();
    let chain = slow_start(&host);
    let starts = || {
        let configured = |its: &CallbackStatistics| its.callback == "proxy_on_configure";
        host.callbacks().into_iter().find(configured).unwrap().fuel
    };
    let (first, mut held) = (starts(), 0);
    for _ in 0..2_000 {
        let (stream, effects) = attack(&chain);
        assert_eq!(status(&stream), "503");
        held += usize::from(effects.logs.iter().any(|line| line.message.contains("is suspended")));
        assert!(host.advance(Duration::from_millis(10)));
    }
    let spent = Duration::from_nanos(starts().sum - first.sum);
    assert!(spent <= Duration::from_millis(3_300), "{spent:?} for replacements in 20 s");
    assert!(spent >= Duration::from_millis(2_500), "{spent:?} for replacements in 20 s");
    assert!(held > 0 && held <= 5, "{held} lines of 2,000 requests");
    assert!(host.advance(Duration::from_secs(5)));
    assert_eq!(got(&chain).1.request.head, Head::Unchanged);
}

#[test]
fn crashes_are_logged_five_times_a_minute() {
    let host = still();
    let chain = slow_start(&host);
    let lines = (0..70).flat_map(|_| {
        let lines = said(&attack(&chain).1);
        assert!(host.advance(Duration::from_secs(1)));
        lines
    });
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 10, "{lines:?}");
    assert!(lines[5].ends_with("(55 more such lines were not written)"), "{}", lines[5]);
}

#[test]
fn a_module_that_does_not_start_any_more_is_tried_again_and_again_later() {
    let host = still();
    // Each start needs the value that the one before left in the shared data.
    let fields = [
        r#"(import "env" "proxy_get_shared_data"
            (func $get (param i32 i32 i32 i32 i32) (result i32)))"#,
        r#"(import "env" "proxy_set_shared_data"
            (func $set (param i32 i32 i32 i32 i32) (result i32)))"#,
        &callback("proxy_on_request_headers", HEADERS, ATTACKED),
        &callback(
            "proxy_on_vm_start",
            "(param i32 i32) (result i32)",
            "(if (i32.eqz (call $get (i32.const 64) (i32.const 1) (i32.const 8) (i32.const 12)
                (i32.const 16))) (then
                (if (i32.eq (i32.load8_u (i32.load (i32.const 8))) (i32.const 50)) (then unreachable))
                (i32.store8 (i32.const 68) (i32.const 50))))
            (drop (call $set (i32.const 64) (i32.const 1) (i32.const 68) (i32.const 1) (i32.const 0)))
            (i32.const 1)",
        ),
        r#"(data (i32.const 64) "k   1")"#,
    ];
    let chain = Chain::new(vec![load_with(&host, "crashes", &fields, |_| {})]);
    attack(&chain);
    let traps = || host.policies()[0].traps;
    let mut waits = Vec::new();
    let mut waited = Duration::ZERO;
    while waits.len() < 6 {
        let before = traps();
        got(&chain);
        if traps() > before {
            waits.push(waited.as_millis());
            waited = Duration::ZERO;
        }
        assert!(host.advance(Duration::from_millis(10)));
        waited += Duration::from_millis(10);
    }
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200]);
}

#[test]
fn a_paused_stream_of_the_instance_is_woken_and_fails() {
    let chain = crashes(false);
    let (mut paused, _) = posted(&chain, &[("x-a", "1"), ("x-b", "1")]);
    let effects = attack(&chain).1;
    assert_eq!(effects.wake, [paused.id()]);
    paused.resume().unwrap();
    assert_eq!(status(&paused), "503");
}

#[test]
fn a_stream_that_had_gone_on_fails_at_its_next_callback() {
    let chain = crashes(false);
    let (mut earlier, _) = got(&chain);
    attack(&chain);
    earlier.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(status(&earlier), "503");
}

#[test]
fn the_instances_of_other_threads_serve_on() {
    let host = still();
    let chain = slow_start(&host);
    while got(&chain).1.request.head == Head::Unchanged {
        attack(&chain);
    }
    let elsewhere = chain.clone();
    let head = thread::spawn(move || got(&elsewhere).1.request.head).join().unwrap();
    assert_eq!((head, got(&chain).1.request.head), (Head::Unchanged, Head::Held));
}

#[test]
fn a_stream_is_of_one_thread() {
    let (mut stream, _) = got(&crashes(false));
    let outcome = thread::spawn(move || stream.on_request_body(b"ab", true).map(|_| ()));
    assert!(matches!(outcome.join().unwrap(), Err(Error::WrongThread)));
}

#[test]
fn a_plugin_that_is_gone_takes_its_instance_with_it() {
    let chain = crashes(false);
    let (mut stream, _) = got(&chain);
    drop(chain);
    // A stream keeps the chain that it was opened with.
    stream.on_response_headers(map(&[(":status", "200")]), false).unwrap();
    assert_eq!(status(&stream), "200");
}

fn refused(fields: &[&str], start_fuel: u64) -> Error {
    let mut spec = PluginSpec { name: "bad".into(), ..PluginSpec::default() };
    spec.limits.start_fuel = start_fuel;
    Plugin::load(&common::host(), &guest(fields), spec).err().unwrap()
}

#[test]
fn a_start_function_has_the_start_fuel() {
    let fields = ["(func $start (loop $again (br $again)))", "(start $start)"];
    assert!(matches!(refused(&fields, 1000), Error::OutOfFuel { fuel: 1000, .. }));
}

#[test]
fn a_start_function_can_log() {
    let say = "(func $start (drop (call $log (i32.const 2) (i32.const 0) (i32.const 2))))";
    let text = r#"(data (i32.const 0) "hi")"#;
    let plugin = common::load("says", &[common::LOG, text, say, "(start $start)"]);
    assert_eq!(said(&got(&Chain::new(vec![plugin])).1), ["says: hi"]);
}

#[test]
fn a_refused_configuration_names_its_callback() {
    let refuse = callback("proxy_on_configure", "(param i32 i32) (result i32)", "(i32.const 0)");
    let error = refused(&[&refuse], 1_000_000);
    assert_eq!(error.to_string(), "proxy_on_configure refused the configuration");
}

#[test]
fn a_callback_of_another_shape_is_refused_by_name() {
    let wrong = callback("proxy_on_request_body", "(param i32) (result i32)", "(i32.const 0)");
    assert!(refused(&[&wrong], 1_000_000).to_string().contains("proxy_on_request_body"));
}

/// Answers 403 to every request.
fn denies() -> Plugin {
    let deny = "(drop (call $respond (i32.const 403) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 2) (i32.const 0) (i32.const 0) (i32.const -1))) (i32.const 0)";
    let text = r#"(data (i32.const 0) "no")"#;
    common::load(
        "denies",
        &[common::RESPOND, text, &callback("proxy_on_request_headers", HEADERS, deny)],
    )
}

/// Does `answer` in its response callback.
fn in_responses(answer: &str) -> Plugin {
    let look = callback("proxy_on_request_headers", HEADERS, "(i32.const 0)");
    let fields = [&*look, &callback("proxy_on_response_headers", HEADERS, answer)];
    common::load("responses", &fields)
}

#[test]
fn a_crash_on_the_way_of_a_local_response_is_503() {
    let (stream, effects) = got(&Chain::new(vec![in_responses("unreachable"), denies()]));
    assert_eq!((status(&stream), effects.response.head), ("503".into(), Head::Changed));
    assert_eq!((effects.response.body, effects.response.end), (Body::Nothing, true));
}

#[test]
fn a_crash_of_the_policy_that_holds_a_local_response_is_503() {
    let holds = callback("proxy_on_response_headers", HEADERS, "(i32.const 1)");
    let attacked = callback(
        "proxy_on_request_headers",
        HEADERS,
        "(if (i32.eq (local.get $fields) (i32.const 5)) (then unreachable)) (i32.const 0)",
    );
    let holding = common::load("holding", &[&holds, &attacked]);
    let (mut held, effects) = got(&Chain::new(vec![holding.clone(), denies()]));
    assert_eq!(effects.response.head, Head::Held);
    attack(&Chain::new(vec![holding]));
    let effects = held.resume().unwrap();
    assert_eq!((status(&held), effects.response.end), ("503".into(), true));
}

#[test]
fn nothing_goes_on_after_a_cut() {
    let cut = r#"(import "env" "proxy_close_stream" (func $cut (param i32) (result i32)))"#;
    let body = callback("proxy_on_request_body", common::BODY, "(call $cut (i32.const 0))");
    let (mut stream, _) = posted(&Chain::new(vec![common::load("cuts", &[cut, &body])]), &[]);
    assert!(stream.on_request_body(b"ab", false).unwrap().reset);
    let effects = stream.on_request_body(b"cd", true).unwrap();
    assert_eq!((effects.request.body, effects.request.end), (Body::Nothing, false));
}
