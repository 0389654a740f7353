//! The `jwt_auth` policy: a request must have a bearer token (RFC 6750) with a valid signature (RFC 7515) and valid
//! claims (RFC 7519). The user of the token is forwarded to later policies and to the upstream.
//!
//! The rules are pure functions with native tests. Only `context` uses proxy-wasm.

pub mod answer;
pub mod claims;
pub mod credentials;
pub mod fields;
pub mod foreign;
pub mod jws;
pub mod members;
pub mod memory;
pub mod refusal;

#[cfg(target_arch = "wasm32")]
mod context;
