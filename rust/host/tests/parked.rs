//! Streams whose guest said in `proxy_on_done` that it is not done, and never says `proxy_done`.

mod common;

use common::{LOG, callback, got, guest, host, load_with};
use wasmgate_host::{Chain, Plugin, PluginSpec};

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
        let (name, vm_id, module) = (name.into(), "both".into(), module.clone());
        Plugin::load(&host, PluginSpec { name, vm_id, module, ..PluginSpec::default() }).unwrap()
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
