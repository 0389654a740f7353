//! The keys of the policy `jwt_auth`: how they are read from a configuration, and verification in the guest.
//!
//! A crate of its own, because it is compiled for size: on a request it runs for HMAC alone, and for all algorithms on
//! hosts without Envoy's `verify_signature`.

pub mod algorithm;
pub mod base64url;
pub mod curve;
pub mod der;
pub mod element;
pub mod jwk;
pub mod key;
pub mod key_set;
pub mod key_text;
pub mod material;
pub mod pem;
pub mod pem_keys;
pub mod placeholder;
pub mod roca;
pub mod secret;
mod spki;
