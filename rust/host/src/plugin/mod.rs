//! What a plugin is, apart from the code that runs it.

pub(crate) mod capabilities;
pub(crate) mod core;
pub(crate) mod folders;
pub(crate) mod spec;
pub(crate) mod vm;
