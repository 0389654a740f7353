//! The buckets in the host's shared data.

use crate::settings::Settings;
use crate::slot::{self, seed_of};
use crate::verdict::Verdict;
use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;
use std::hash::{BuildHasher, RandomState};

/// Threads of one process can change an entry between read and write; more often than this in a row means
/// that the key is asked for faster than it can be answered.
const MOST_TRIES: usize = 16;

/// Where one configuration keeps its buckets.
pub struct Store {
    prefix: String,
    seed: [u8; 16],
}

impl Store {
    /// The store of the plugin `name` for limits of this scope. All instances take the seed that the first one made.
    pub fn open(name: &str, scope: &[u8]) -> Result<Self, Status> {
        let prefix = format!("rate_limit/{name}/");
        let key = format!("{prefix}seed");
        for _ in 0..MOST_TRIES {
            if let (Some(seed), _) = hostcalls::get_shared_data(&key)? {
                if let Ok(seed) = seed.try_into() {
                    return Ok(Self { prefix, seed: seed_of(&seed, scope) });
                }
            }
            // Two instances may both write here; reading again gives both the one that stayed.
            hostcalls::set_shared_data(&key, Some(&random()), None)?;
        }
        Err(Status::InternalFailure)
    }

    /// The seed for the hashes of identities.
    pub fn seed(&self) -> &[u8; 16] {
        &self.seed
    }

    /// Takes a token from the buckets of the identity with that hash.
    pub fn take(&self, settings: &Settings, hash: u128, now: u64) -> Result<Verdict, Status> {
        let key = slot::key(&self.prefix, hash, settings.entries);
        for _ in 0..MOST_TRIES {
            // An entry that does not exist has no version, so the first writes of two threads can
            // both succeed: one request passes uncounted, once in the life of an entry.
            let (entry, version) = hostcalls::get_shared_data(&key)?;
            let taken = slot::take(entry, hash, &settings.buckets, now);
            let verdict = Verdict::new(&settings.buckets, &taken.outcomes, now);
            let Some(entry) = taken.entry else {
                return Ok(verdict);
            };
            match hostcalls::set_shared_data(&key, Some(&entry), version) {
                Ok(()) => return Ok(verdict),
                Err(Status::CasMismatch) => {}
                Err(status) => return Err(status),
            }
        }
        Ok(Verdict::CONTENDED)
    }
}

/// Sixteen random bytes: the hasher's keys come from the host's random numbers.
fn random() -> [u8; 16] {
    let halves = [RandomState::new(), RandomState::new()].map(|state| state.hash_one(0));
    let [low, high] = halves.map(u64::to_le_bytes);
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&low);
    seed[8..].copy_from_slice(&high);
    seed
}
