//! The guest's side of the border: its memory, its exports, and what a hostcall sees of it.

pub(crate) mod callouts;
pub(crate) mod effective_stream;
pub(crate) mod exports;
pub(crate) mod memory;
pub(crate) mod probe;
