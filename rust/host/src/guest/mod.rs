//! Access to the guest: its memory, its exports, its callouts, and the trace of its calls.

pub(crate) mod callouts;
pub(crate) mod effective_stream;
pub(crate) mod exports;
pub(crate) mod memory;
pub(crate) mod probe;
