//! Functions that the layer above adds to a host.

use std::collections::HashMap;
use std::sync::Arc;

/// What a function returns: the bytes of the result, or the reason for its failure in a few words.
pub type ForeignResult = Result<Vec<u8>, String>;

/// A synchronous function.
pub type Function = dyn Fn(&[u8]) -> ForeignResult + Send + Sync;

/// A foreign function of the layer above.
#[derive(Clone)]
pub enum ForeignFunction {
    /// Synchronous: it runs inside of a callback, so the request waits for it.
    Synchronous(Arc<Function>),
    /// Asynchronous: the layer above performs it, and `proxy_on_foreign_function` brings the result.
    Asynchronous,
}

/// Foreign functions of the layer above, by name.
pub type ForeignFunctions = HashMap<String, ForeignFunction>;
