//! The `rate_limit` policy: a token bucket for each client, user or header value, in data that all
//! instances of the process share.
//!
//! The rules are plain functions, tested natively. `context` alone knows proxy-wasm.

pub mod bucket;
pub mod identity;
pub mod limit;
pub mod settings;
pub mod slot;
pub mod verdict;

#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(target_arch = "wasm32")]
mod context;
#[cfg(target_arch = "wasm32")]
mod store;
