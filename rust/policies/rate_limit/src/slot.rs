//! What one entry of the shared data holds: a set of four buckets.
//!
//! Shared data cannot be deleted, so buckets have a fixed number of places, and a new key takes the place of
//! an old one. A place alone would make two keys of the same hash throw each other out on every request; in a set
//! of four, five busy keys must meet first. The place given up is the fullest bucket, which loses least:
//! a bucket that is full again is the same as none.
//!
//! Encoding: for each way 16 bytes of key hash, then for each limit the time when its bucket is full again,
//! as little-endian nanoseconds. An entry of another length belongs to another configuration and counts as empty.

use crate::bucket::{Bucket, Outcome};

/// Buckets in one entry.
pub const WAYS: u32 = 4;
/// Bytes of key hash in a way.
const KEY: usize = 16;
/// Bytes of a time.
const TIME: usize = 8;

/// The entry after a request, and what each bucket said, in the order of the limits.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// To be stored; `None` when nothing changed.
    pub entry: Option<Vec<u8>>,
    /// One for each limit.
    pub outcomes: Vec<Outcome>,
}

/// The key of the entry, one of `entries`, that has the bucket of an identity with this hash.
#[must_use]
pub fn key(prefix: &str, hash: u128, entries: u32) -> String {
    // Half of the hash is enough, and there is no 128-bit division in WebAssembly.
    let low = u64::try_from(hash & u128::from(u64::MAX)).unwrap_or_default();
    let mut place = low % u64::from(entries);
    let mut key = String::with_capacity(prefix.len() + 8);
    key.push_str(prefix);
    loop {
        let digit = b"0123456789abcdef"[(place % 16) as usize];
        key.push(char::from(digit));
        place /= 16;
        if place == 0 {
            return key;
        }
    }
}

/// Takes a token from every bucket of `key`, or from none if one of them is empty.
#[must_use]
pub fn take(entry: Option<Vec<u8>>, key: u128, buckets: &[Bucket], now: u64) -> Taken {
    let width = KEY + TIME * buckets.len();
    let size = width * WAYS as usize;
    let mut entry = entry.filter(|entry| entry.len() == size).unwrap_or_else(|| vec![0; size]);
    let key = key.to_le_bytes();
    let (way, is_known) = find(&entry, width, &key);
    let way = &mut entry[way * width..][..width];
    let outcomes: Vec<Outcome> = (0..)
        .zip(buckets)
        .map(|(index, bucket)| {
            let full_at = if is_known { time(way, index) } else { 0 };
            bucket.take(full_at, now)
        })
        .collect();
    if outcomes.iter().any(|outcome| outcome.wait.is_some()) {
        return Taken { entry: None, outcomes };
    }
    way[..KEY].copy_from_slice(&key);
    for (place, outcome) in way[KEY..].chunks_exact_mut(TIME).zip(&outcomes) {
        place.copy_from_slice(&outcome.full_at.to_le_bytes());
    }
    Taken { entry: Some(entry), outcomes }
}

/// The way that has the key, or the one to be given up for it.
fn find(entry: &[u8], width: usize, key: &[u8]) -> (usize, bool) {
    let mut fullest = (u64::MAX, 0);
    for (index, way) in entry.chunks_exact(width).enumerate() {
        if way.starts_with(key) {
            return (index, true);
        }
        let times = (width - KEY) / TIME;
        let full_at = (0..times).map(|limit| time(way, limit)).max().unwrap_or(0);
        fullest = fullest.min((full_at, index));
    }
    (fullest.1, false)
}

fn time(way: &[u8], limit: usize) -> u64 {
    let bytes = way[KEY + limit * TIME..].first_chunk();
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::parse;

    const NOW: u64 = 1_000_000_000_000;

    fn buckets(limits: &str, size: u32) -> Vec<Bucket> {
        parse(limits).unwrap().into_iter().map(|limit| Bucket::new(limit, size)).collect()
    }

    fn passes(taken: &Taken) -> bool {
        taken.outcomes.iter().all(|outcome| outcome.wait.is_none())
    }

    #[test]
    fn a_key_is_one_of_as_many_as_there_are_entries() {
        let keys: std::collections::HashSet<String> = (0..100).map(|h| key("p/", h, 64)).collect();
        assert_eq!(keys.len(), 64);
        assert_eq!((key("p/", 0, 64), key("p/", 0x1f2, 4096)), ("p/0".into(), "p/2f1".into()));
    }

    #[test]
    fn keys_in_one_entry_have_buckets_of_their_own() {
        let buckets = buckets("1/minute", 1);
        let mut entry = None;
        for key in 1..=4 {
            let taken = take(entry, key, &buckets, NOW);
            assert!(passes(&taken));
            entry = taken.entry;
        }
        for key in 1..=4 {
            assert!(!passes(&take(entry.clone(), key, &buckets, NOW)), "{key}");
        }
    }

    #[test]
    fn a_fifth_key_takes_the_place_of_the_fullest_bucket() {
        let buckets = buckets("1/minute", 1);
        let mut entry = None;
        for key in 1..=5 {
            entry = take(entry, key, &buckets, NOW + u64::try_from(key).unwrap()).entry;
        }
        let held = [1, 2, 3, 4, 5].map(|key| !passes(&take(entry.clone(), key, &buckets, NOW + 9)));
        assert_eq!(held, [false, true, true, true, true]);
    }

    #[test]
    fn a_request_that_one_limit_refuses_takes_from_none() {
        let buckets = [buckets("1/second", 1), buckets("5/minute", 5)].concat();
        let entry = take(None, 1, &buckets, NOW).entry;
        let refused = take(entry.clone(), 1, &buckets, NOW);
        assert_eq!(refused.entry, None);
        let later = take(entry, 1, &buckets, NOW + 1_000_000_000);
        assert_eq!(later.outcomes[1].remaining, 3);
    }

    #[test]
    fn an_entry_of_another_configuration_counts_as_empty() {
        let entry = take(None, 1, &buckets("1/minute;9/hour", 1), NOW).entry;
        assert!(passes(&take(entry, 1, &buckets("1/minute", 1), NOW)));
    }
}
