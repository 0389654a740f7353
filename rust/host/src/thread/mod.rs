//! The instances of this thread.

pub(crate) mod account;
pub(crate) mod callouts;
pub(crate) mod health;
pub(crate) mod held;
pub(crate) mod outgoing_callouts;
pub(crate) mod plugin_slot;
pub(crate) mod queue_calls;
pub(crate) mod slots;
pub(crate) mod turn;
pub(crate) mod vm_slot;
