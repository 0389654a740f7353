//! Guests written as text, and streams through them.

#![allow(dead_code, reason = "each file of tests uses a part")]

use wasmgate_host::{
    Attributes, Chain, Effects, HeaderMap, Host, LogLevel, Plugin, PluginSpec, Stream,
};

/// Imports that most guests use.
pub const LOG: &str = r#"(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#;
pub const CONTINUE: &str =
    r#"(import "env" "proxy_continue_stream" (func $continue (param i32) (result i32)))"#;
pub const CONTEXT: &str =
    r#"(import "env" "proxy_set_effective_context" (func $context (param i32) (result i32)))"#;
pub const ADD: &str = r#"(import "env" "proxy_add_header_map_value"
    (func $add (param i32 i32 i32 i32 i32) (result i32)))"#;
pub const SET_BODY: &str = r#"(import "env" "proxy_set_buffer_bytes"
    (func $set_body (param i32 i32 i32 i32 i32) (result i32)))"#;
pub const RESPOND: &str = r#"(import "env" "proxy_send_local_response"
    (func $respond (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))"#;

/// Parameters of callbacks, with names.
pub const HEADERS: &str = "(param $context i32) (param $fields i32) (param $end i32) (result i32)";
pub const BODY: &str = "(param $context i32) (param $size i32) (param $end i32) (result i32)";

/// A callback with its body.
pub fn callback(name: &str, signature: &str, body: &str) -> String {
    format!(r#"(func (export "{name}") {signature} {body})"#)
}

/// A module with what every guest exports.
pub fn guest(fields: &[&str]) -> Vec<u8> {
    let text = format!(
        r#"(module {} (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32)
                (i32.const 32768)))"#,
        fields.join("\n")
    );
    wat::parse_str(text).unwrap()
}

/// A host that keeps every line.
pub fn host() -> Host {
    Host::new(None, LogLevel::Trace)
}

pub fn load(name: &str, fields: &[&str]) -> Plugin {
    load_with(&host(), name, fields, |_| {})
}

pub fn load_with(
    host: &Host,
    name: &str,
    fields: &[&str],
    say: impl FnOnce(&mut PluginSpec),
) -> Plugin {
    let mut spec = PluginSpec { name: name.into(), ..PluginSpec::default() };
    say(&mut spec);
    Plugin::load(host, &guest(fields), spec).unwrap()
}

pub fn map(fields: &[(&str, &str)]) -> HeaderMap {
    fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

/// The head of a request, with the fields after the pseudo-headers.
pub fn head(fields: &[(&str, &str)]) -> HeaderMap {
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")];
    map(&[&pseudo, fields].concat())
}

/// Opens a stream with a request whose body follows.
pub fn posted(chain: &Chain, fields: &[(&str, &str)]) -> (Stream, Effects) {
    let mut stream = Stream::open(chain, Attributes::default());
    let effects = stream.on_request_headers(head(fields), false).unwrap();
    (stream, effects)
}

/// Opens a stream with a request without a body.
pub fn got(chain: &Chain) -> (Stream, Effects) {
    let mut stream = Stream::open(chain, Attributes::default());
    let effects = stream.on_request_headers(head(&[]), true).unwrap();
    (stream, effects)
}

/// `policy: message` of each log line.
pub fn said(effects: &Effects) -> Vec<String> {
    effects.logs.iter().map(|line| format!("{}: {}", line.policy, line.message)).collect()
}

/// The status that goes to the client.
pub fn status(stream: &Stream) -> String {
    stream.with_response_headers(|headers| {
        String::from_utf8_lossy(headers.get(b":status").unwrap_or_default()).into_owned()
    })
}
