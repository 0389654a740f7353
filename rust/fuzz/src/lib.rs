//! Bad input for the host, on the stable toolchain: each target takes bytes and panics when a
//! promise is broken. A part of the inputs is random, the rest are mutations of a small corpus.

pub mod input;
pub mod rng;
pub mod run;
pub mod supervise;
pub mod targets;
