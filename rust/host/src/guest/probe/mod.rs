//! Trace events of callbacks and hostcalls.

mod arguments;
pub(crate) mod callback;
pub(crate) mod hostcall;
mod names;
mod text;

pub(crate) use crate::guest::probe::arguments::Parameter;
