//! HTTP rules that more than one bundled policy needs: which field names and values may be written, and
//! the body of an error answer.
//!
//! Pure functions over bytes; nothing here knows proxy-wasm.

mod configuration;
mod field;
mod key_path;
mod problem;

pub use configuration::{OtherWords, read};
pub use field::{FieldError, is_name, is_value, refuse_name, refuse_value};
pub use problem::{PROBLEM_JSON, Problem};
