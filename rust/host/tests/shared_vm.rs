//! Plugins of one `vm_id`: one VM on a thread, a root context for each.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::thread;

use common::{CONTEXT, HEADERS, LOG, callback, got, guest, host, said};
use wasmgate_host::{Chain, Effects, Error, Host, Plugin, PluginSpec};

const PROPERTY: &str = r#"(import "env" "proxy_get_property"
    (func $property (param i32 i32 i32 i32) (result i32)))"#;
const CONFIGURATION: &str = r#"(import "env" "proxy_get_buffer_bytes"
    (func $buffer (param i32 i32 i32 i32 i32) (result i32)))"#;
const TICK: &str = r#"(import "env" "proxy_set_tick_period_milliseconds"
    (func $tick (param i32) (result i32)))"#;

/// Counts VM starts and requests in its memory and says them; refuses the configuration `no`.
fn counting() -> Vec<u8> {
    let start = callback(
        "proxy_on_vm_start",
        "(param i32 i32) (result i32)",
        "(global.set $starts (i32.add (global.get $starts) (i32.const 1))) (i32.const 1)",
    );
    let configure = callback(
        "proxy_on_configure",
        "(param i32 i32) (result i32)",
        "(drop (call $buffer (i32.const 7) (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 4)))
         (if (i32.eqz (i32.load (i32.const 4))) (then (return (i32.const 1))))
         (i32.ne (i32.load8_u (i32.load (i32.const 0))) (i32.const 110))",
    );
    // Says "<starts><requests>", and crashes at a fifth field.
    let headers = callback(
        "proxy_on_request_headers",
        HEADERS,
        "(if (i32.eq (local.get $fields) (i32.const 5)) (then unreachable))
         (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
         (i32.store8 (i32.const 64) (i32.add (global.get $starts) (i32.const 48)))
         (i32.store8 (i32.const 65) (i32.add (global.get $requests) (i32.const 48)))
         (drop (call $log (i32.const 2) (i32.const 64) (i32.const 2)))
         (i32.const 0)",
    );
    let globals =
        "(global $starts (mut i32) (i32.const 0)) (global $requests (mut i32) (i32.const 0))";
    guest(&[LOG, CONFIGURATION, globals, &start, &configure, &headers])
}

fn member(host: &Host, name: &str, say: impl FnOnce(&mut PluginSpec)) -> Result<Plugin, Error> {
    let mut spec = PluginSpec { name: name.into(), vm_id: "both".into(), ..PluginSpec::default() };
    say(&mut spec);
    Plugin::load(host, &counting(), spec)
}

fn two(host: &Host) -> [Chain; 2] {
    ["one", "two"].map(|name| Chain::new(vec![member(host, name, |_| {}).unwrap()]))
}

#[test]
fn plugins_of_one_vm_id_share_an_instance() {
    let host = host();
    let [one, two] = two(&host);
    assert_eq!(said(&got(&one).1), ["one: 11"]);
    assert_eq!(said(&got(&two).1), ["two: 22"]);
    assert_eq!(host.instances(), 1);
}

#[test]
fn another_configuration_of_the_vm_is_another_vm() {
    let host = host();
    let plain = Chain::new(vec![member(&host, "one", |_| {}).unwrap()]);
    let other = member(&host, "two", |spec| spec.vm_configuration = b"other".to_vec()).unwrap();
    let other = Chain::new(vec![other]);
    got(&plain);
    assert_eq!((said(&got(&other).1), host.instances()), (vec!["two: 11".to_owned()], 2));
}

#[test]
fn without_a_vm_id_a_plugin_is_alone() {
    let host = host();
    let alone = |name: &str| {
        Chain::new(vec![member(&host, name, |spec| spec.vm_id = String::new()).unwrap()])
    };
    let (one, two) = (alone("one"), alone("two"));
    got(&one);
    assert_eq!((said(&got(&two).1), host.instances()), (vec!["two: 11".to_owned()], 2));
}

#[test]
fn each_thread_has_an_instance() {
    let host = host();
    let [one, two] = two(&host);
    got(&one);
    let elsewhere = thread::spawn(move || said(&got(&two).1)).join().unwrap();
    assert_eq!(elsewhere, ["two: 11"]);
}

#[test]
fn another_configuration_is_a_root_context_of_the_same_vm() {
    let host = host();
    let base = member(&host, "one", |spec| spec.vm_id = String::new()).unwrap();
    let route = base.with_configuration(b"yes".to_vec(), Vec::new()).unwrap();
    let [base, route] = [base, route].map(|plugin| Chain::new(vec![plugin]));
    got(&base);
    assert_eq!((said(&got(&route).1), host.instances()), (vec!["one: 22".to_owned()], 1));
}

#[test]
fn a_refused_configuration_is_said_when_it_is_loaded() {
    let host = host();
    let base = member(&host, "one", |_| {}).unwrap();
    let refused = base.with_configuration(b"no".to_vec(), Vec::new()).err().unwrap();
    assert!(matches!(refused, Error::Refused { callback: "proxy_on_configure", .. }));
    assert_eq!(said(&got(&Chain::new(vec![base])).1), ["one: 11"]);
}

fn crash(chain: &Chain) -> Effects {
    common::posted(chain, &[("x-crash", "1")]).1
}

#[test]
fn a_crash_ends_all_and_all_come_again() {
    let host = host();
    let [one, two] = two(&host);
    got(&one);
    got(&two);
    crash(&one);
    // Both have their root contexts again, in a fresh instance.
    assert_eq!(said(&got(&two).1), ["two: 21"]);
    assert_eq!(host.instances(), 1);
}

#[test]
fn crashes_hold_none_of_the_vm_back() {
    let host = host();
    let [one, two] = two(&host);
    got(&two);
    crash(&one);
    crash(&one);
    assert_eq!(said(&got(&two).1), ["two: 21"]);
}

#[test]
fn the_instance_goes_with_the_last_plugin() {
    let host = host();
    let [one, two] = two(&host);
    got(&one);
    got(&two);
    drop(one);
    assert_eq!(said(&got(&two).1), ["two: 23"]);
    drop(two);
    assert_eq!(host.instances(), 0);
}

/// Says its name, by `plugin_name`, in a callback and for the effective root context 1.
fn naming(body: &str) -> Vec<u8> {
    let name = r#"(data (i32.const 100) "plugin_name")
        (func $name
            (drop (call $property (i32.const 100) (i32.const 11) (i32.const 0) (i32.const 4)))
            (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4)))))"#;
    guest(&[LOG, PROPERTY, CONTEXT, TICK, name, body])
}

