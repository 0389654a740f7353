//! Generated modules: of wasm-smith with our imports and callbacks, of wasm-smith without them,
//! and mutated real ones. Each is refused, or runs within its limits.

use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};
use wasmgate_host::fuzzing::{ImportedFunction, hostcalls};
use wasmgate_host::{
    Capabilities, Chain, Clock, Host, HostOptions, Limits, LogLevel, Plugin, PluginSpec, inspect,
    kept_streams, pending_callouts,
};

use super::Target;
use super::exchange::Exchange;
use super::guest::{PHASES, text};
use crate::input::mutate;
use crate::rng::Rng;

/// What every guest has beside callbacks.
const NEEDED: &str = r#"(memory (export "memory") 1)
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param i32) (result i32) (i32.const 1024))"#;

pub struct Modules {
    imports: Vec<u8>,
    exports: Vec<u8>,
    real: Vec<Vec<u8>>,
    loaded: u64,
    refused: u64,
    failures: u64,
}

impl Modules {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let functions: Vec<_> = hostcalls().collect();
        let guest = wat::parse_str(text(&functions)?)?;
        let (imports, exports) = (imports(&functions)?, exports()?);
        let small = wat::parse_str(format!("(module {NEEDED})"))?;
        let real = vec![small, exports.clone(), guest];
        Ok(Self { imports, exports, real, loaded: 0, refused: 0, failures: 0 })
    }

    fn module(&self, input: &[u8]) -> Option<Vec<u8>> {
        let (kind, rest) = input.split_first()?;
        let mut data = Unstructured::new(rest);
        match kind % 8 {
            0 => Some(rest.to_vec()),
            1 => Some(Module::new(Config::default(), &mut data).ok()?.to_bytes()),
            2 => {
                let mut rng = Rng::of_input(u64::from(*kind), checksum(rest));
                let mut module = self.real[rng.below(self.real.len())].clone();
                for _ in 0..=rng.below(4) {
                    mutate(&mut module, rest, &mut rng);
                }
                Some(module)
            }
            _ => {
                let config = self.guests();
                Some(Module::new(config, &mut data).ok()?.to_bytes())
            }
        }
    }

    /// What makes a module that the host can load.
    fn guests(&self) -> Config {
        Config {
            available_imports: Some(self.imports.clone()),
            exports: Some(self.exports.clone()),
            max_imports: 20,
            max_type_size: 100,
            max_memories: 1,
            max_tables: 4,
            exceptions_enabled: false,
            gc_enabled: false,
            relaxed_simd_enabled: false,
            tail_call_enabled: false,
            threads_enabled: false,
            wide_arithmetic_enabled: false,
            compact_imports_enabled: false,
            max_table_elements: 1_000,
            ..Config::default()
        }
    }
}

/// A module that imports everything that there is, for wasm-smith to choose from.
fn imports(functions: &[ImportedFunction]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut out = String::from("(module ");
    for function in functions {
        let params: Vec<_> =
            function.wide.iter().map(|wide| if *wide { "i64" } else { "i32" }).collect();
        let result = if function.answers { "(result i32)" } else { "" };
        let (module, name, params) = (function.module, function.name, params.join(" "));
        writeln!(out, "(import {module:?} {name:?} (func (param {params}) {result}))")?;
    }
    out.push(')');
    Ok(wat::parse_str(out)?)
}

/// A module with all callbacks, which also shows wasm-smith what to export.
fn exports() -> Result<Vec<u8>, Box<dyn Error>> {
    let mut out = format!("(module {NEEDED}");
    for (name, params, answers) in PHASES {
        let (result, body) = if answers { ("(result i32)", "(i32.const 0)") } else { ("", "") };
        let params = vec!["i32"; params].join(" ");
        writeln!(out, "(func (export {name:?}) (param {params}) {result} {body})")?;
    }
    out.push(')');
    Ok(wat::parse_str(out)?)
}

fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(7, |sum, byte| sum.wrapping_mul(0x0100_0000_01B3) ^ u64::from(*byte))
}

impl Target for Modules {
    fn name(&self) -> &'static str {
        "modules"
    }

    fn take(&mut self, input: &[u8]) {
        let Some(module) = self.module(input) else { return };
        let host = Host::with(HostOptions {
            log_level: LogLevel::Trace,
            clock: Clock::stopped_at(1_700_000_000_000_000_000),
            ..HostOptions::default()
        });
        // What it says of the module is shown to people before it is loaded.
        let inspected = inspect(&module).is_ok();
        let spec = PluginSpec {
            name: "guest".into(),
            limits: Limits {
                fuel: 100_000,
                start_fuel: 1_000_000,
                memory: 4 << 20,
                body: 16 << 10,
                ..Limits::default()
            },
            capabilities: Capabilities {
                metrics: vec!["*".into()],
                net: vec!["a".into()],
                ..Capabilities::default()
            },
            ..PluginSpec::default()
        };
        let Ok(plugin) = Plugin::load(&host, &module, spec) else {
            self.refused += 1;
            return;
        };
        assert!(inspected, "a module runs that cannot be inspected");
        self.loaded += 1;
        let chain = Chain::new(vec![plugin]);
        for _ in 0..2 {
            let mut exchange = Exchange::open(&chain, &host, Vec::new());
            exchange.perform(&[], input);
            exchange.end();
            self.failures += exchange.failures;
            assert!(host.advance(Duration::from_mins(1)), "the clock stands");
        }
        drop(chain);
        assert_eq!(
            (0, 0, 0),
            (kept_streams(), host.instances(), pending_callouts()),
            "streams, instances and callouts outlive their policy"
        );
    }

    fn seen(&self) -> String {
        let Self { loaded, refused, failures, .. } = self;
        format!(", {loaded} ran, {refused} were refused, {failures} callbacks trapped")
    }
}
