//! The `rate_limit` policy: a token bucket for each client address, user or header value, in the host's shared data.
//!
//! The rules are pure functions with native tests. Only `context`, `clock` and `store` use proxy-wasm.

pub mod bucket;
pub mod identity;
pub mod limit;
pub mod settings;
pub mod slot;
pub mod verdict;
pub mod written;

#[cfg(target_arch = "wasm32")]
mod clock;
#[cfg(target_arch = "wasm32")]
mod context;
#[cfg(target_arch = "wasm32")]
mod store;
