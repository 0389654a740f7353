//! Free memory that the allocator keeps.

/// Returns free memory to the operating system, if the allocator can (glibc).
#[allow(unsafe_code, reason = "an allocator's own function")]
pub fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
