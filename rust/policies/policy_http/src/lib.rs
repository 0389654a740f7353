//! What the bundled policies share: reading a configuration, rules for header fields, and the body of an error
//! response.
//!
//! Pure functions over bytes, without proxy-wasm.

#[cfg(target_arch = "wasm32")]
mod allocator;
mod configuration;
mod field;
#[cfg(any(target_arch = "wasm32", test))]
mod free_lists;
mod key_path;
mod problem;
mod shown;

pub use configuration::{KeyHints, read};
pub use field::{FieldError, is_value, name, refuse_value, writable_name};
pub use problem::{PROBLEM_JSON, Problem};
pub use shown::shown;
