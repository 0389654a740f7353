//! The `rewrite` policy: another path, another host, other headers.
//!
//! The rules are plain functions, tested natively. `context` alone knows proxy-wasm.

pub mod advice;
pub mod field_rules;
pub mod host;
pub mod path;
pub mod path_text;
pub mod pattern;
pub mod prefix;
pub mod replacement;
pub mod settings;

#[cfg(target_arch = "wasm32")]
mod context;
