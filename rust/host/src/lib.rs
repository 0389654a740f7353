//! A proxy-wasm 0.2.1 host on wasmer: callbacks in, effects out, no I/O and no Python.
//!
//! [`Plugin`] is a policy compiled and started, [`Chain`] puts plugins in order, and [`Stream`] is
//! one request passing a chain. Specification: proxy-wasm/spec, abi-versions/v0.2.1.
//!
//! The rooms of the crate stand in one order, from the ground up; a file imports from its own room
//! and from those below it (`tests/storeys.rs` checks that).

// What crosses the border of the host, and the specification as data.
mod abi;
mod types;

// WebAssembly without proxy-wasm.
mod wasm;

// What plugins share, what a plugin is, and what hostcalls act on.
mod context;
mod plugin;
mod services;

// The guest's side of the border and all that a guest may call.
mod foreign;
mod guest;
mod hostcalls;
mod properties;

// Instances, the threads that have them, and what an embedder calls.
mod host;
mod instance;
mod stream;
mod thread;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
#[cfg(test)]
mod worst;

pub use context::reentrancy::can_move;
pub use context::stream_table::{held_bytes, kept_streams};
pub use foreign::built_in_functions;
pub use host::module::LoadedModule;
pub use host::plugin::Plugin;
pub use host::trim_memory::trim_memory;
pub use host::{Host, HostOptions};
pub use plugin::capabilities::Capabilities;
pub use plugin::folders::Folders;
pub use plugin::spec::PluginSpec;
pub use services::clock::Clock;
pub use services::denials::Denial;
pub use services::metrics::{MetricKind, MetricValue};
pub use services::random::Random;
pub use services::statistics::{CallbackStatistics, Histogram, PolicyStatistics};
pub use services::trace::{TraceEvent, TraceLimits};
pub use stream::Stream;
pub use stream::chain::{Chain, Ticked};
pub use thread::callouts::{deliver, is_pending, pending_callouts};
pub use types::attributes::{Attributes, Facts};
pub use types::callout::{Callout, CalloutAnswer, CalloutRequest, GrpcMethod, Login};
pub use types::capability::Capability;
pub use types::effects::{Body, Effects, Head, LocalResponse, LogRecord, Pressure, Progress};
pub use types::error::Error;
pub use types::fields::{
    Role, TOKEN_MARKS, is_authority, is_field_value, is_origin_form, is_token, role,
};
pub use types::foreign_function::{ForeignFunction, ForeignFunctions, ForeignResult, Function};
pub use types::headers::HeaderMap;
pub use types::limits::Limits;
pub use types::load_error::LoadError;
pub use types::log_level::LogLevel;
pub use types::printable::printable;
pub use types::secrets::{Secrets, is_secret, masked_field, masked_query};
pub use types::tenant::{TenantKey, TenantSettings};
pub use wasm::artifact::{ArtifactError, compile_artifact};
pub use wasm::engine::Tier;
pub use wasm::inspect::{Inspection, inspect};
pub use wasm::symbols::Symbols;
