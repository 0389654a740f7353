//! `TenantSettings`: a VM for each tenant, made at its first request and dropped when it is idle.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::thread;
use std::time::Duration;

use common::{HEADERS, LOG, callback, guest, head, host, posted, said, status};
use wasmgate_host::{
    Attributes, Chain, Clock, Effects, Host, HostOptions, Plugin, PluginSpec, Stream, TenantKey,
    TenantSettings,
};

const DATA: &str = r#"
    (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_get_shared_data" (func $get (param i32 i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))
    (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))"#;

/// Says "<status of the shared key><requests>" and stores the key; crashes at a sixth field.
fn remembering(more: &str) -> Vec<u8> {
    let headers = callback(
        "proxy_on_request_headers",
        HEADERS,
        "(if (i32.eq (local.get $fields) (i32.const 6)) (then unreachable))
         (global.set $requests (i32.add (global.get $requests) (i32.const 1)))
         (i32.store8 (i32.const 64) (i32.add (i32.const 48)
            (call $get (i32.const 64) (i32.const 1) (i32.const 0) (i32.const 4) (i32.const 8))))
         (i32.store8 (i32.const 65) (i32.add (global.get $requests) (i32.const 48)))
         (drop (call $log (i32.const 2) (i32.const 64) (i32.const 2)))
         (i32.store8 (i32.const 64) (i32.const 0))
         (drop (call $set (i32.const 64) (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 0)))
         (i32.const 0)",
    );
    guest(&[LOG, DATA, "(global $requests (mut i32) (i32.const 0))", &headers, more])
}

fn by_header() -> TenantSettings {
    TenantSettings { key: TenantKey::Header("x-tenant".into()), most: 1024, idle: IDLE }
}

fn chain_of(host: &Host, module: &[u8], tenants: TenantSettings) -> Chain {
    let spec = PluginSpec { name: "p".into(), tenants: Some(tenants), ..PluginSpec::default() };
    Chain::new(vec![Plugin::load(host, module, spec).unwrap()])
}

fn of(chain: &Chain, tenant: &str) -> (Stream, Effects) {
    posted(chain, &[("x-tenant", tenant)])
}

fn line(chain: &Chain, tenant: &str) -> Vec<String> {
    said(&of(chain, tenant).1)
}

#[test]
fn tenants_see_neither_memory_nor_shared_data_of_each_other() {
    let chain = chain_of(&host(), &remembering(""), by_header());
    assert_eq!(line(&chain, "acme"), ["p: 11"]);
    assert_eq!(line(&chain, "acme"), ["p: 02"]);
    assert_eq!(line(&chain, "other"), ["p: 11"]);
}

#[test]
fn requests_that_name_none_are_one_tenant() {
    let host = host();
    let chain = chain_of(&host, &remembering(""), by_header());
    assert_eq!([said(&posted(&chain, &[]).1), line(&chain, "")], [["p: 11"], ["p: 02"]]);
    assert_eq!(host.instances(), 1);
}

#[test]
fn a_host_is_a_tenant_without_case_and_port() {
    let settings = TenantSettings { key: TenantKey::Host, ..by_header() };
    let chain = chain_of(&host(), &remembering(""), settings);
    let mut lines = Vec::new();
    for authority in ["acme", "ACME:8080", "other"] {
        let mut stream = Stream::open(&chain, Attributes::default());
        let mut headers = head(&[("x-a", "1")]);
        headers.set(b":authority", authority.as_bytes());
        lines.extend(said(&stream.on_request_headers(headers, true).unwrap()));
    }
    assert_eq!(lines, ["p: 11", "p: 02", "p: 11"]);
}

