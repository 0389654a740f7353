//! WebAssembly without proxy-wasm: compile, cache, meter and inspect modules.

pub(crate) mod artifact;
pub(crate) mod artifact_cache;
pub(crate) mod backtrace;
pub(crate) mod border;
pub(crate) mod digest;
pub(crate) mod engine;
pub(crate) mod fuel;
pub(crate) mod idle;
pub(crate) mod inspect;
pub(crate) mod module;
pub(crate) mod preamble;
pub(crate) mod sections;
#[cfg(unix)]
pub(crate) mod signals;
#[cfg(not(unix))]
#[path = "no_signals.rs"]
pub(crate) mod signals;
pub(crate) mod snapshot;
pub(crate) mod symbols;
pub(crate) mod tunables;
