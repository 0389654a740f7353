//! Each hostcall with the arguments that cost the host most: what it keeps for a guest is bounded, and
//! what it computes is charged. A hostcall without a row fails the tests.

mod arguments;
mod memory;
mod rows;
mod time;

use std::fmt::Write as _;

use tempfile::TempDir;
use wasmer::Type;

use crate::abi::pairs;
use crate::abi::signatures;
use crate::abi::signatures::HostFunction;
use crate::host::Host;
use crate::host::module::LoadedModule;
use crate::host::plugin::Plugin;
use crate::plugin::capabilities::Capabilities;
use crate::plugin::folders::Folders;
use crate::plugin::spec::PluginSpec;
use crate::stream::Stream;
use crate::stream::chain::Chain;
use crate::types::attributes::Attributes;
use crate::types::headers::HeaderMap;
use crate::types::limits::Limits;
use crate::types::log_level::LogLevel;
use crate::worst::rows::{Row, rows};

/// Where the guest has what it passes.
const NAME: usize = 4096;
const SECOND_NAME: usize = 4160;
const UPSTREAM: usize = 256;
const PATH: usize = 1024;
const FILE: usize = 6144;
const PIECES: usize = 0x8_0000;
const MAP: usize = 0x1_0000;
const HEAD: usize = 0x3_8000;
const MESSAGE: usize = 0x4_0000;
const BIG: usize = 0x10_0000;
const GIVEN: usize = 0xa0_0000;
/// Pages of the guest's memory.
const PAGES: usize = 416;
const FIELDS: usize = 100;

/// How the guest calls.
struct Loop {
    /// Calls of one callback.
    calls: u64,
    /// WebAssembly text for the length of large arguments; `$i` counts the calls.
    length: &'static str,
}

/// What a word of a row stands for, as WebAssembly text.
fn word(word: &str, row: &Row) -> String {
    let number = match word {
        "N" => NAME,
        "N2" => SECOND_NAME,
        "U" => UPSTREAM,
        "P" => PATH,
        "PL" => row.path.len(),
        "FILE" => FILE,
        "V" => PIECES,
        "M" => MAP,
        "ML" => map().len(),
        "H" => HEAD,
        "HL" => head().len(),
        "A" => MESSAGE,
        "AL" => row.message.len(),
        "B" => BIG,
        "GIVEN" => GIVEN,
        "O" => 0,
        "O2" => 16,
        "O3" => 32,
        "L" => return "(local.get $length)".to_owned(),
        "I" => return "(local.get $i)".to_owned(),
        "ID" => return "(i32.load (i32.const 0))".to_owned(),
        number => return format!("(i32.const {number})"),
    };
    format!("(i32.const {number})")
}

fn call(function: &HostFunction, name: &str, arguments: &str, row: &Row) -> String {
    let words: Vec<_> = arguments.split_whitespace().collect();
    assert_eq!(words.len(), function.params.len(), "{}", function.name);
    let mut text = format!("(call ${name}");
    for (argument, ty) in words.iter().zip(function.params) {
        let argument = match ty {
            Type::I64 => format!("(i64.const {argument})"),
            _ => word(argument, row),
        };
        write!(text, " {argument}").unwrap();
    }
    text + ")"
}

