//! A proxy-wasm 0.2.1 host on wasmer: callbacks in, effects out, no I/O and no Python.
//!
//! [`Plugin`] is a policy compiled and started, [`Chain`] puts plugins in order, and [`Stream`] is
//! one request passing a chain. Specification: proxy-wasm/spec, abi-versions/v0.2.1.

mod abi;
mod attributes;
mod background;
mod backtrace;
mod callouts;
mod capabilities;
mod chain;
mod clock;
mod course;
mod effects;
mod env;
mod error;
mod exports;
mod files;
mod filter_chain;
mod flow;
mod foreign;
mod free_memory;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guest;
mod headers;
mod health;
mod host;
mod hostcalls;
mod instance;
mod instances;
mod log_rate;
mod metrics;
mod pairs;
mod place;
mod plugin;
mod printable;
mod properties;
mod protobuf;
mod queue_calls;
mod random;
mod remembered;
mod secrets;
mod shared_data;
mod shared_queues;
mod slot;
mod statistics;
mod step;
mod stream;
mod stream_state;
mod symbols;
mod tenant_data;
mod tenants;
mod thread_time;
mod time_budget;
mod trace;
mod vm;
#[cfg(test)]
mod worst;

mod artifact_cache;
mod dialect;
mod engine;
mod fuel;
mod ids;
mod imports;
mod inspect;
mod limits;
mod load_error;
mod loaded;
mod magic;
mod module;
mod sections;
#[cfg(unix)]
mod signals;
#[cfg(not(unix))]
#[path = "no_signals.rs"]
mod signals;
mod signature;
mod spaces;

pub use abi::LogLevel;
pub use attributes::{Attributes, Tls, TlsFacts};
pub use callouts::{
    Callout, CalloutAnswer, CalloutRequest, GrpcMethod, Login, deliver, pending_callouts,
};
pub use capabilities::{Capabilities, Capability, Denial};
pub use chain::{Chain, Ticked};
pub use clock::Clock;
pub use effects::{Body, Effects, Head, LocalResponse, LogRecord, Pressure, Progress};
pub use engine::Tier;
pub use error::Error;
pub use files::Folders;
pub use foreign::{ForeignFunction, ForeignFunctions, ForeignResult, Function, built_in_functions};
pub use free_memory::give_back_memory;
pub use headers::{HeaderMap, is_field_value};
pub use host::{Host, HostOptions};
pub use inspect::{Inspection, inspect};
pub use limits::Limits;
pub use load_error::LoadError;
pub use loaded::LoadedModule;
pub use metrics::{MetricKind, MetricValue};
pub use module::{ArtifactError, compile_artifact};
pub use plugin::{Plugin, PluginSpec};
pub use printable::printable;
pub use random::Random;
pub use secrets::{Secrets, is_secret, masked_field, masked_query};
pub use statistics::{CallbackStatistics, Histogram, PolicyStatistics};
pub use stream::Stream;
pub use stream_state::{held_bytes, kept_streams};
pub use symbols::Symbols;
pub use tenants::{TenantKey, TenantSettings};
pub use trace::{TraceEvent, TraceLimits};
