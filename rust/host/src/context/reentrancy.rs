//! Guards against re-entry: during a foreign function of the layer above, no other callback may begin.

use std::cell::Cell;

use crate::types::error::Error;

thread_local! {
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Whether a function of the layer above runs on this thread.
pub(crate) fn busy() -> bool {
    // A plugin may be dropped while its thread ends.
    BUSY.try_with(Cell::get).unwrap_or(false)
}

/// Whether a callback may begin on this thread.
///
/// # Errors
/// [`Error::Busy`].
pub fn can_move() -> Result<(), Error> {
    if busy() { Err(Error::Busy) } else { Ok(()) }
}

/// Runs a function of the layer above.
pub(crate) fn guarded<R>(function: impl FnOnce() -> R) -> R {
    /// Restores the flag: a function may start a policy that calls a function, within the outer one.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            BUSY.set(self.0);
        }
    }
    let _before = Before(BUSY.replace(true));
    function()
}
