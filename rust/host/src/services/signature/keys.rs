//! A cache of parsed public keys: parsing takes several times as long as a verification.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::signature::ParsedPublicKey;

use crate::services::signature::algorithm::Algorithm;

/// Keys in one of the two generations.
const GENERATION: usize = 128;
/// Longer keys are not RSA of 8192 bits or less.
const LONGEST_KEY: usize = 2048;

/// A bounded cache of parsed keys, of one VM: other policies cannot evict its keys.
#[derive(Default)]
pub(crate) struct KeyCache {
    generations: Mutex<Generations>,
}

type Keys = HashMap<(Algorithm, Box<[u8]>), Arc<ParsedPublicKey>>;

/// What is used moves to the young generation; a full one replaces the old one. So keys in use
/// stay, at the price of two look-ups and without a list to keep in order.
#[derive(Default)]
struct Generations {
    young: Keys,
    old: Keys,
}

impl KeyCache {
    /// The key parsed for `algorithm`, or nothing if it cannot be.
    pub(super) fn parsed(&self, algorithm: Algorithm, der: &[u8]) -> Option<Arc<ParsedPublicKey>> {
        if der.len() > LONGEST_KEY {
            return None;
        }
        let name = (algorithm, Box::from(der));
        if let Some(key) = self.lock().find(&name) {
            return Some(key);
        }
        let key = Arc::new(ParsedPublicKey::new(algorithm.native(), der).ok()?);
        self.lock().keep(name, Arc::clone(&key));
        Some(key)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.lock();
        generations.young.len() + generations.old.len()
    }
}

impl Generations {
    fn find(&mut self, name: &(Algorithm, Box<[u8]>)) -> Option<Arc<ParsedPublicKey>> {
        if let Some(key) = self.young.get(name) {
            return Some(Arc::clone(key));
        }
        let (name, key) = self.old.remove_entry(name)?;
        self.keep(name, Arc::clone(&key));
        Some(key)
    }

    fn keep(&mut self, name: (Algorithm, Box<[u8]>), key: Arc<ParsedPublicKey>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, key);
    }
}
