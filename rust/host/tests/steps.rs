//! What one step may cause: callbacks of queues and after `proxy_done` are bounded, and none is lost.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fmt::Write;
use std::thread;
use std::time::Duration;

use common::{CONTEXT, HEADERS, LOG, callback, got, load_with, said};
use wasmgate_host::{
    CalloutAnswer, Capabilities, Chain, Clock, Effects, HeaderMap, Host, HostOptions, LogLevel,
    Plugin, PluginSpec, Stream, deliver,
};

const QUEUES: &str = r#"
    (import "env" "proxy_register_shared_queue" (func $register (param i32 i32 i32) (result i32)))
    (import "env" "proxy_enqueue_shared_queue" (func $enqueue (param i32 i32 i32) (result i32)))
    (import "env" "proxy_dequeue_shared_queue" (func $dequeue (param i32 i32 i32) (result i32)))"#;
const DONE: &str = r#"(import "env" "proxy_done" (func $done (result i32)))"#;
const CALL: &str = r#"(import "env" "proxy_http_call"
    (func $call (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;
const TICK: &str = r#"(import "env" "proxy_set_tick_period_milliseconds" (func $period (param i32) (result i32)))"#;
const STARTED: &str = "(param i32 i32) (result i32)";
const READY: &str = "(param $root i32) (param $queue i32)";
const REGISTER: &str = "(drop (call $register (i32.const 64) (i32.const 1) (i32.const 0)))";
const ENQUEUE: &str =
    "(drop (call $enqueue (i32.load (i32.const 0)) (i32.const 64) (i32.const 1)))";
const SAY: &str = "(drop (call $log (i32.const 2) (i32.const 80) (i32.const 5)))";
const TEXT: &str = r#"(data (i32.const 64) "q") (data (i32.const 80) "ready")"#;
const DONE_FOR_ALL: &str = "(local.set $i (i32.const 2))
    (loop $again
        (if (i32.eqz (call $context (local.get $i))) (then (drop (call $done))))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
            (i32.const 300))))";

/// A host whose time stands still.
fn still() -> Host {
    let clock = Clock::stopped_at(0);
    Host::with(HostOptions { clock, log_level: LogLevel::Info, ..HostOptions::default() })
}

fn policy(host: &Host, fields: &[&str], say: impl FnOnce(&mut PluginSpec)) -> Plugin {
    let fields = [&[LOG, CONTEXT, QUEUES, DONE, CALL, TICK, TEXT][..], fields].concat();
    load_with(host, "p", &fields, say)
}

/// Lets the loop have its turns until nothing waits.
fn settle(host: &Host, chain: &Chain) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let ticked = chain.tick();
        lines.extend(said(&ticked.effects));
        let Some(wait) = ticked.wait else { return lines };
        assert!(host.advance(wait));
    }
}

/// Three values in one callback.
fn three(read: &str) -> [String; 3] {
    [
        callback("proxy_on_vm_start", STARTED, &format!("{REGISTER} (i32.const 1)")),
        callback(
            "proxy_on_request_headers",
            HEADERS,
            &format!("{} (i32.const 0)", ENQUEUE.repeat(3)),
        ),
        callback("proxy_on_queue_ready", READY, &format!("{read} {SAY}")),
    ]
}

const READ: &str = "(drop (call $dequeue (local.get $queue) (i32.const 16) (i32.const 20)))";

#[test]
fn a_listener_is_told_of_each_value() {
    let guest = three(READ);
    let chain = Chain::new(vec![policy(&still(), &guest.each_ref().map(String::as_str), |_| {})]);
    assert_eq!(said(&got(&chain).1), ["p: ready"; 3]);
}

#[test]
fn a_listener_that_reads_nothing_is_told_of_each_value_once() {
    let (host, guest) = (still(), three(""));
    let chain = Chain::new(vec![policy(&host, &guest.each_ref().map(String::as_str), |_| {})]);
    assert_eq!(said(&got(&chain).1), ["p: ready"; 3]);
    assert!(settle(&host, &chain).is_empty());
}

