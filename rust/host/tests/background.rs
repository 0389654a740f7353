//! The share of a thread's time that a policy has in the background. The clock stands still, so a
//! unit of fuel is a nanosecond.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::{HEADERS, callback, got, load_with, map, said};
use wasmgate_host::{
    CalloutAnswer, Chain, Clock, Effects, ForeignFunction, ForeignFunctions, HeaderMap, Host,
    HostOptions, LogLevel, Plugin, PluginSpec, TenantKey, TenantSettings, deliver,
};

const PERIOD: &str = r#"(import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))"#;
const QUEUES: &str = r#"
    (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
    (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))"#;
const CALL: &str = r#"(import "env" "proxy_http_call"
    (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
const MAP: &str = r#"(data (i32.const 1024) "site") (data (i32.const 2048)
    "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\05\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/self\00:authority\00a\00")"#;
const CALL_SITE: &str = "(drop (call $call (i32.const 1024) (i32.const 4) (i32.const 2048)
    (i32.const 65) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 60000)
    (i32.const 512)))";
const CONFIGURE: &str = "(param i32 i32) (result i32)";
const ROOT: &str = "(param i32)";
const TICKS: &str = "(drop (call $period (i32.const 10))) (i32.const 1)";
/// What comes in a second: 5 %.
const SECOND: u64 = 50_000_000;
/// The most that is saved up, and what a callback may take before its time costs ten times as much.
const HOLD: u64 = 2_000_000;

fn still() -> Host {
    let (clock, log_level) = (Clock::stopped_at(0), LogLevel::Info);
    Host::with(HostOptions { clock, log_level, ..HostOptions::default() })
}

fn policy(host: &Host, fields: &[&str], say: impl FnOnce(&mut PluginSpec)) -> Plugin {
    load_with(host, "p", &[&[PERIOD, QUEUES, CALL, MAP][..], fields].concat(), |spec| {
        spec.capabilities.net = vec!["site".into()];
        say(spec);
    })
}

