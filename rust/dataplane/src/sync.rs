//! What threads share things with. `rust/interleavings` has the same names from loom.

pub(crate) use std::sync::{Mutex, PoisonError};
