//! The clock of the buckets.

use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;
use std::time::UNIX_EPOCH;

/// `monotonic` of WASI's `clockid`.
const MONOTONIC: u32 = 1;

#[expect(unsafe_code, reason = "the keyword of a block of imports; what is in it is safe to call")]
#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    // SAFETY: the signature is the one of preview 1, whose last parameter is the address of eight writable bytes.
    safe fn clock_time_get(clock: u32, precision: u64, time: &mut u64) -> u32;
}

/// Nanoseconds of the monotonic clock, so that a step of the time of day changes no bucket. Shared data lives as long
/// as the process, and all threads of the process have the same monotonic clock.
///
/// On a host without a monotonic clock this is the time of day, and a step of it fills or drains buckets.
pub fn now() -> Result<u64, Status> {
    let mut time = 0;
    if clock_time_get(MONOTONIC, 1, &mut time) == 0 {
        return Ok(time);
    }
    let since = hostcalls::get_current_time()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
