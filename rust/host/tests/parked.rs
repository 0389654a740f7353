//! Streams whose guest said in `proxy_on_done` that it is not done, and never says `proxy_done`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::Arc;

use common::{LOG, callback, got, guest, head, host, load, load_with};
use wasmgate_host::{Attributes, Chain, Plugin, PluginSpec, Stream};

const DONE: &str = "(param $context i32) (result i32)";
const ENDED: &str = "(param $context i32)";
const SAY: &str = "(drop (call $log (i32.const 2) (i32.const 0) (i32.const 4)))";

/// Says `over` when a context is deleted.
fn never_done() -> Vec<String> {
    vec![
        LOG.into(),
        r#"(data (i32.const 0) "over")"#.into(),
        callback("proxy_on_done", DONE, "(i32.const 0)"),
        callback("proxy_on_delete", ENDED, SAY),
    ]
}

fn fields(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

#[test]
fn a_stream_that_waits_does_not_keep_its_plugin() {
    let host = host();
    let plugin = load_with(&host, "p", &fields(&never_done()), |_| {});
    let chain = Chain::new(vec![plugin]);
    drop(got(&chain));
    assert_eq!(host.instances(), 1);
    drop(chain);
    assert_eq!(host.instances(), 0);
}

#[test]
fn a_stream_that_waits_ends_with_its_plugin() {
    let host = host();
    let plugin = load_with(&host, "p", &fields(&never_done()), |_| {});
    let chain = Chain::new(vec![plugin]);
    let (mut stream, _) = got(&chain);
    assert!(stream.close().unwrap().logs.is_empty());
    drop(chain);
    drop(stream);
    let said = common::said(&Chain::new(Vec::new()).tick().effects);
    assert_eq!(said, ["p: over"]);
}

#[test]
fn in_a_shared_vm_it_ends_with_its_own_plugin() {
    let host = host();
    let module = guest(&fields(&never_done()));
    let shared = |name: &str| {
        let (name, vm_id) = (name.into(), "both".into());
        Plugin::load(&host, &module, PluginSpec { name, vm_id, ..PluginSpec::default() }).unwrap()
    };
    let chains = ["one", "two"].map(|name| Chain::new(vec![shared(name)]));
    for chain in &chains {
        let (mut stream, _) = got(chain);
        assert!(stream.close().unwrap().logs.is_empty());
    }
    let [one, two] = chains;
    drop(one);
    // The stream, then the root context.
    let said = common::said(&Chain::new(Vec::new()).tick().effects);
    assert_eq!(said, ["one: over", "one: over"]);
    assert_eq!(host.instances(), 1);
    drop(two);
    assert_eq!(host.instances(), 0);
}

#[test]
fn a_crash_at_the_end_of_one_lets_go_of_all() {
    let crash_at_the_third = "(global.set $ends (i32.add (global.get $ends) (i32.const 1)))
        (if (i32.eq (global.get $ends) (i32.const 3)) (then unreachable))";
    let fields = [
        "(global $ends (mut i32) (i32.const 0))",
        &callback("proxy_on_done", DONE, "(i32.const 0)"),
        &callback("proxy_on_delete", ENDED, crash_at_the_third),
    ];
    let chain = Chain::new(vec![load("p", &fields)]);
    let address: Arc<str> = "192.0.2.1".into();
    for _ in 0..4 {
        let source = Some((Arc::clone(&address), 1));
        let mut stream = Stream::open(&chain, Attributes { source, ..Attributes::default() });
        stream.on_request_headers(head(&[]), true).unwrap();
        stream.close().unwrap();
    }
    assert_eq!(Arc::strong_count(&address), 5);
    drop(chain);
    assert_eq!(Arc::strong_count(&address), 1);
}
