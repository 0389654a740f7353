//! A token bucket for each user.

use std::collections::HashMap;
use std::time::Instant;

struct Bucket {
    left: f64,
    at: Instant,
}

/// Buckets that hold what they gain in a second.
pub struct Buckets {
    per_second: f64,
    of: HashMap<Box<[u8]>, Bucket>,
}

impl Buckets {
    pub fn new(per_second: f64) -> Self {
        Self { per_second, of: HashMap::new() }
    }

    /// Takes one token from the user's bucket; false if it is empty.
    pub fn take(&mut self, user: &[u8], now: Instant) -> bool {
        let per_second = self.per_second;
        let Some(bucket) = self.of.get_mut(user) else {
            self.of.insert(user.into(), Bucket { left: per_second - 1.0, at: now });
            return true;
        };
        let gained = now.duration_since(bucket.at).as_secs_f64() * per_second;
        bucket.at = now;
        bucket.left = (bucket.left + gained).min(per_second);
        let enough = bucket.left >= 1.0;
        bucket.left -= f64::from(u8::from(enough));
        enough
    }
}
