//! `filestat` as both versions of WASI lay it out. Device and inode numbers of the system are not reported.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a guest may know of a file.
pub(super) struct Facts {
    kind: u8,
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl Facts {
    pub(super) const fn device() -> Self {
        Self { kind: 2, size: 0, modified: 0 }
    }

    pub(super) const fn directory() -> Self {
        Self { kind: 3, size: 0, modified: 0 }
    }

    pub(super) fn of(its: &Metadata) -> Self {
        let kind = if its.is_dir() { 3 } else { 4 };
        Self { kind, size: its.len(), modified: nanoseconds(its.modified().ok()) }
    }

    pub(super) fn of_path(its: &cap_std::fs::Metadata) -> Self {
        let kind = match (its.is_dir(), its.is_file(), its.is_symlink()) {
            (true, _, _) => 3,
            (_, true, _) => 4,
            (_, _, true) => 7,
            _ => 0,
        };
        let modified = its.modified().ok().map(cap_std::time::SystemTime::into_std);
        Self { kind, size: its.len(), modified: nanoseconds(modified) }
    }

    /// dev, ino, filetype, nlink (64 bits), size, atim, mtim, ctim.
    pub(super) fn preview1(&self) -> [u8; 64] {
        let mut stat = [0; 64];
        stat[16] = self.kind;
        stat[24] = 1;
        self.rest(&mut stat[32..]);
        stat
    }

    /// The same with nlink in 32 bits beside the filetype.
    pub(super) fn unstable(&self) -> [u8; 56] {
        let mut stat = [0; 56];
        stat[16] = self.kind;
        stat[20] = 1;
        self.rest(&mut stat[24..]);
        stat
    }

    fn rest(&self, rest: &mut [u8]) {
        let numbers = [self.size, self.modified, self.modified, self.modified];
        for (place, number) in rest.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
    }
}

fn nanoseconds(time: Option<SystemTime>) -> u64 {
    let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Facts = Facts { kind: 4, size: 0x0102, modified: 7 };

    #[test]
    fn preview1_has_the_size_at_32() {
        let stat = FILE.preview1();
        assert_eq!((stat[16], stat[24], &stat[32..34], stat[48]), (4, 1, &[2, 1][..], 7));
    }

    #[test]
    fn unstable_has_the_size_at_24() {
        let stat = FILE.unstable();
        assert_eq!((stat[16], stat[20], &stat[24..26], stat[40]), (4, 1, &[2, 1][..], 7));
    }
}
