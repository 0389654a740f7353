//! Request fields whose names have an underscore.
//!
//! CGI and WSGI turn `-` into `_`, so that `x_user` of a client would be read as the `x-user` that a
//! policy removed or set.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use wasmgate_host::{LogLevel, LogRecord};

/// The time between two lines of the log.
const EVERY: Duration = Duration::from_mins(1);
/// Bytes of a name that the log shows.
const SHOWN: usize = 64;

/// The action for such fields, and their number.
#[derive(Debug, Default)]
pub struct Underscores {
    allowed: bool,
    dropped: AtomicU64,
    said: Mutex<Option<Instant>>,
}

impl Underscores {
    /// Fields are forwarded if they are `allowed`, and otherwise dropped and counted.
    #[must_use]
    pub fn new(allowed: bool) -> Self {
        Self { allowed, ..Self::default() }
    }

    /// Whether they are forwarded.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.allowed
    }

    /// How many were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts the dropped fields of a request; the line for the log comes once a minute at most.
    pub fn note(&self, dropped: &Dropped) -> Option<LogRecord> {
        if dropped.fields == 0 {
            return None;
        }
        let all = self.dropped.fetch_add(dropped.fields, Ordering::Relaxed) + dropped.fields;
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_some_and(|last| last.elapsed() < EVERY) {
            return None;
        }
        *said = Some(Instant::now());
        let name = String::from_utf8_lossy(&dropped.name);
        let message = format!(
            "dropped request header {name:?}: WSGI and CGI read '_' in a name as '-' ({all} dropped so \
             far); headers_with_underscores_action \"allow\" lets such names pass"
        );
        Some(LogRecord { policy: "".into(), level: LogLevel::Warn, message })
    }
}

/// The dropped fields of one request.
#[derive(Clone, Debug, Default)]
pub struct Dropped {
    fields: u64,
    name: Vec<u8>,
}

impl Dropped {
    /// Counts a field.
    pub fn add(&mut self, name: &[u8]) {
        if self.fields == 0 {
            self.name = name[..name.len().min(SHOWN)].to_vec();
        }
        self.fields += 1;
    }

    /// Whether there was none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(names: &[&str]) -> Dropped {
        let mut dropped = Dropped::default();
        for name in names {
            dropped.add(name.as_bytes());
        }
        dropped
    }

    #[test]
    fn each_is_counted_and_one_line_a_minute_says_so() {
        let underscores = Underscores::new(false);
        assert!(underscores.note(&dropped(&[])).is_none());
        let record = underscores.note(&dropped(&["x_user", "x_y"])).unwrap();
        let expected = "dropped request header \"x_user\": WSGI and CGI read '_' in a name as '-' (2 \
                        dropped so far); headers_with_underscores_action \"allow\" lets such names pass";
        assert_eq!(expected, record.message);
        assert!(underscores.note(&dropped(&["x_z"])).is_none());
        assert_eq!(3, underscores.dropped());
    }

    #[test]
    fn a_name_cannot_break_the_line() {
        let record = Underscores::new(false).note(&dropped(&["a_\n\x1b[31m"])).unwrap();
        assert!(!record.message.contains(['\n', '\x1b']), "{}", record.message);
    }
}
