//! Values that cross the border of the host, and what they are made of.

pub(crate) mod attributes;
pub(crate) mod callout;
pub(crate) mod capability;
pub(crate) mod effects;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod foreign_function;
pub(crate) mod headers;
pub(crate) mod ids;
pub(crate) mod limits;
pub(crate) mod load_error;
pub(crate) mod log_level;
pub(crate) mod printable;
pub(crate) mod secrets;
pub(crate) mod tenant;
