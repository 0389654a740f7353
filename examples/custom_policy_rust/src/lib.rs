//! A policy for APIs with versions: a request names one in `x-api-version`, or gets the default.

pub mod rule;

#[cfg(target_arch = "wasm32")]
mod context;