fn named(host: &Host, name: &str, module: &[u8]) -> Chain {
    let spec = PluginSpec { name: name.into(), vm_id: "both".into(), ..PluginSpec::default() };
    Chain::new(vec![Plugin::load(host, module, spec).unwrap()])
}

#[test]
fn the_effective_context_says_whose_hostcall_it_is() {
    let headers = callback(
        "proxy_on_request_headers",
        HEADERS,
        "(call $name) (drop (call $context (i32.const 1))) (call $name) (i32.const 0)",
    );
    let (host, module) = (host(), naming(&headers));
    let [one, two] = ["one", "two"].map(|name| named(&host, name, &module));
    got(&one);
    assert_eq!(said(&got(&two).1), ["two: two", "one: one"]);
}

#[test]
fn capabilities_are_those_of_the_effective_context() {
    const METRIC: &str = r#"(import "env" "proxy_define_metric"
        (func $metric (param i32 i32 i32 i32) (result i32)))"#;
    let headers = callback(
        "proxy_on_request_headers",
        HEADERS,
        "(drop (call $metric (i32.const 0) (i32.const 100) (i32.const 3) (i32.const 0)))
         (drop (call $context (i32.const 1)))
         (drop (call $metric (i32.const 0) (i32.const 100) (i32.const 4) (i32.const 0)))
         (i32.const 0)",
    );
    let (host, module) =
        (host(), guest(&[METRIC, CONTEXT, r#"(data (i32.const 100) "hits")"#, &headers]));
    let [one, two] = ["one", "two"].map(|name| {
        let mut spec =
            PluginSpec { name: name.into(), vm_id: "both".into(), ..PluginSpec::default() };
        // What one may define, two may not, and the other way round.
        spec.capabilities.metrics = vec![if name == "one" { "hits" } else { "hit" }.into()];
        Chain::new(vec![Plugin::load(&host, &module, spec).unwrap()])
    });
    got(&one);
    got(&two);
    let denials =
        host.denials().into_iter().map(|denial| (denial.policy.to_string(), denial.value));
    assert_eq!(denials.collect::<Vec<_>>(), [("one".to_owned(), "hit".to_owned())]);
    let names: Vec<String> = host.metrics().into_iter().map(|metric| metric.name).collect();
    assert_eq!(names, ["hits", "hit"]);
}

#[test]
fn each_root_context_has_its_tick() {
    let configure = callback(
        "proxy_on_configure",
        "(param i32 i32) (result i32)",
        "(drop (call $tick (i32.const 10))) (i32.const 1)",
    );
    let tick = callback("proxy_on_tick", "(param i32)", "(call $name)");
    let (host, module) = (host(), naming(&[configure, tick].join("\n")));
    let [one, two] = ["one", "two"].map(|name| named(&host, name, &module));
    let timers = [got(&one).1.timers, got(&two).1.timers];
    assert_eq!(timers, [true, true]);
    for (chain, line) in [(&one, "one: one"), (&two, "two: two")] {
        let lines = std::iter::repeat_with(|| said(&chain.tick().effects));
        assert_eq!(lines.into_iter().find(|lines| !lines.is_empty()).unwrap(), [line]);
    }
}
