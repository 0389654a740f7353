//! A cache of verified tokens: the next request with a token costs a comparison.
//!
//! The last 16 bytes of the signature select a set, and the whole token is compared. That is faster than a digest of the
//! token and at least as safe: different tokens are never equal. Only verified tokens are added, so only the issuer
//! chooses the tokens of a set, and a lookup compares eight tags. The comparison does not stop at the first
//! difference, so its time reveals nothing about a cached token.
//!
//! The cache is set-associative: lookup and eviction take constant time and move nothing.

use crate::claims::Grant;

const SETS: usize = 512;
const WAYS: usize = 8;
/// Tokens in the cache, at most.
pub const MOST_TOKENS: usize = SETS * WAYS;
/// Longer tokens are not cached.
pub const MOST_TOKEN_BYTES: usize = 4096;
/// Bytes of all tokens and their grants, at most.
pub const MOST_BYTES: usize = 8 << 20;

struct Entry {
    token: Box<[u8]>,
    /// Of the token and its grant.
    bytes: usize,
    grant: Grant,
    /// Read since the clock hand last passed it.
    used: bool,
}

/// The verified tokens of one configuration.
pub struct Memory {
    tags: Vec<[u64; WAYS]>,
    entries: Vec<Option<Entry>>,
    hands: [usize; SETS],
    bytes: usize,
    /// The next entry to evict when all bytes are used.
    sweep: usize,
}

impl Default for Memory {
    fn default() -> Self {
        let entries = std::iter::repeat_with(|| None).take(MOST_TOKENS).collect();
        Self { tags: vec![[0; WAYS]; SETS], entries, hands: [0; SETS], bytes: 0, sweep: 0 }
    }
}

impl Memory {
    /// The grant of `token`, if it is cached; the caller checks the time.
    pub fn get(&mut self, token: &[u8]) -> Option<&Grant> {
        let (set, tag) = set_and_tag(token)?;
        for (way, own) in self.tags[set].iter().enumerate() {
            if *own != tag {
                continue;
            }
            let entry = self.entries[set * WAYS + way].as_mut();
            if entry.is_some_and(|entry| equal(&entry.token, token)) {
                let entry = self.entries[set * WAYS + way].as_mut()?;
                entry.used = true;
                return Some(&entry.grant);
            }
        }
        None
    }

    /// Adds a verified token; evicts an expired or unused one.
    pub fn put(&mut self, token: &[u8], grant: Grant, now: u64) {
        let Some((set, tag)) = set_and_tag(token).filter(|_| token.len() <= MOST_TOKEN_BYTES)
        else {
            return;
        };
        let way = self.free_way(set, now);
        self.evict(set * WAYS + way);
        let bytes = token.len() + grant.size();
        while self.bytes + bytes > MOST_BYTES {
            self.evict(self.sweep);
            self.sweep = (self.sweep + 1) % MOST_TOKENS;
        }
        self.bytes += bytes;
        self.tags[set][way] = tag;
        let entry = Entry { token: token.into(), bytes, grant, used: false };
        self.entries[set * WAYS + way] = Some(entry);
    }

    /// An empty or expired way, else the next one that was not read since the hand last passed it (the clock algorithm,
    /// with a hand for each set).
    fn free_way(&mut self, set: usize, now: u64) -> usize {
        let ways = &mut self.entries[set * WAYS..][..WAYS];
        let is_free = |entry: &Option<Entry>| entry.as_ref().is_none_or(|e| e.grant.until <= now);
        if let Some(way) = ways.iter().position(is_free) {
            return way;
        }
        loop {
            let way = self.hands[set];
            self.hands[set] = (way + 1) % WAYS;
            let was_used = ways[way].as_mut().map(|entry| std::mem::take(&mut entry.used));
            if was_used != Some(true) {
                return way;
            }
        }
    }

    fn evict(&mut self, index: usize) {
        if let Some(entry) = self.entries[index].take() {
            self.bytes -= entry.bytes;
        }
    }
}

/// Set and tag of a token, from the last two words of its signature: sixteen characters hold 96 bits of it.
fn set_and_tag(token: &[u8]) -> Option<(usize, u64)> {
    let (rest, last) = token.split_last_chunk::<8>()?;
    let (_, before) = rest.split_last_chunk::<8>()?;
    // The bits of base64url bytes are uneven; the multiplication mixes all of them into the high bits.
    let mixed = u64::from_le_bytes(*before).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let set = (mixed >> 32) as usize % SETS;
    Some((set, u64::from_le_bytes(*last) ^ mixed))
}

/// Compares eight bytes at a time, to the end. `memcmp` of wasi-libc compares single bytes.
fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (a_words, a_rest) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    let words = a_words.iter().zip(b_words).fold(0, |difference, (a, b)| {
        difference | (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b))
    });
    let rest = a_rest.iter().zip(b_rest).fold(0, |difference, (a, b)| difference | (a ^ b));
    words == 0 && rest == 0
}
