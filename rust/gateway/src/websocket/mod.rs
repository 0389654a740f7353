//! WebSocket (RFC 6455) as far as a proxy needs it: the handshake, where frames begin and end, and
//! close frames of its own.

pub(crate) mod accept;
pub(crate) mod close;
pub(crate) mod frames;
pub(crate) mod handshake;
pub(crate) mod limits;

#[cfg(test)]
mod frames_tests;
