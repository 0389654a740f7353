//! The specification as data: numbers, dialects, signatures, formats.

pub(crate) mod answers;
pub(crate) mod argument;
pub(crate) mod dialect;
pub(crate) mod enums;
pub(crate) mod hostcalls;
pub(crate) mod pairs;
pub(crate) mod protobuf;
pub(crate) mod signatures;
