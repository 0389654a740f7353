//! HTTP rules that more than one bundled policy needs: which field names and values may be written, and
//! the body of an error answer.
//!
//! Pure functions over bytes; nothing here knows proxy-wasm.

mod field;
mod problem;

pub use field::{FieldError, is_name, is_value, refuse_name, refuse_value};
pub use problem::{PROBLEM_JSON, Problem};