#[test]
fn a_property_of_an_earlier_policy_names_the_tenant() {
    // Stores the first value of x-tenant as the property `who`.
    let headers = callback(
        "proxy_on_request_headers",
        HEADERS,
        "(drop (call $header (i32.const 0) (i32.const 100) (i32.const 8) (i32.const 0) (i32.const 4)))
           (drop (call $store (i32.const 120) (i32.const 3)
              (i32.load (i32.const 0)) (i32.load (i32.const 4))))
           (i32.const 0)",
    );
    let names = r#"(data (i32.const 100) "x-tenant") (data (i32.const 120) "who")"#;
    let imports = r#"(import "env" "proxy_get_header_map_value"
            (func $header (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_set_property" (func $store (param i32 i32 i32 i32) (result i32)))"#;
    let host = host();
    let first = common::load_with(&host, "first", &[imports, names, &headers], |_| {});
    let settings = TenantSettings { key: TenantKey::Property(b"who".to_vec()), ..by_header() };
    let second = chain_of(&host, &remembering(""), settings).plugins()[0].clone();
    let chain = Chain::new(vec![first, second]);
    assert_eq!([line(&chain, "acme"), line(&chain, "other")], [["p: 11"], ["p: 11"]]);
    assert_eq!(line(&chain, "acme"), ["p: 02"]);
}

#[test]
fn a_guest_can_ask_whose_it_is() {
    let asks = callback(
        "proxy_on_response_headers",
        HEADERS,
        "(drop (call $property (i32.const 100) (i32.const 15) (i32.const 0) (i32.const 4)))
         (drop (call $log (i32.const 2) (i32.load (i32.const 0)) (i32.load (i32.const 4))))
         (i32.const 0)",
    );
    let path = r#"(data (i32.const 100) "wasmgate\00tenant")"#;
    let chain = chain_of(&host(), &remembering(&[path, &asks].concat()), by_header());
    let (mut stream, _) = of(&chain, "acme");
    let effects = stream.on_response_headers(common::map(&[(":status", "200")]), true).unwrap();
    assert_eq!(said(&effects), ["p: acme"]);
}

#[test]
fn a_crash_of_one_leaves_the_others() {
    let chain = chain_of(&host(), &remembering(""), by_header());
    line(&chain, "other");
    for _ in 0..2 {
        let (stream, _) = posted(&chain, &[("x-tenant", "acme"), ("x-crash", "1")]);
        assert_eq!(status(&stream), "503");
    }
    assert_eq!(line(&chain, "acme").len(), 1, "it is suspended");
    assert_eq!(line(&chain, "other"), ["p: 02"]);
}

/// A host whose time stands still.
fn timeless() -> Host {
    Host::with(HostOptions { clock: Clock::stopped_at(0), ..HostOptions::default() })
}

const IDLE: Duration = Duration::from_mins(5);

#[test]
fn one_that_is_idle_goes_without_a_request() {
    let host = timeless();
    let chain = chain_of(&host, &remembering(""), by_header());
    let (stream, effects) = of(&chain, "acme");
    assert!(effects.timers);
    assert_eq!(chain.tick().wait, Some(IDLE));
    assert!(host.advance(IDLE));
    assert_eq!((chain.tick().wait, host.instances()), (Some(IDLE), 1), "its stream keeps it");
    drop(stream);
    assert!(host.advance(IDLE));
    assert_eq!((chain.tick().wait, host.instances()), (None, 0));
    assert_eq!(line(&chain, "acme"), ["p: 01"], "its shared data are still there");
}

#[test]
fn one_that_is_driven_out_finds_its_data_when_it_comes_back() {
    let chain = chain_of(&host(), &remembering(""), TenantSettings { most: 2, ..by_header() });
    for _ in 0..3 {
        line(&chain, "acme");
    }
    for made_up in 0..1000 {
        assert_eq!(line(&chain, &made_up.to_string()), ["p: 11"]);
    }
    assert_eq!(line(&chain, "acme"), ["p: 01"]);
}

#[test]
fn a_reload_keeps_the_data_of_tenants() {
    let host = host();
    let chain = chain_of(&host, &remembering(""), by_header());
    line(&chain, "acme");
    let next = chain_of(&host, &remembering("(global i32 (i32.const 1))"), by_header());
    drop(chain);
    assert_eq!(line(&next, "acme"), ["p: 01"]);
}

#[test]
fn one_that_was_used_since_stays() {
    let host = timeless();
    let chain = chain_of(&host, &remembering(""), by_header());
    line(&chain, "acme");
    assert!(host.advance(IDLE / 2));
    line(&chain, "acme");
    assert!(host.advance(IDLE / 2));
    assert_eq!(chain.tick().wait, Some(IDLE / 2));
    assert_eq!(line(&chain, "acme"), ["p: 03"]);
}

#[test]
fn over_the_bound_the_longest_idle_goes() {
    let host = host();
    let chain = chain_of(&host, &remembering(""), TenantSettings { most: 2, ..by_header() });
    drop(of(&chain, "one"));
    let (_kept, _) = of(&chain, "two");
    assert_eq!(line(&chain, "three"), ["p: 11"]);
    assert_eq!(host.instances(), 2);
    assert_eq!(line(&chain, "two"), ["p: 02"]);
}

#[test]
fn over_the_bound_with_none_idle_the_failure_policy_answers() {
    let chain = chain_of(&host(), &remembering(""), TenantSettings { most: 1, ..by_header() });
    let (_kept, _) = of(&chain, "one");
    let (stream, effects) = of(&chain, "two");
    assert_eq!(status(&stream), "503");
    assert!(said(&effects)[0].contains("all its 1 tenants"), "{:?}", said(&effects));
}

#[test]
fn a_long_key_is_no_name() {
    let chain = chain_of(&host(), &remembering(""), by_header());
    let (stream, effects) = of(&chain, &"x".repeat(257));
    assert_eq!(status(&stream), "503");
    assert!(said(&effects)[0].contains("257 bytes"), "{:?}", said(&effects));
}

#[test]
fn each_tenant_ticks() {
    let configure = callback(
        "proxy_on_configure",
        "(param i32 i32) (result i32)",
        "(drop (call $tick (i32.const 10))) (i32.const 1)",
    );
    let tick = callback(
        "proxy_on_tick",
        "(param i32)",
        "(drop (call $log (i32.const 2) (i32.const 64) (i32.const 1)))",
    );
    let chain = chain_of(&host(), &remembering(&[configure, tick].concat()), by_header());
    of(&chain, "one");
    assert!(of(&chain, "two").1.timers);
    let mut ticks = 0;
    while ticks < 4 {
        ticks += chain.tick().effects.logs.len();
    }
}

#[test]
fn all_threads_share_the_data_of_a_tenant_and_drop_their_instances() {
    let host = timeless();
    let chain = chain_of(&host, &remembering(""), by_header());
    line(&chain, "acme");
    let (elsewhere, other_host) = (chain.clone(), host.clone());
    let (lines, left) = thread::spawn(move || {
        let lines = line(&elsewhere, "acme");
        assert!(other_host.advance(IDLE));
        assert_eq!(elsewhere.tick().wait, None);
        (lines, other_host.instances())
    })
    .join()
    .unwrap();
    assert_eq!((lines, left), (vec!["p: 01".to_owned()], 0));
    assert_eq!(host.instances(), 0);
}

#[test]
fn tenants_go_with_their_plugin() {
    let host = host();
    let chain = chain_of(&host, &remembering(""), by_header());
    line(&chain, "acme");
    drop(chain);
    assert_eq!(host.instances(), 0);
}

#[test]
fn another_configuration_is_in_the_vm_of_the_tenant() {
    let host = host();
    let chain = chain_of(&host, &remembering(""), by_header());
    let route = chain.plugins()[0].with_configuration(b"route".to_vec(), Vec::new()).unwrap();
    line(&chain, "acme");
    assert_eq!(line(&Chain::new(vec![route]), "acme"), ["p: 02"]);
    assert_eq!(host.instances(), 1);
    assert_eq!(line(&chain, "acme"), ["p: 03"]);
}

#[test]
fn a_thousand_tenants_on_one_thread() {
    let host = host();
    let chain = chain_of(&host, &remembering(""), by_header());
    for tenant in 0..1000 {
        assert_eq!(line(&chain, &tenant.to_string()), ["p: 11"]);
    }
    assert_eq!(host.instances(), 1000);
}
