//! Functions that the layer above adds to a host.

use std::collections::HashMap;
use std::sync::Arc;

/// What a function returns: the bytes of the result, or the reason for its failure in a few words.
pub type ForeignResult = Result<Vec<u8>, String>;

/// A function that answers at once.
pub type Function = dyn Fn(&[u8]) -> ForeignResult + Send + Sync;

/// A foreign function of the layer above.
#[derive(Clone)]
pub enum ForeignFunction {
    /// Answers at once. It runs inside of a callback: what it takes the request waits for.
    Synchronous(Arc<Function>),
    /// Is performed by the layer above; the policy gets the result in `proxy_on_foreign_function`.
    Asynchronous,
}

/// Foreign functions of the layer above, by name.
pub type ForeignFunctions = HashMap<String, ForeignFunction>;
