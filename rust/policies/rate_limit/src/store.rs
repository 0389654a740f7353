//! Buckets in the host's shared data.

use crate::settings::Settings;
use crate::slot::{self, seed_of};
use crate::verdict::Verdict;
use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;
use std::hash::{BuildHasher, RandomState};

/// Compare-and-swap attempts at one entry. Another thread can change it between read and write; after so many failures
/// in a row the request is refused.
const MAX_ATTEMPTS: usize = 16;

/// The version of a missing entry. Hosts accept any version for an entry that does not exist, and use this one last of
/// all: of two threads that create an entry, the second gets `CasMismatch`.
const ABSENT: u32 = u32::MAX;

/// The entries of one configuration.
pub struct Store {
    prefix: String,
    seed: [u8; 16],
}

impl Store {
    /// The store of the plugin `name` for this scope. All instances use the seed that the first one stored.
    pub fn open(name: &str, scope: &[u8]) -> Result<Self, Status> {
        let prefix = format!("rate_limit/{name}/");
        let key = format!("{prefix}seed");
        for _ in 0..MAX_ATTEMPTS {
            if let (Some(seed), _) = hostcalls::get_shared_data(&key)? {
                if let Ok(seed) = seed.try_into() {
                    return Ok(Self { prefix, seed: seed_of(&seed, scope) });
                }
            }
            // Two instances may both write a seed; reading again gives both of them the one that was kept.
            hostcalls::set_shared_data(&key, Some(&random()), None)?;
        }
        Err(Status::InternalFailure)
    }

    /// The hash key for identities.
    pub fn seed(&self) -> &[u8; 16] {
        &self.seed
    }

    /// Takes a token from the buckets of the identity with this hash.
    pub fn take(&self, settings: &Settings, hash: u128, now: u64) -> Result<Verdict, Status> {
        let key = slot::key(&self.prefix, hash, settings.entries);
        for _ in 0..MAX_ATTEMPTS {
            let (entry, version) = hostcalls::get_shared_data(&key)?;
            // Without a version, a write would replace an entry that another thread has just created.
            let version = version.or(Some(ABSENT));
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

/// 16 random bytes: `RandomState` takes its keys from WASI's `random_get`.
fn random() -> [u8; 16] {
    let halves = [RandomState::new(), RandomState::new()].map(|state| state.hash_one(0));
    let [low, high] = halves.map(u64::to_le_bytes);
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&low);
    seed[8..].copy_from_slice(&high);
    seed
}
