//! The `jwt_auth` policy: a bearer token (RFC 6750) must carry a valid signature (RFC 7515) and valid
//! claims (RFC 7519); who it names goes on to the policies and the server behind.
//!
//! The rules are plain functions, tested natively. `context` alone knows proxy-wasm.

pub mod algorithm;
pub mod answer;
pub mod base64url;
pub mod claims;
pub mod credentials;
pub mod der;
pub mod encoding;
pub mod fields;
pub mod foreign;
pub mod jwk;
pub mod jws;
pub mod key_set;
pub mod key_text;
pub mod material;
pub mod members;
pub mod memory;
pub mod pem;
pub mod placeholder;
pub mod refusal;
pub mod roca;
pub mod secret;
pub mod settings;

#[cfg(target_arch = "wasm32")]
mod context;
