//! Functions that the layer above adds to a host.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

/// What a function answers: the result's bytes, or in a few words why there is none.
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

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Whether a function of the layer above runs on this thread: its policy's callback is under way, so
/// no other may begin.
pub(crate) fn busy() -> bool {
    // A handle can be dropped while its thread ends.
    BUSY.try_with(Cell::get).unwrap_or(false)
}

/// Runs a function of the layer above.
pub(super) fn call(function: &Function, arguments: &[u8]) -> ForeignResult {
    struct Rest;
    impl Drop for Rest {
        fn drop(&mut self) {
            BUSY.set(false);
        }
    }
    BUSY.set(true);
    let _rest = Rest;
    function(arguments)
}
