//! What a plugin may use.

/// Bounds on one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Fuel of one callback, in units of about one operator or one nanosecond.
    pub fuel: u64,
    /// Fuel for start, `proxy_on_vm_start` and `proxy_on_configure`, together.
    pub start_fuel: u64,
    /// Bytes of linear memory; rounded down to whole pages of 64 KiB.
    pub memory: u64,
    /// Bytes of a body that are held back while a policy buffers it.
    pub body: usize,
    /// Fields in one header map.
    pub headers: usize,
    /// Bytes of names and values in one header map.
    pub header_bytes: usize,
    /// Bytes that one callback may write to the log.
    pub log_bytes: usize,
    /// Callbacks that one step may cause beside its own: of queues, and after `proxy_done`.
    pub step_callbacks: u32,
    /// Fuel of all of these together; one of them may always run.
    pub step_fuel: u64,
    /// Millionths of a thread's time for callbacks in the background.
    pub background_share: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 10_000_000,
            start_fuel: 200_000_000,
            memory: 32 << 20,
            body: 1 << 20,
            headers: 128,
            header_bytes: 64 << 10,
            log_bytes: 16 << 10,
            step_callbacks: 64,
            step_fuel: 20_000_000,
            background_share: 50_000,
        }
    }
}

impl Limits {
    /// Bytes of the largest serialized map within the limits: a count, two lengths and two zero
    /// bytes a pair, names and values.
    pub(crate) fn pairs(&self) -> usize {
        self.headers.saturating_mul(10).saturating_add(self.header_bytes).saturating_add(4)
    }
}
