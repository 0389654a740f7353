//! Callouts of policies: how many there may be, and the HTTP calls that this thread performs itself.

pub(crate) mod admission;
pub(crate) mod calls;
