//! Reading a configuration, and the text of its errors.
//!
//! A crate of its own, because it is compiled for size: it runs once, at the start.

mod configuration;
mod key_path;
mod shown;

pub use configuration::{KeyHints, read};
pub use shown::shown;
