//! What the bundled policies share on a request: rules for header fields, the body of an error response, the allocator.
//!
//! Pure functions over bytes, without proxy-wasm.

#[cfg(target_arch = "wasm32")]
mod allocator;
mod field;
#[cfg(any(target_arch = "wasm32", test))]
mod free_lists;
mod problem;

pub use field::{FieldError, is_value, name, refuse_value, writable_name};
pub use problem::{PROBLEM_JSON, Problem};
