//! The configuration of the policy `jwt_auth`: how it is read and checked.
//!
//! A crate of its own, because it is compiled for size: it runs once, at the start.

pub mod encoding;
pub mod rules;
pub mod settings;
