//! Files that a policy may read: folders opened when it is loaded, and what an instance opened in
//! them. Nothing is ever written.

mod descriptors;
mod folders;

pub(crate) use descriptors::{Descriptor, Descriptors, Entry, listing};
pub use folders::Folders;
pub(crate) use folders::Found;
