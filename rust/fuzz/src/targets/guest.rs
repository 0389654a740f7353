//! The guest of [`super::hostcalls`]: it imports every function that the host has, and calls what
//! its script says. The script comes in a request header, so that every phase can have its part.

use std::fmt::Write;

use wasmgate_host::fuzzing::ImportedFunction;

/// Where the texts are in its memory.
const TEXTS_AT: u32 = 256;
/// Where hostcalls may write.
pub const SLOTS: u32 = 4096;
/// Where the script is: offset and count of the calls of each phase, then what each phase answers,
/// how the allocator behaves, and the calls.
pub const SCRIPT: u32 = 8192;
/// From there: one byte a phase, and one for the allocator.
pub const ACTIONS: u32 = 256;
/// From there.
pub const RECORDS: u32 = 320;
/// A number of 8 bytes and twelve arguments.
pub const RECORD: u32 = 104;
/// Bytes of its memory at the start.
pub const MEMORY: u32 = 4 << 16;
/// The header that brings the script.
pub const HEADER: &str = "x-script";

/// Callbacks, how many parameters they have, and whether they answer.
pub const PHASES: [(&str, usize, bool); 20] = [
    ("proxy_on_request_headers", 3, true),
    ("proxy_on_request_body", 3, true),
    ("proxy_on_request_trailers", 2, true),
    ("proxy_on_response_headers", 3, true),
    ("proxy_on_response_body", 3, true),
    ("proxy_on_response_trailers", 2, true),
    ("proxy_on_done", 1, true),
    ("proxy_on_log", 1, false),
    ("proxy_on_delete", 1, false),
    ("proxy_on_tick", 1, false),
    ("proxy_on_http_call_response", 5, false),
    ("proxy_on_grpc_receive_initial_metadata", 3, false),
    ("proxy_on_grpc_receive", 3, false),
    ("proxy_on_grpc_receive_trailing_metadata", 3, false),
    ("proxy_on_grpc_close", 3, false),
    ("proxy_on_redis_call_response", 4, false),
    ("proxy_on_foreign_function", 3, false),
    ("proxy_on_queue_ready", 2, false),
    ("proxy_on_context_create", 2, false),
    // Never called: what is listed here the guest keeps to itself.
    ("unused", 0, false),
];
/// `proxy_on_done` answers the opposite of its action, so that most streams end at once.
const DONE: usize = 6;

/// What arguments point at.
pub const TEXTS: [&[u8]; 40] = [
    HEADER.as_bytes(),
    b"a",
    b":path",
    b":status",
    b"content-length",
    b"bad name\r\n",
    b"value\r\nx: y",
    b"",
    b"cluster",
    b"outbound|80||b.dns",
    b"nowhere:1",
    // {":method": "GET", ":path": "/", ":authority": "a"}
    b"\x03\0\0\0\x07\0\0\0\x03\0\0\0\x05\0\0\0\x01\0\0\0\x0a\0\0\0\x01\0\0\0:method\0GET\0:path\0/\0:authority\0a\0",
    b"\x02\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\x02\0\0\0a\x001\0b\x0022\0",
    b"\xff\xff\xff\xff\x01\0\0\0",
    b"\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\0",
    b"request\0path",
    b"request\0headers\0x-script",
    b"response\0code",
    b"plugin_name",
    b"source\0address",
    b"filter_state\0wasm.a",
    b"wasmgate\0user",
    b"xds\0route_name",
    b"compress",
    b"uncompress",
    b"sign",
    b"verify_signature",
    b"wasmgate_verify_signature",
    b"set_envoy_filter_state",
    b"declare_property",
    b"echo",
    b"later",
    b"\x0a\x01a\x12\x01b",
    b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
    b"etc/../../etc/passwd",
    b"/files/one.txt",
    b"\xff\xfe\0\x80",
    // Two vectors of WASI: one inside of memory, one beyond.
    b"\0\x10\0\0\x10\0\0\0\xf0\xff\xff\xff\xff\0\0\0",
    b"\0\x10\0\0\xff\xff\xff\xff\0\x10\0\0\xff\xff\xff\xff",
];

/// Where a text is.
pub fn text_at(number: usize) -> u32 {
    let before: usize = TEXTS[..number].iter().map(|text| text.len()).sum();
    TEXTS_AT + u32::try_from(before).unwrap_or(0)
}

/// The guest as text; it imports `functions` in their order.
pub fn text(functions: &[ImportedFunction]) -> Result<String, std::fmt::Error> {
    let mut out = String::from("(module\n");
    for (number, function) in functions.iter().enumerate() {
        let params: Vec<_> =
            function.wide.iter().map(|wide| if *wide { "i64" } else { "i32" }).collect();
        let result = if function.answers { "(result i32)" } else { "" };
        let (module, name, params) = (function.module, function.name, params.join(" "));
        writeln!(out, "(import {module:?} {name:?} (func $h{number} (param {params}) {result}))")?;
    }
    write_frame(&mut out, functions)?;
    write_dispatch(&mut out, functions)?;
    for (phase, (name, params, answers)) in PHASES.iter().enumerate() {
        let params = vec!["i32"; *params].join(" ");
        let result = if *answers { "(result i32)" } else { "" };
        writeln!(out, "(func (export {name:?}) (param {params}) {result}")?;
        if phase == 0 {
            writeln!(out, "(call $load)")?;
        }
        writeln!(out, "(call $run (i32.const {phase}))")?;
        let not = if phase == DONE { "i32.eqz" } else { "" };
        if *answers {
            writeln!(
                out,
                "(i32.load8_u (i32.const {})) {not}",
                SCRIPT as usize + ACTIONS as usize + phase
            )?;
        }
        writeln!(out, ")")?;
    }
    out.push(')');
    Ok(out)
}