#[test]
fn what_does_not_fit_into_a_step_comes_with_the_loops_next_turns() {
    let (host, guest) = (still(), three(READ));
    let chain = Chain::new(vec![policy(&host, &guest.each_ref().map(String::as_str), |spec| {
        spec.limits.step_callbacks = 2;
    })]);
    let (_stream, effects) = got(&chain);
    let mut lines = said(&effects);
    assert_eq!(lines.iter().filter(|line| *line == "p: ready").count(), 2);
    assert!(lines.remove(2).contains("`step_callbacks`"));
    assert!(effects.timers);
    assert_eq!(settle(&host, &chain), ["p: ready"]);
    assert_eq!(host.policies()[0].put_off, 1);
}

#[test]
fn a_value_waits_for_a_listener_that_is_not_there_yet() {
    let host = still();
    let told = callback("proxy_on_queue_ready", READY, SAY);
    let start = callback("proxy_on_vm_start", STARTED, &format!("{REGISTER} (i32.const 1)"));
    let listener = policy(&host, &[&start, &told], |spec| spec.vm_id = "shared".into());
    // The number of the first queue is 1.
    let send = ENQUEUE.replace("(i32.load (i32.const 0))", "(i32.const 1)");
    let send = callback("proxy_on_request_headers", HEADERS, &format!("{send} (i32.const 0)"));
    let sender = policy(&host, &[&send], |spec| {
        spec.name = "sender".into();
        spec.capabilities.shared_data = vec!["shared".into()];
    });
    let effects = got(&Chain::new(vec![sender])).1;
    assert!(said(&effects).is_empty());
    assert_eq!(settle(&host, &Chain::new(vec![listener])), ["p: ready"]);
}

#[test]
fn a_value_waits_while_its_listener_starts_again() {
    let host = still();
    let told = callback("proxy_on_queue_ready", READY, &format!("{SAY} {READ}"));
    let start = callback("proxy_on_vm_start", STARTED, &format!("{REGISTER} (i32.const 1)"));
    let crash = format!("{} unreachable", ENQUEUE.repeat(2));
    let crash = callback("proxy_on_request_headers", HEADERS, &crash);
    let chain = Chain::new(vec![policy(&host, &[&start, &crash, &told], |_| {})]);
    let lines = said(&got(&chain).1);
    assert_eq!(lines.iter().filter(|line| *line == "p: ready").count(), 2);
}

/// A policy whose streams end when one of them says so.
fn parks(host: &Host, burns: u32) -> Chain {
    let burn = format!(
        "(local $i i32) (local.set $i (i32.const {burns}))
        (loop $a (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))"
    );
    let end = format!(
        "(local $i i32) (if (i32.eq (local.get $fields) (i32.const 5)) (then {DONE_FOR_ALL}))
        (i32.const 0)"
    );
    Chain::new(vec![policy(
        host,
        &[
            &callback("proxy_on_request_headers", HEADERS, &end),
            &callback("proxy_on_done", "(param i32) (result i32)", "(i32.const 0)"),
            &callback("proxy_on_log", "(param i32)", &burn),
            &callback("proxy_on_delete", "(param i32)", &burn),
        ],
        |_| {},
    )])
}

fn calls(host: &Host, names: &[&str]) -> (u64, u64) {
    let known = host.callbacks().into_iter().filter(|its| names.contains(&its.callback.as_str()));
    known.fold((0, 0), |(count, fuel), its| (count + its.fuel.count, fuel + its.fuel.sum))
}

#[test]
fn contexts_end_as_the_step_has_room_and_all_of_them_in_the_end() {
    let host = still();
    let chain = parks(&host, 1_000_000);
    for _ in 0..200 {
        drop(got(&chain));
    }
    assert_eq!(host.contexts(), 200);
    let ended = ["proxy_on_log", "proxy_on_delete"];
    let (stream, _) = common::posted(&chain, &[("x-attack", "1")]);
    let (count, fuel) = calls(&host, &ended);
    assert!(count > 0 && fuel <= 20_000_000, "{count} callbacks with {fuel} units");
    settle(&host, &chain);
    assert_eq!((calls(&host, &ended).0, host.contexts()), (400, 1));
    drop(stream);
}

