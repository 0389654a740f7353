//! The `rewrite` policy: changes the path, the host and header fields.
//!
//! The rules are pure functions with native tests. Only `context` uses proxy-wasm.

pub mod field_rules;
pub mod host;
pub mod path;
pub mod pattern;
pub mod prefix;
pub mod replacement;
pub mod settings;

#[cfg(target_arch = "wasm32")]
mod context;