/// Uses about five units for each of `count`.
fn burns(count: u32) -> String {
    format!(
        "(local $i i32) (local.set $i (i32.const {count}))
        (loop $a (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
    )
}

fn used(host: &Host, names: &[&str]) -> (u64, u64) {
    let known = host.callbacks().into_iter().filter(|its| names.contains(&its.callback.as_str()));
    known.fold((0, 0), |(count, fuel), its| (count + its.fuel.count, fuel + its.fuel.sum))
}

/// Lets the loop have its turns for so long.
fn pass(host: &Host, chain: &Chain, time: Duration, mut each: impl FnMut(Effects)) {
    let mut left = time;
    loop {
        let ticked = chain.tick();
        each(ticked.effects);
        let Some(wait) = ticked.wait.filter(|wait| *wait <= left) else {
            assert!(host.advance(left));
            return;
        };
        assert!(host.advance(wait));
        left -= wait;
    }
}

#[test]
fn ticks_get_their_share_and_no_more() {
    let host = still();
    let tick = callback("proxy_on_tick", ROOT, &burns(300_000));
    let configure = callback("proxy_on_configure", CONFIGURE, TICKS);
    let chain = Chain::new(vec![policy(&host, &[&configure, &tick], |_| {})]);
    pass(&host, &chain, Duration::from_secs(20), drop);
    let (count, fuel) = used(&host, &["proxy_on_tick"]);
    let most = 20 * SECOND + HOLD + fuel / count;
    assert!(fuel / count < HOLD && fuel <= most, "{count} ticks with {fuel} units, {most}");
    assert!(fuel >= 19 * SECOND, "{count} ticks with {fuel} units");
    assert!(host.policies()[0].put_off >= count - 10);
}

#[test]
fn of_moments_one_in_a_hundred_meets_a_long_callback_at_most() {
    for turns in [300_000, 400_000, 500_000, 700_000, 1_000_000, 1_500_000, 1_900_000] {
        let host = still();
        let tick = callback("proxy_on_tick", ROOT, &burns(turns));
        let configure = callback("proxy_on_configure", CONFIGURE, TICKS);
        let chain = Chain::new(vec![policy(&host, &[&configure, &tick], |_| {})]);
        pass(&host, &chain, Duration::from_secs(20), drop);
        let (count, fuel) = used(&host, &["proxy_on_tick"]);
        let (each, passed) = (fuel / count, 20_000_000_000);
        // What is left of a callback when a request comes is longer than this for 1 in 100.
        let late = each.saturating_sub(passed / 100 / count);
        assert!(late < 2 * HOLD, "{count} ticks of {each} units: {late}");
        assert!(fuel >= 19 * SECOND / 10, "{count} ticks of {each} units");
    }
}

#[test]
fn a_pause_saves_up_no_more_than_two_short_callbacks() {
    let host = still();
    let register = "(drop (call $register (i32.const 1024) (i32.const 1) (i32.const 0)))";
    let send = "(drop (call $enqueue (i32.load (i32.const 0)) (i32.const 64) (i32.const 1)))";
    let fields = [
        callback("proxy_on_configure", CONFIGURE, &format!("{register} (i32.const 1)")),
        callback(
            "proxy_on_request_headers",
            HEADERS,
            &format!("{} (i32.const 0)", send.repeat(70)),
        ),
        callback("proxy_on_queue_ready", "(param i32 i32)", &burns(300_000)),
    ];
    let chain = Chain::new(vec![policy(&host, &fields.each_ref().map(String::as_str), |_| {})]);
    pass(&host, &chain, Duration::from_hours(1), drop);
    drop(got(&chain));
    drop(chain.tick());
    assert_eq!(used(&host, &["proxy_on_queue_ready"]).0, 2);
}

#[test]
fn what_waits_is_said_once_a_minute() {
    let host = still();
    let tick = callback("proxy_on_tick", ROOT, &burns(1_000_000));
    let configure = callback("proxy_on_configure", CONFIGURE, TICKS);
    let chain = Chain::new(vec![policy(&host, &[&configure, &tick], |spec| {
        spec.limits.background_share = 1_000;
    })]);
    let mut lines = Vec::new();
    pass(&host, &chain, Duration::from_secs(100), |effects| lines.extend(said(&effects)));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("`background_share` of 0.1 %"), "{lines:?}");
}

#[test]
fn ticks_within_their_share_are_never_put_off() {
    let host = still();
    let tick = callback("proxy_on_tick", ROOT, &burns(50_000));
    let configure = callback("proxy_on_configure", CONFIGURE, TICKS);
    let chain = Chain::new(vec![policy(&host, &[&configure, &tick], |_| {})]);
    pass(&host, &chain, Duration::from_secs(10), |effects| assert!(effects.logs.is_empty()));
    assert_eq!((used(&host, &["proxy_on_tick"]).0, host.policies()[0].put_off), (1000, 0));
}

#[test]
fn the_share_is_the_policys_own() {
    let host = still();
    let tick = callback("proxy_on_tick", ROOT, &burns(300_000));
    let configure = callback("proxy_on_configure", CONFIGURE, TICKS);
    let chain = Chain::new(vec![policy(&host, &[&configure, &tick], |spec| {
        spec.limits.background_share = 100_000;
    })]);
    pass(&host, &chain, Duration::from_secs(2), drop);
    let (_, fuel) = used(&host, &["proxy_on_tick"]);
    assert!((38 * SECOND / 10..=42 * SECOND / 10).contains(&fuel), "{fuel}");
}

#[test]
fn callouts_of_ticks_and_their_answers_count() {
    let host = still();
    let calls = format!(
        "(local $i i32) (local.set $i (i32.const 100))
        (loop $a {CALL_SITE} (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
    );
    let fields = [
        callback("proxy_on_configure", CONFIGURE, TICKS),
        callback("proxy_on_tick", ROOT, &calls),
        callback("proxy_on_http_call_response", "(param i32 i32 i32 i32 i32)", &burns(100_000)),
    ];
    let chain = Chain::new(vec![policy(&host, &fields.each_ref().map(String::as_str), |_| {})]);
    let (mut asked, mut most) = (0, 0);
    let mut under_way = Vec::new();
    for _ in 0..200 {
        pass(&host, &chain, Duration::from_millis(50), |effects| {
            most = most.max(effects.callouts.len());
            asked += effects.callouts.len() as u64;
            under_way.extend(effects.callouts.iter().map(|callout| callout.id));
        });
        for id in under_way.drain(..) {
            let headers = map(&[(":status", "200")]);
            let answer =
                CalloutAnswer::Response { headers, body: Vec::new(), trailers: HeaderMap::new() };
            let effects = deliver(id, answer).unwrap();
            asked += effects.callouts.len() as u64;
            assert_eq!(effects.callouts.len(), 0);
        }
    }
    let callouts = asked * 200_000;
    let fuel = used(&host, &["proxy_on_tick", "proxy_on_http_call_response"]).1;
    let one = 2_000_000;
    assert!(callouts + fuel <= 10 * SECOND + HOLD + one, "{asked} callouts, {fuel} units");
    assert!(callouts + fuel >= 9 * SECOND, "{asked} callouts, {fuel} units");
    assert!(most <= 10, "{most} callouts at once");
}

#[test]
fn an_answer_that_waits_comes_when_the_share_allows() {
    let host = still();
    let fields = [
        callback("proxy_on_configure", CONFIGURE, &format!("{CALL_SITE} {TICKS}")),
        callback("proxy_on_tick", ROOT, &burns(1_500_000)),
        callback("proxy_on_http_call_response", "(param i32 i32 i32 i32 i32)", ""),
    ];
    let chain = Chain::new(vec![policy(&host, &fields.each_ref().map(String::as_str), |_| {})]);
    let mut callouts = Vec::new();
    pass(&host, &chain, Duration::from_secs(5), |effects| callouts.extend(effects.callouts));
    let headers = map(&[(":status", "200")]);
    let answer = CalloutAnswer::Response { headers, body: Vec::new(), trailers: HeaderMap::new() };
    assert!(deliver(callouts[0].id, answer).unwrap().timers);
    assert_eq!(used(&host, &["proxy_on_http_call_response"]).0, 0);
    pass(&host, &chain, Duration::from_secs(5), drop);
    assert_eq!(used(&host, &["proxy_on_http_call_response"]).0, 1);
}

#[test]
fn queues_and_ticks_do_not_starve_each_other() {
    let host = still();
    let register = "(drop (call $register (i32.const 1024) (i32.const 1) (i32.const 0)))";
    let send = "(drop (call $enqueue (i32.load (i32.const 0)) (i32.const 64) (i32.const 1)))";
    let fields = [
        callback("proxy_on_configure", CONFIGURE, &format!("{register} {TICKS}")),
        callback("proxy_on_request_headers", HEADERS, &format!("{send} (i32.const 0)")),
        callback("proxy_on_tick", ROOT, &burns(300_000)),
        callback("proxy_on_queue_ready", "(param i32 i32)", &format!("{} {send}", burns(300_000))),
    ];
    let chain = Chain::new(vec![policy(&host, &fields.each_ref().map(String::as_str), |_| {})]);
    drop(got(&chain));
    pass(&host, &chain, Duration::from_secs(20), drop);
    let counts = ["proxy_on_tick", "proxy_on_queue_ready"].map(|name| used(&host, &[name]).0);
    assert!(counts.iter().all(|count| *count > 30), "{counts:?}");
}

#[test]
fn the_tenants_of_a_policy_have_one_share_and_take_turns() {
    let host = still();
    let fields = [
        callback("proxy_on_configure", CONFIGURE, TICKS),
        callback("proxy_on_request_headers", HEADERS, "(i32.const 0)"),
        callback("proxy_on_tick", ROOT, &burns(300_000)),
    ];
    let chain = Chain::new(vec![policy(&host, &fields.each_ref().map(String::as_str), |spec| {
        let key = TenantKey::Header("x-tenant".into());
        spec.tenants = Some(TenantSettings { key, most: 100, idle: Duration::from_hours(1) });
    })]);
    for tenant in 0..20 {
        common::posted(&chain, &[("x-tenant", &tenant.to_string())]);
    }
    pass(&host, &chain, Duration::from_secs(20), drop);
    let (count, fuel) = used(&host, &["proxy_on_tick"]);
    assert!(fuel <= 20 * SECOND + HOLD + fuel / count, "{count} ticks with {fuel} units");
    assert!(count > 20 * 5, "each of 20 tenants had its turns: {count}");
}

#[test]
fn the_next_tick_is_due_a_period_after_the_last_one_has_ended() {
    static HOST: OnceLock<Host> = OnceLock::new();
    // 25 ms pass while the tick runs.
    let function = ForeignFunction::Synchronous(Arc::new(|_: &[u8]| {
        assert!(HOST.get().unwrap().advance(Duration::from_millis(25)));
        Ok(Vec::new())
    }));
    let functions = ForeignFunctions::from([("wait".to_owned(), function)]);
    let options = HostOptions { clock: Clock::stopped_at(0), functions, ..HostOptions::default() };
    let host = HOST.get_or_init(|| Host::with(options));
    let wait = "(drop (call $foreign (i32.const 3000) (i32.const 4) (i32.const 0) (i32.const 0)
        (i32.const 16) (i32.const 20)))";
    let fields = [
        r#"(import "env" "proxy_call_foreign_function"
            (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))"#,
        r#"(data (i32.const 3000) "wait")"#,
        &callback("proxy_on_configure", CONFIGURE, TICKS),
        &callback("proxy_on_tick", ROOT, wait),
    ];
    let chain = Chain::new(vec![policy(host, &fields, |spec| {
        spec.capabilities.foreign_functions = vec!["wait".into()];
    })]);
    let _ = chain.start();
    assert!(host.advance(Duration::from_millis(10)));
    let before = host.unix_time();
    assert_eq!(chain.tick().wait, Some(Duration::from_millis(10)));
    assert_eq!(host.unix_time() - before, 25_000_000);
}

#[test]
fn policies_start_before_the_first_request() {
    let host = still();
    let tick = callback("proxy_on_tick", ROOT, "");
    let configure = callback("proxy_on_configure", CONFIGURE, &format!("{CALL_SITE} {TICKS}"));
    let chain = Chain::new(vec![policy(&host, &[&configure, &tick], |_| {})]);
    assert_eq!(host.instances(), 0);
    let effects = chain.start();
    assert_eq!((effects.callouts.len(), effects.timers, host.instances()), (1, true, 1));
    assert!(chain.start().callouts.is_empty());
}

#[test]
fn a_turn_starts_one_policy_that_is_not_there() {
    let host = still();
    let plugins = || load_with(&host, "p", &[], |_| {});
    let chain = Chain::new(vec![plugins(), plugins()]);
    let waits = [(); 3].map(|()| (chain.tick().wait, host.instances()));
    assert_eq!(waits, [(Some(Duration::ZERO), 1), (None, 2), (None, 2)]);
}
