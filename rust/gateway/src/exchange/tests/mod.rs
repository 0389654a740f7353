//! Exchanges from the client's bytes to the upstream's and back, with real guests.

mod requests;
mod responses;

use std::sync::Arc;
use std::time::Duration;

use wasmgate_host::{Chain, Effects, Head, HeaderMap, Host, LogLevel, Plugin, PluginSpec};

use crate::cluster::ClusterSpec;
use crate::exchange::Exchange;
use crate::exchange::request_head::RequestLine;
use crate::exchange::response_head::ResponseReader;
use crate::http::limits::RequestLimits;
use crate::http::peer::Peer;
use crate::http::version::Version;
use crate::routing::action::ActionSpec;
use crate::routing::path_pattern::PathMatch;
use crate::routing::rewrite::PathRewriteSpec;
use crate::routing::route::RouteSpec;
use crate::routing::router::Router;
use crate::routing::router::RouterSpec;

/// A guest that does what `calls` say: (callback with its parameters, body that leaves an action).
fn policy(calls: &[(&str, &str)]) -> Plugin {
    let mut callbacks = String::new();
    for (name, body) in calls {
        callbacks += r#"(func (export ""#;
        callbacks += name;
        callbacks += r#"") (param i32 i32 i32) (result i32) "#;
        callbacks += body;
        callbacks += "(i32.const 0))";
    }
    let text = format!(
        r#"(module
          (import "env" "proxy_replace_header_map_value"
            (func $set (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_set_buffer_bytes"
            (func $body (param i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_send_local_response"
            (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_set_effective_context" (func $act_for (param i32) (result i32)))
          (import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))
          (import "env" "proxy_call_foreign_function"
            (func $foreign (param i32 i32 i32 i32 i32 i32) (result i32)))
          (import "env" "proxy_get_property"
            (func $property (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (global $first (mut i32) (i32.const 0))
          (data (i32.const 0) ":path/moved?b=%20/a b x-user:authorityapi.other")
          (data (i32.const 100) "hello")
          (data (i32.const 110) "clear_route_cache:path/down/xupstream\00address")
          (func (export "proxy_abi_version_0_2_1"))
          (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 4096))
          (func (export "proxy_on_context_create") (param i32 i32))
          {callbacks})"#
    );
    let host = Host::new(None, LogLevel::Info);
    let module = wat::parse_str(text).unwrap();
    let strip_request_headers = vec!["x-auth-user".to_owned()];
    let spec = PluginSpec { name: "test".into(), strip_request_headers, ..PluginSpec::default() };
    Plugin::load(&host, &module, spec).unwrap()
}

const REQUEST: &str = "proxy_on_request_headers";
const MOVE_PATH: &str = "(drop (call $set (i32.const 0) (i32.const 0) (i32.const 5) (i32.const 5) \
                         (i32.const 12)))";
/// The path of another route, and the wish to follow it.
const MOVE_ROUTE: &str = "(drop (call $set (i32.const 0) (i32.const 127) (i32.const 5) \
                          (i32.const 132) (i32.const 7))) \
                          (drop (call $foreign (i32.const 110) (i32.const 17) (i32.const 0) \
                          (i32.const 0) (i32.const 0) (i32.const 0)))";
const CLEAR_ROUTE: &str = "(drop (call $foreign (i32.const 110) (i32.const 17) (i32.const 0) \
                           (i32.const 0) (i32.const 0) (i32.const 0)))";
/// The upstream's address in place of the response's body.
const TELL_UPSTREAM: &str = "(drop (call $property (i32.const 139) (i32.const 16) \
                             (i32.const 200) (i32.const 204))) \
                             (drop (call $body (i32.const 1) (i32.const 0) \
                             (i32.const 0x7fffffff) (i32.load (i32.const 200)) \
                             (i32.load (i32.const 204))))";
const BREAK_PATH: &str = "(drop (call $set (i32.const 0) (i32.const 0) (i32.const 5) \
                          (i32.const 17) (i32.const 4)))";
const REPLACE_REQUEST_BODY: &str = "(drop (call $body (i32.const 0) (i32.const 0) \
                                    (i32.const 0x7fffffff) (i32.const 100) (i32.const 5)))";
const REPLACE_RESPONSE_BODY: &str = "(drop (call $body (i32.const 1) (i32.const 0) \
                                     (i32.const 0x7fffffff) (i32.const 100) (i32.const 5)))";
const ANSWER_403: &str = "(drop (call $answer (i32.const 403) (i32.const 0) (i32.const 0) \
                          (i32.const 100) (i32.const 5) (i32.const 0) (i32.const 0) \
                          (i32.const -1)))";
const FIRST_WAITS_FOR_SECOND: &str = "
    (if (i32.eqz (global.get $first))
      (then (global.set $first (local.get 0)) (return (i32.const 1))))
    (drop (call $act_for (global.get $first)))
    (drop (call $continue (i32.const 0)))";

fn router(calls: &[(&str, &str)]) -> Arc<Router> {
    let plugins = if calls.is_empty() { Vec::new() } else { vec![policy(calls)] };
    let route = |prefix: &str, prefix_rewrite: Option<&str>, cluster: &str| RouteSpec {
        path_rewrite: prefix_rewrite.map(|text| PathRewriteSpec::Prefix(text.to_owned())),
        timeout: Some(Duration::from_secs(5)),
        ..RouteSpec::new(
            prefix,
            PathMatch::Prefix(prefix.to_owned()),
            Chain::new(plugins.clone()),
            ActionSpec::Forward(vec![(cluster.to_owned(), 1)]),
        )
    };
    let cluster = |name: &str, endpoints: &[&str]| ClusterSpec {
        name: name.to_owned(),
        endpoints: endpoints.iter().map(|url| ((*url).to_owned(), 1)).collect(),
        lb_policy: "round_robin".to_owned(),
        panic_threshold: 0,
    };
    let spec = RouterSpec {
        clusters: vec![
            cluster("site", &["http://127.0.0.1:9001", "http://127.0.0.1:9002"]),
            cluster("nobody", &[]),
        ],
        routes: vec![
            route("/v1/", Some("/"), "site"),
            route("/echo/", None, "site"),
            route("/down/", None, "nobody"),
        ],
        limits: RequestLimits { body: Some(20), ..RequestLimits::default() },
        ..RouterSpec::default()
    };
    Arc::new(Router::new(spec).unwrap())
}

fn open(
    router: &Arc<Router>,
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
) -> (Exchange, Effects) {
    let peer = Peer::new("192.0.2.7", 5000);
    let server = ("127.0.0.1".into(), 8080);
    let line = RequestLine {
        version: Version::Http11,
        secure: false,
        method: method.as_bytes(),
        target: target.as_bytes(),
        peer: Some(&peer),
        server: Some(&server),
        facts: None,
        connection: None,
    };
    let mut reader = router.read(line);
    reader.field(b"Host", b"api.example");
    for (name, value) in fields {
        reader.field(name.as_bytes(), value.as_bytes());
    }
    Exchange::open(router, reader, false).unwrap()
}

fn get(router: &Arc<Router>, target: &str) -> (Exchange, Effects) {
    open(router, "GET", target, &[])
}

fn head_of(exchange: &Exchange) -> String {
    String::from_utf8(exchange.upstream().unwrap().head().to_vec()).unwrap()
}

fn respond(exchange: &mut Exchange, status: u16, fields: &[(&str, &str)], end: bool) -> Effects {
    let mut reader = ResponseReader::new(status);
    for (name, value) in fields {
        reader.field(name.as_bytes(), value.as_bytes());
    }
    exchange.on_response_headers(reader, end).unwrap()
}

/// The response's head as text, one field after the other.
fn answer_of(exchange: &Exchange) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    exchange.with_response_headers(|map: &HeaderMap| {
        map.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect()
    })
}

fn status_of(exchange: &Exchange, effects: &Effects) -> String {
    assert_ne!(Head::Held, effects.response.head);
    assert_eq!(Head::Held, effects.request.head);
    answer_of(exchange)[0].clone()
}
