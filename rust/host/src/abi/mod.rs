//! The specification as data: numbers, dialects, signatures, formats.

pub(crate) mod dialect;
pub(crate) mod enums;
pub(crate) mod pairs;
pub(crate) mod protobuf;
pub(crate) mod signatures;
