//! Sockets: what the kernel and TLS make of them.

pub(crate) mod address_policy;
mod address_space;
pub(crate) mod admission;
pub(crate) mod certificate;
pub(crate) mod listener;
pub(crate) mod resolver;
pub(crate) mod socket;
pub(crate) mod tls;
mod trusted;
