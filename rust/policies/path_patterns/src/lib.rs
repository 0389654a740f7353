//! The patterns of the policy `rewrite`: how they are read, and why one is refused.
//!
//! A crate of its own, because it is compiled for size: it runs at the start alone.

pub mod advice;
pub mod engines;
pub mod path_text;
