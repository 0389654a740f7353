//! One entry of the shared data: a set of four buckets, as in a 4-way set-associative cache.
//!
//! Shared data cannot be deleted, so the number of buckets is fixed, and a new key evicts an old one. With one bucket
//! an entry, two keys of equal hash would evict each other on every request; with four, five active keys must
//! collide. On a collision the fullest bucket is evicted: a full bucket has the same state as a new one.
//!
//! Encoding, for each way: 16 bytes of key hash, one byte with the number of limits, and for each limit the time when
//! its bucket is full again, in little-endian nanoseconds. Ways of different limits share an entry (routes, reloads and
//! policies of one name), never a bucket.

use crate::bucket::{Bucket, Outcome};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;
use std::ops::Range;

/// Buckets in one entry.
pub const WAYS: u32 = 4;
/// Bytes of key hash in a way.
const KEY: usize = 16;
/// Bytes before the times of a way.
const HEAD: usize = KEY + 1;
/// Bytes of a time.
const TIME: usize = 8;

/// The entry after a request, and the outcome of each bucket in the order of the limits.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// The entry to store; `None` when it is unchanged.
    pub entry: Option<Vec<u8>>,
    /// One for each limit.
    pub outcomes: Vec<Outcome>,
}

/// The hash key for the identities of this scope.
#[must_use]
pub fn seed_of(seed: &[u8; KEY], scope: &[u8]) -> [u8; KEY] {
    let mut hasher = SipHasher13::new_with_key(seed);
    hasher.write(scope);
    hasher.finish128().as_u128().to_le_bytes()
}

/// The shared-data key of the entry, one of `entries`, for an identity with this hash.
#[must_use]
pub fn key(prefix: &str, hash: u128, entries: u32) -> String {
    // Half of the hash suffices, and WebAssembly has no 128-bit division.
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

/// Takes a token from every bucket of `key`, or from none of them if one is empty.
#[must_use]
pub fn take(entry: Option<Vec<u8>>, key: u128, buckets: &[Bucket], now: u64) -> Taken {
    let mut entry = entry.unwrap_or_default();
    let key = key.to_le_bytes();
    let found = ways(&entry).find(|way| entry[way.clone()].starts_with(&key));
    let before = |index| found.clone().map_or(0, |way| time(&entry[way], index));
    let outcomes: Vec<Outcome> =
        (0..).zip(buckets).map(|(index, bucket)| bucket.take(before(index), now)).collect();
    let times: Vec<u64> = if outcomes.iter().all(|outcome| outcome.wait.is_none()) {
        outcomes.iter().map(|outcome| outcome.full_at).collect()
    } else {
        let clamped = |(index, bucket): (usize, &Bucket)| bucket.clamped(before(index), now);
        let times: Vec<u64> = (0..).zip(buckets).map(clamped).collect();
        // Stored, because an unclamped time would empty the bucket again at each request until the clock passes it.
        if (0..).zip(&times).all(|(index, time)| *time == before(index)) {
            return Taken { entry: None, outcomes };
        }
        times
    };
    let range = found.unwrap_or_else(|| range_for_new(&entry));
    let mut way = Vec::with_capacity(HEAD + TIME * times.len());
    way.extend_from_slice(&key);
    way.push(u8::try_from(times.len()).unwrap_or(u8::MAX));
    for time in &times {
        way.extend_from_slice(&time.to_le_bytes());
    }
    entry.splice(range, way);
    Taken { entry: Some(entry), outcomes }
}

/// The byte ranges of the ways, in order.
fn ways(entry: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let times = usize::from(*entry.get(start + KEY)?);
        let way = start..start + HEAD + TIME * times;
        start = way.end;
        (way.end <= entry.len()).then_some(way)
    })
}

/// The byte range for a new way: the end of the entry, or the way of the fullest bucket.
fn range_for_new(entry: &[u8]) -> Range<usize> {
    let (mut end, mut count) = (0, 0);
    let mut fullest = (u64::MAX, 0..0);
    for way in ways(entry) {
        let bytes = &entry[way.clone()];
        let times = (bytes.len() - HEAD) / TIME;
        let full_at = (0..times).map(|limit| time(bytes, limit)).max().unwrap_or(0);
        if full_at < fullest.0 || count == 0 {
            fullest = (full_at, way.clone());
        }
        (end, count) = (way.end, count + 1);
    }
    if count < WAYS { end..entry.len() } else { fullest.1 }
}

fn time(way: &[u8], limit: usize) -> u64 {
    let bytes = way.get(HEAD + limit * TIME..).and_then(<[u8]>::first_chunk);
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::parse;

    const NOW: u64 = 1_000_000_000_000;

    fn buckets(limits: &str, size: u32) -> Vec<Bucket> {
        parse(limits).unwrap().into_iter().map(|limit| Bucket::new(limit, size).unwrap()).collect()
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
    fn a_fifth_key_evicts_the_fullest_bucket() {
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
    fn ways_of_other_limits_stay_as_they_are() {
        let (two, one) = (buckets("1/minute;9/hour", 1), buckets("1/minute", 1));
        let entry = take(None, 1, &two, NOW).entry;
        let entry = take(entry, 2, &one, NOW).entry;
        let held =
            [(1, &two), (2, &one)].map(|(key, its)| !passes(&take(entry.clone(), key, its, NOW)));
        assert_eq!(held, [true, true]);
    }

    #[test]
    fn bytes_that_are_not_an_entry_count_as_an_empty_one() {
        let buckets = buckets("1/minute", 1);
        for bytes in [vec![1; 7], vec![255; 64], vec![0; 16]] {
            let taken = take(Some(bytes), 9, &buckets, NOW);
            assert!(passes(&taken));
            assert!(!passes(&take(taken.entry, 9, &buckets, NOW)));
        }
    }

    #[test]
    fn after_a_step_of_the_clock_back_a_refused_client_waits_for_one_token() {
        let buckets = buckets("60/minute", 3);
        let mut entry = None;
        for _ in 0..3 {
            entry = take(entry, 1, &buckets, NOW).entry;
        }
        let (second, before) = (1_000_000_000, NOW / 2);
        let refused = take(entry, 1, &buckets, before);
        assert_eq!(refused.outcomes[0].wait, Some(second));
        assert!(passes(&take(refused.entry, 1, &buckets, before + second)));
    }

    #[test]
    fn each_scope_has_a_seed_of_its_own() {
        assert_ne!(seed_of(&[7; 16], b"a"), seed_of(&[7; 16], b"b"));
        assert_ne!(seed_of(&[7; 16], b"a"), seed_of(&[8; 16], b"a"));
    }
}