/// Memory, allocator, the loader of scripts and the loop over the calls of a phase.
fn write_frame(out: &mut String, functions: &[ImportedFunction]) -> std::fmt::Result {
    let number = |name| functions.iter().position(|its| its.name == name).unwrap_or(0);
    let (log, get, tick) = (
        number("proxy_log"),
        number("proxy_get_header_map_value"),
        number("proxy_set_tick_period_milliseconds"),
    );
    let mut texts = String::new();
    for byte in TEXTS.concat() {
        write!(texts, "\\{byte:02x}")?;
    }
    let (pages, heap, top) = (MEMORY >> 16, 1 << 16, MEMORY - 4096);
    let allocator = SCRIPT + ACTIONS + u32::try_from(PHASES.len()).unwrap_or(0);
    write!(
        out,
        r#"
(memory (export "memory") {pages})
(data $texts "{texts}")
(global $heap (mut i32) (i32.const {heap}))
(global $loads (mut i32) (i32.const 0))
(func (export "proxy_abi_version_0_2_100"))
(func (export "proxy_on_configure") (param i32 i32) (result i32)
  (drop (call $h{tick} (i32.const 1))) (i32.const 1))
(func $bump (param $size i32) (result i32) (local $at i32)
  (local.set $at (global.get $heap))
  (if (i32.gt_u (i32.add (local.get $at) (i32.and (local.get $size) (i32.const 0xffffff))) (i32.const {top}))
    (then (local.set $at (i32.const {heap}))))
  (global.set $heap (i32.add (local.get $at) (i32.and (local.get $size) (i32.const 0xffff))))
  (local.get $at))
(func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
  (if (global.get $loads) (then (return (call $bump (local.get $size)))))
  (block $log (block $trap (block $grow (block $end (block $wild (block $zero (block $usual
    (br_table $usual $zero $wild $end $grow $trap $log $usual
      (i32.load8_u (i32.const {allocator}))))
    (return (call $bump (local.get $size))))
    (return (i32.const 0)))
    (return (i32.const -1)))
    (return (i32.const {MEMORY})))
    (return (i32.mul (memory.grow (i32.const 1)) (i32.const 65536))))
    (drop (call $h{tick} (i32.const 1))))
  (drop (call $h{log} (i32.const 2) (i32.const {TEXTS_AT}) (i32.const 8)))
  (call $bump (local.get $size)))
(func $load
  (memory.init $texts (i32.const {TEXTS_AT}) (i32.const 0) (i32.const {length}))
  (global.set $loads (i32.const 1))
  (if (i32.eqz (call $h{get} (i32.const 0) (i32.const {TEXTS_AT}) (i32.const {name}) (i32.const {SLOTS}) (i32.const {size_at})))
    (then (memory.copy (i32.const {SCRIPT}) (i32.load (i32.const {SLOTS})) (i32.load (i32.const {size_at})))))
  (global.set $loads (i32.const 0)))
(func $run (param $phase i32) (local $at i32) (local $left i32)
  (local.set $at (i32.load offset={SCRIPT} (i32.mul (local.get $phase) (i32.const 8))))
  (local.set $left (i32.load offset={SCRIPT} (i32.add (i32.mul (local.get $phase) (i32.const 8)) (i32.const 4))))
  (block $end (loop $next
    (br_if $end (i32.eqz (local.get $left)))
    (call $dispatch (local.get $at))
    (local.set $at (i32.add (local.get $at) (i32.const {RECORD})))
    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
    (br $next))))
"#,
        length = TEXTS.concat().len(),
        name = HEADER.len(),
        size_at = SLOTS + 4,
    )
}

/// A call of the function whose number is in the record, with the arguments after it.
fn write_dispatch(out: &mut String, functions: &[ImportedFunction]) -> std::fmt::Result {
    out.push_str("(func $dispatch (param $record i32) (block $out\n");
    for number in (0..functions.len()).rev() {
        write!(out, "(block $f{number} ")?;
    }
    out.push_str("(br_table");
    for number in 0..functions.len() {
        write!(out, " $f{number}")?;
    }
    out.push_str(" $out (i32.load (local.get $record)))\n");
    for (number, function) in functions.iter().enumerate() {
        let drop = if function.answers { "drop" } else { "" };
        write!(out, ")")?;
        for (place, wide) in function.wide.iter().enumerate() {
            let (ty, offset) = (if *wide { "i64" } else { "i32" }, 8 + place * 8);
            write!(out, "({ty}.load offset={offset} (local.get $record))")?;
        }
        writeln!(out, "call $h{number} {drop} br $out")?;
    }
    out.push_str("))\n");
    Ok(())
}
