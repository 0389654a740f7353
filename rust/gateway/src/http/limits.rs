//! Bounds on requests.

/// Bounds on a request; a larger one is answered 413 or 431.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Header fields.
    pub headers: usize,
    /// Bytes of all names and values.
    pub header_bytes: usize,
    /// Bytes of the body; none for no bound.
    pub body: Option<u64>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { headers: 128, header_bytes: 64 << 10, body: None }
    }
}
