//! Tokens that verified, remembered so that the next request with one costs a comparison.
//!
//! A token is found by the last 16 bytes of its signature and accepted by comparing all of it. That is faster
//! than a digest of the whole token (4 us in wasm for an RS256 token, against 0.1 us) and at least as safe: two
//! different tokens are never equal, whatever an attacker makes. Only tokens that verified are put in, so
//! nobody without the issuer's key chooses what shares a set, and a lookup looks at eight places at most. The comparison
//! does not stop at the first difference, so its time says nothing about a remembered token.
//!
//! The table is set-associative: a place is found and freed in constant time, without moving anything.

use crate::claims::Grant;

const SETS: usize = 512;
const WAYS: usize = 8;
/// Most tokens remembered.
pub const MOST_TOKENS: usize = SETS * WAYS;
/// Longer tokens are verified each time.
pub const MOST_TOKEN_BYTES: usize = 4096;
/// Bytes of all remembered tokens together.
pub const MOST_BYTES: usize = 8 << 20;

struct Entry {
    token: Box<[u8]>,
    grant: Grant,
    /// Asked for since the last look for a free place; such an entry is passed over once.
    used: bool,
}

/// The remembered tokens of one configuration.
pub struct Memory {
    tags: Vec<[u64; WAYS]>,
    entries: Vec<Option<Entry>>,
    bytes: usize,
    /// Where the search for a place to free goes on when all bytes are used.
    hand: usize,
}

impl Default for Memory {
    fn default() -> Self {
        let entries = std::iter::repeat_with(|| None).take(MOST_TOKENS).collect();
        Self {
            tags: vec![[0; WAYS]; SETS],
            entries,
            bytes: 0,
            hand: 0,
        }
    }
}

impl Memory {
    /// What `token` grants, if it is remembered; the time is for the caller to check.
    pub fn get(&mut self, token: &[u8]) -> Option<&Grant> {
        let (set, tag) = place(token)?;
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

    /// Remembers a token that verified, in place of an expired or little used one.
    pub fn put(&mut self, token: &[u8], grant: &Grant, now: u64) {
        let Some((set, tag)) = place(token).filter(|_| token.len() <= MOST_TOKEN_BYTES) else {
            return;
        };
        let way = self.free_way(set, now);
        self.forget(set * WAYS + way);
        while self.bytes + token.len() > MOST_BYTES {
            self.forget(self.hand);
            self.hand = (self.hand + 1) % MOST_TOKENS;
        }
        self.bytes += token.len();
        self.tags[set][way] = tag;
        let entry = Entry {
            token: token.into(),
            grant: grant.clone(),
            used: false,
        };
        self.entries[set * WAYS + way] = Some(entry);
    }

    /// An empty or expired way; else the first that was not used since the last search; else the first.
    fn free_way(&mut self, set: usize, now: u64) -> usize {
        let ways = &mut self.entries[set * WAYS..][..WAYS];
        let is_free = |entry: &Option<Entry>| entry.as_ref().is_none_or(|e| e.grant.until <= now);
        if let Some(way) = ways.iter().position(is_free) {
            return way;
        }
        let idle = ways
            .iter()
            .position(|entry| entry.as_ref().is_some_and(|e| !e.used));
        ways.iter_mut()
            .flatten()
            .for_each(|entry| entry.used = false);
        idle.unwrap_or(0)
    }

    fn forget(&mut self, index: usize) {
        if let Some(entry) = self.entries[index].take() {
            self.bytes -= entry.token.len();
        }
    }
}

/// Set and tag of a token: two words of its signature's end. Sixteen base64url characters hold 96 bits of it.
fn place(token: &[u8]) -> Option<(usize, u64)> {
    let (rest, last) = token.split_last_chunk::<8>()?;
    let (_, before) = rest.split_last_chunk::<8>()?;
    // base64url leaves the low bits of each byte uneven; a multiplication carries all of them to the top.
    let mixed = u64::from_le_bytes(*before).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let set = (mixed >> 32) as usize % SETS;
    Some((set, u64::from_le_bytes(*last) ^ mixed))
}

/// Compares eight bytes at a time (the C library's `memcmp` for wasm goes byte by byte), to the end.
fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (a_words, a_rest) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    let words = a_words.iter().zip(b_words).fold(0, |difference, (a, b)| {
        difference | (u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b))
    });
    let rest = a_rest
        .iter()
        .zip(b_rest)
        .fold(0, |difference, (a, b)| difference | (a ^ b));
    words == 0 && rest == 0
}
