//! The CPU time of this thread: the time of other threads and processes is not counted.

use std::time::Duration;

/// Since some moment of the thread.
#[cfg(unix)]
#[allow(unsafe_code, reason = "the system writes the time where it is told")]
pub(crate) fn computed() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives until the call has returned, and this clock is always there.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// If the system does not report CPU time, elapsed time counts.
#[cfg(not(unix))]
pub(crate) fn computed() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}
