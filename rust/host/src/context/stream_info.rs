//! What became of a stream, for the properties that tell of it.

use std::borrow::Cow;
use std::time::{Duration, Instant};

/// What became of one stream.
#[derive(Default)]
pub(crate) struct StreamInfo {
    /// When the request's head was forwarded to the upstream.
    pub(crate) forwarded: Option<Instant>,
    /// When the upstream's response was whole.
    pub(crate) answered: Option<Instant>,
    /// The response did not come from the upstream: why.
    pub(crate) details: Option<Cow<'static, str>>,
    /// A policy changed what the route is chosen by.
    pub(crate) route_cleared: bool,
    /// The timeout has expired: no policy may pause the response.
    pub(crate) overruled: bool,
    /// The stream has ended.
    pub(crate) ended: bool,
}

impl StreamInfo {
    /// How long the upstream took, from the request's head to the end of the response.
    pub(crate) fn backend_latency(&self) -> Option<Duration> {
        Some(self.answered?.saturating_duration_since(self.forwarded?))
    }
}
