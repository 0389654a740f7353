//! The data that hostcalls act on: the state of an instance and of its streams.

pub(crate) mod callout_routes;
pub(crate) mod callouts;
pub(crate) mod delivery;
pub(crate) mod descriptors;
pub(crate) mod direction;
pub(crate) mod instance_state;
pub(crate) mod outbox;
pub(crate) mod queue_calls;
pub(crate) mod reentrancy;
pub(crate) mod step;
pub(crate) mod stored_properties;
pub(crate) mod stream_data;
pub(crate) mod stream_info;
pub(crate) mod stream_table;
