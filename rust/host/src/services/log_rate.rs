//! The bytes that one policy, or one tenant of it, may log in a second, in all callbacks together.
//! `log_bytes` bounds one callback; there may be thousands of callbacks in a second.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// The lines of this second.
pub(crate) struct LogRate {
    bytes_a_second: usize,
    second: Mutex<Option<Second>>,
}

struct Second {
    began: Instant,
    bytes: usize,
    /// Lines that were dropped since one was kept.
    dropped: u64,
}

/// The decision about a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It is written; `dropped` lines before it were not.
    Kept {
        dropped: u64,
    },
    Dropped,
}

impl LogRate {
    pub(crate) fn new(bytes_a_second: usize) -> Self {
        Self { bytes_a_second, second: Mutex::default() }
    }

    /// Takes a line of so many bytes. `now` is the system's: a clock of tests may stand still.
    pub(crate) fn take(&self, bytes: usize, now: Instant) -> Line {
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        let second = second.get_or_insert(Second { began: now, bytes: 0, dropped: 0 });
        if now.saturating_duration_since(second.began) >= SECOND {
            (second.began, second.bytes) = (now, 0);
        }
        second.bytes = second.bytes.saturating_add(bytes);
        if second.bytes > self.bytes_a_second {
            second.dropped += 1;
            return Line::Dropped;
        }
        Line::Kept { dropped: std::mem::take(&mut second.dropped) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_bytes_and_the_next_one_as_many() {
        let (rate, now) = (LogRate::new(100), Instant::now());
        let take = |bytes, millis| rate.take(bytes, now + Duration::from_millis(millis));
        assert_eq!(take(60, 0), Line::Kept { dropped: 0 });
        assert_eq!([take(60, 1), take(1, 999)], [Line::Dropped, Line::Dropped]);
        assert_eq!(take(100, 1000), Line::Kept { dropped: 2 });
        assert_eq!(take(1, 1001), Line::Dropped);
        assert_eq!(take(1, 2000), Line::Kept { dropped: 1 });
    }
}