#[test]
fn a_policy_that_goes_ends_its_contexts_in_turns_too() {
    let host = still();
    let chain = parks(&host, 1_000_000);
    for _ in 0..200 {
        drop(got(&chain));
    }
    drop(chain);
    let ended = ["proxy_on_log", "proxy_on_delete"];
    let before = calls(&host, &ended);
    assert!(before.1 <= 20_000_000, "{before:?}");
    settle(&host, &Chain::new(Vec::new()));
    assert_eq!(calls(&host, &ended).0, 400);
}

/// xorshift: a script is a seed.
struct Script(u64);

impl Script {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    /// Some of the actions that bring more callbacks, while `$left` lasts.
    fn actions(&mut self) -> String {
        let mut body = String::from("(local $i i32)");
        for _ in 0..self.below(4) {
            let action = match self.below(5) {
                0 => format!("(if (i32.eqz {}) (then {SAY}))", &ENQUEUE[6..ENQUEUE.len() - 1]),
                1 => DONE_FOR_ALL.to_owned(),
                2 => CALL_SITE.to_owned(),
                3 => format!(
                    "(local.set $i (i32.const {}))
                    (loop $a (br_if $a (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))",
                    self.below(50_000) + 1
                ),
                _ => {
                    "(drop (call $dequeue (i32.const 1) (i32.const 16) (i32.const 20)))".to_owned()
                }
            };
            write!(
                body,
                "(if (i32.gt_s (global.get $left) (i32.const 0)) (then
                    (global.set $left (i32.sub (global.get $left) (i32.const 1))) {action}))"
            )
            .unwrap();
        }
        body
    }
}

/// `:method`, `:path` and `:authority`, as a serialized map.
const CALL_SITE: &str = "(drop (call $call (i32.const 1024) (i32.const 4) (i32.const 2048)
    (i32.const 65) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 60000)
    (i32.const 512)))";
const MAP: &str = r#"(data (i32.const 1024) "site") (data (i32.const 2048)
    "\03\00\00\00\07\00\00\00\03\00\00\00\05\00\00\00\05\00\00\00\0a\00\00\00\01\00\00\00:method\00GET\00:path\00/self\00:authority\00a\00")"#;

fn scripted(host: &Host, script: &mut Script) -> Chain {
    let configure =
        format!("{REGISTER} (drop (call $period (i32.const {}))) (i32.const 1)", script.below(40));
    let acts = |script: &mut Script, name: &str, signature: &str, answer: &str| {
        callback(name, signature, &format!("{} {answer}", script.actions()))
    };
    let done = format!("(i32.const {})", script.below(2));
    let fields = [
        MAP.to_owned(),
        "(global $left (mut i32) (i32.const 200))".to_owned(),
        callback("proxy_on_configure", STARTED, &configure),
        acts(script, "proxy_on_request_headers", HEADERS, "(i32.const 0)"),
        acts(script, "proxy_on_queue_ready", READY, ""),
        acts(script, "proxy_on_tick", "(param i32)", ""),
        acts(script, "proxy_on_http_call_response", "(param i32 i32 i32 i32 i32)", ""),
        acts(script, "proxy_on_done", "(param i32) (result i32)", &done),
        acts(script, "proxy_on_log", "(param i32)", ""),
        acts(script, "proxy_on_delete", "(param i32)", ""),
    ];
    let limits = [script.below(6) + 1, FUEL + script.below(2 * FUEL)];
    let plugin = policy(host, &fields.each_ref().map(String::as_str), |spec| {
        spec.capabilities = Capabilities { net: vec!["site".into()], ..Capabilities::default() };
        spec.limits.fuel = FUEL;
        spec.limits.step_callbacks = u32::try_from(limits[0]).unwrap();
        spec.limits.step_fuel = limits[1];
    });
    Chain::new(vec![plugin])
}

