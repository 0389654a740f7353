//! Facts about the course of a stream, which some properties report.

use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Facts about the course of one stream.
#[derive(Default)]
pub(crate) struct StreamInfo {
    /// When the request's head was forwarded to the upstream.
    pub(crate) forwarded: Option<Instant>,
    /// When the upstream's response was complete.
    pub(crate) answered: Option<Instant>,
    /// Why the response did not come from the upstream; `None` if it did.
    pub(crate) details: Option<Cow<'static, str>>,
    /// A policy cleared the route cache: the route must be selected again.
    pub(crate) route_cleared: bool,
    /// The timeout has expired: no policy may pause the response.
    pub(crate) overruled: bool,
    /// The stream has ended.
    pub(crate) ended: bool,
}

impl StreamInfo {
    /// The upstream's latency, from forwarding the request's head to the end of the response.
    pub(crate) fn backend_latency(&self) -> Option<Duration> {
        Some(self.answered?.saturating_duration_since(self.forwarded?))
    }
}