fn import(function: &HostFunction, name: &str) -> String {
    let list = |types: &[Type]| {
        let names: Vec<_> = types.iter().map(|ty| ty.to_string().to_lowercase()).collect();
        names.join(" ")
    };
    let (module, from) = (function.module, function.name);
    let (params, results) = (list(function.params), list(function.results));
    format!(r#"(import "{module}" "{from}" (func ${name} (param {params}) (result {results})))"#)
}

fn data(at: usize, bytes: &[u8]) -> String {
    let mut text = format!("(data (i32.const {at}) \"");
    for byte in bytes {
        write!(text, "\\{byte:02x}").unwrap();
    }
    text + "\")"
}

/// Headers of about 60 kB.
fn fields() -> HeaderMap {
    let mut map = HeaderMap::new();
    for number in 0..FIELDS {
        map.push(format!("x-{number}").as_bytes(), "v".repeat(600).as_bytes());
    }
    map
}

fn map() -> Vec<u8> {
    pairs::encode(&fields())
}

fn request_head() -> HeaderMap {
    let pseudo: [(&[u8], &[u8]); 4] =
        [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")];
    pseudo.into_iter().collect()
}

fn head() -> Vec<u8> {
    pairs::encode(&request_head())
}

/// A guest that stops the headers alone, and calls in the body's callback.
fn guest(function: &HostFunction, row: &Row, run: &Loop) -> Vec<u8> {
    let before: Vec<_> = row.before.iter().map(|(name, _)| named(function.module, name)).collect();
    let mut text = String::from("(module ");
    text += &import(function, "f");
    for (place, function) in before.iter().enumerate() {
        text += &import(function, &format!("b{place}"));
    }
    let mut setup = String::new();
    for (place, (function, (_, arguments))) in before.iter().zip(row.before).enumerate() {
        let call = call(function, &format!("b{place}"), arguments, row);
        write!(setup, "(drop {call})").unwrap();
    }
    let the_call = call(function, "f", row.arguments, row);
    let the_call =
        if function.results.is_empty() { the_call } else { format!("(drop {the_call})") };
    let (calls, length, fill) = (run.calls, run.length, row.fill);
    write!(
        text,
        r#"(memory (export "memory") {PAGES})
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const {GIVEN}))
        {} {} {} {} {} {}
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))
        (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
          (local $i i32) (local $length i32)
          (memory.fill (i32.const {BIG}) (i32.const {fill}) (i32.const {}))
          (loop $pieces
            (i32.store (i32.add (i32.const {PIECES}) (i32.mul (local.get $i) (i32.const 8)))
              (i32.add (i32.const {BIG}) (i32.mul (local.get $i) (i32.const 64))))
            (i32.store (i32.add (i32.const {}) (i32.mul (local.get $i) (i32.const 8)))
              (i32.const 64))
            (br_if $pieces
              (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1024))))
          (local.set $i (i32.const 0))
          {setup}
          (loop $more
            (i32.store (i32.const {NAME})
              (i32.add (i32.const 0x61616161)
                (i32.or (i32.and (local.get $i) (i32.const 0x0f0f0f0f))
                  (i32.shl (i32.and (local.get $i) (i32.const 0xf0)) (i32.const 20)))))
            (i32.store (i32.const {BIG}) (i32.load (i32.const {NAME})))
            (i32.store (i32.const {}) (i32.load (i32.const {NAME})))
            (local.set $length {length})
            {the_call}
            (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1)))
              (i32.const {calls}))))
          (i32.const 1)))"#,
        data(UPSTREAM, b"a"),
        data(PATH, row.path),
        data(FILE, b"file"),
        data(MAP, &map()),
        data(HEAD, &head()),
        data(MESSAGE, &row.message),
        GIVEN - BIG,
        PIECES + 4,
        MESSAGE + row.counted,
    )
    .unwrap();
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{}: {error}", function.name))
}

/// The function of this name, of the module that has it.
fn named(module: &str, name: &str) -> HostFunction {
    signatures::find("env", name).or_else(|| signatures::find(module, name)).unwrap()
}

/// A chain of a guest that may do everything, and the folder that it reads.
struct Stage {
    host: Host,
    folder: TempDir,
    module: LoadedModule,
    fuel: u64,
}

impl Stage {
    fn of(module: &[u8], fuel: u64) -> Self {
        let host = Host::new(None, LogLevel::Trace);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), vec![b'a'; 1 << 20]).unwrap();
        for number in 0..50 {
            std::fs::write(folder.path().join(format!("{number:0200}")), b"").unwrap();
        }
        let limits = Limits::default();
        let module = LoadedModule::load(&host, module, &limits).unwrap();
        Self { host, folder, module, fuel }
    }

    fn chain(&self) -> Chain {
        let read = Folders::open(vec![("/".to_owned(), self.folder.path().to_owned())]).unwrap();
        let capabilities = Capabilities {
            net: vec!["a".to_owned()],
            read,
            metrics: vec!["*".to_owned()],
            ..Capabilities::default()
        };
        let spec = PluginSpec {
            name: "worst".to_owned(),
            configuration: vec![b'c'; 64 << 10],
            environment: (0..50).map(|number| (format!("V{number}"), "v".repeat(64))).collect(),
            limits: Limits { fuel: self.fuel, start_fuel: u64::MAX >> 1, ..Limits::default() },
            allow_on_headers_stop_iteration: true,
            capabilities,
            ..PluginSpec::default()
        };
        Chain::new(vec![Plugin::start(&self.host, self.module.clone(), spec).unwrap()])
    }
}

/// Opens a stream up to the callback in which the guest calls, which is then run by `call`.
fn drive(chain: &Chain, call: impl FnOnce(&mut Stream)) {
    let mut stream = Stream::open(chain, Attributes::default());
    let mut headers = request_head();
    for (name, value) in fields().iter() {
        headers.push(name, value);
    }
    stream.on_request_headers(headers, false).unwrap();
    call(&mut stream);
    drop(stream.close());
}

/// Every function with its rows.
fn all() -> Vec<(HostFunction, Row)> {
    let rows = rows();
    let of = |function: HostFunction| {
        let its = rows.iter().filter(move |row| row.name == function.name);
        its.map(move |row| (function, row.clone()))
    };
    signatures::all().flat_map(of).collect()
}

#[test]
fn every_hostcall_has_its_worst_arguments() {
    let known: Vec<_> = rows().iter().map(|row| row.name).collect();
    let without: Vec<_> =
        signatures::all().filter(|function| !known.contains(&function.name)).collect();
    assert!(without.is_empty(), "no row in rows.rs: {without:?}");
}