/// Of one callback: more than any script uses.
const FUEL: u64 = 4_000_000;
/// What steps cause beside the callbacks that they are for.
const CAUSED: [&str; 3] = ["proxy_on_queue_ready", "proxy_on_log", "proxy_on_delete"];

/// A host, a policy, and what was counted of them.
struct Run {
    host: Host,
    chain: Chain,
    callouts: Vec<u64>,
    queued: usize,
}

impl Run {
    /// A step: `own` of its callbacks are not caused by others.
    fn step(&mut self, own: u64, step: impl FnOnce(&Chain) -> Effects) {
        let before = calls(&self.host, &CAUSED);
        let effects = step(&self.chain);
        let after = calls(&self.host, &CAUSED);
        let limits = self.limits();
        let (count, fuel) = (after.0 - before.0, after.1 - before.1);
        assert!(count <= limits.0 + own, "{count} callbacks in one step of {}", limits.0);
        assert!(fuel <= limits.1 + own * FUEL, "{fuel} units in one step of {}", limits.1);
        self.callouts.extend(effects.callouts.iter().map(|callout| callout.id));
        self.queued += effects.logs.iter().filter(|line| line.message == "ready").count();
    }

    fn limits(&self) -> (u64, u64) {
        let limits = self.chain.plugins()[0].limits();
        (limits.step_callbacks.into(), limits.step_fuel)
    }

    fn answer(&mut self) {
        while let Some(id) = self.callouts.pop() {
            let headers: HeaderMap = common::map(&[(":status", "200")]);
            let answer =
                CalloutAnswer::Response { headers, body: Vec::new(), trailers: HeaderMap::new() };
            self.step(0, |_| deliver(id, answer).unwrap());
        }
    }

    /// Turns of the loop until nothing but ticks is left to do.
    fn settle(&mut self) {
        for _ in 0..2_000 {
            self.answer();
            let mut wait = None;
            self.step(0, |chain| {
                let ticked = chain.tick();
                wait = ticked.wait;
                ticked.effects
            });
            let Some(wait) = wait else { return };
            assert!(self.host.advance(wait.max(Duration::from_millis(5))));
        }
    }
}

#[test]
fn no_step_of_any_script_causes_more_than_its_bound_and_all_of_it_arrives() {
    for seed in 1..=60_u64 {
        // What a policy leaves behind has its turns on its thread, with those of others.
        thread::spawn(move || runs_within_its_bounds(seed)).join().unwrap();
    }
}

fn runs_within_its_bounds(seed: u64) {
    let mut script = Script(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let host = still();
    let chain = scripted(&host, &mut script);
    let mut run = Run { host, chain, callouts: Vec::new(), queued: 0 };
    let mut open: Vec<Stream> = Vec::new();
    let mut opened = 0;
    for _ in 0..120 {
        match script.below(4) {
            0 | 1 => {
                let mut stream = None;
                run.step(0, |chain| {
                    let (new, effects) = got(chain);
                    stream = Some(new);
                    effects
                });
                open.extend(stream);
                opened += 1;
            }
            2 if !open.is_empty() => {
                let at = usize::try_from(script.below(open.len() as u64)).unwrap();
                let mut stream = open.swap_remove(at);
                run.step(2, |_| stream.close().unwrap());
            }
            _ => {
                assert!(run.host.advance(Duration::from_millis(script.below(30))));
                run.step(0, |chain| chain.tick().effects);
            }
        }
    }
    for mut stream in open {
        run.step(2, |_| stream.close().unwrap());
    }
    run.settle();
    let failed = &run.host.policies()[0];
    assert_eq!((failed.traps, failed.out_of_fuel), (0, 0), "seed {seed}");
    let count = |name| calls(&run.host, &[name]).0;
    assert!(count("proxy_on_queue_ready") >= run.queued as u64, "seed {seed}: {}", run.queued);
    assert_eq!(count("proxy_on_log"), count("proxy_on_delete"), "seed {seed}");
    assert_eq!(count("proxy_on_delete") + run.host.contexts() as u64, opened, "seed {seed}");
    assert_eq!(count("proxy_on_http_call_response"), failed.callouts, "seed {seed}");
}
