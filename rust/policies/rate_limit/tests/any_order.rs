//! Requests of several clients under several limits in any order: an idle client passes, and no limit gives more
//! than its burst and what comes back in the time.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::HashMap;

use rate_limit::bucket::Bucket;
use rate_limit::identity::Identity;
use rate_limit::settings::Settings;
use rate_limit::slot;

const SECOND: u64 = 1_000_000_000;
/// Limits as routes, reloads and policies of one name have them side by side, each with its longest period.
const LIMITS: [(&str, u64); 6] = [
    (r#"{"limit": "3/second"}"#, SECOND),
    (r#"{"limit": "60/minute", "burst": 2}"#, 60 * SECOND),
    (r#"{"limit": "7/minute"}"#, 60 * SECOND),
    (r#"{"limit": "2/second;5/minute"}"#, 60 * SECOND),
    (r#"{"limit": "1/second;4/10 seconds;9/minute"}"#, 60 * SECOND),
    (r#"{"limit": "1000/day"}"#, 86_400 * SECOND),
];
const CLIENTS: usize = 4;

/// xorshift64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn index(&mut self, most: usize) -> usize {
        usize::try_from(self.below(most as u64)).unwrap()
    }
}

/// The shared data with a clock, and what passed.
struct World {
    now: u64,
    entries: HashMap<String, Vec<u8>>,
    limits: Vec<(Settings, [u8; 16])>,
    /// Times of the requests that passed, by limit and client.
    passed: HashMap<(usize, usize), Vec<u64>>,
    /// Times of the last requests.
    asked: HashMap<(usize, usize), u64>,
}

impl World {
    fn new() -> Self {
        let limits = LIMITS.map(|(json, _)| {
            let settings = Settings::from_json(json.as_bytes()).unwrap();
            let seed = slot::seed_of(&[7; 16], &settings.scope());
            (settings, seed)
        });
        Self {
            now: 1000 * SECOND,
            entries: HashMap::new(),
            limits: limits.into(),
            passed: HashMap::new(),
            asked: HashMap::new(),
        }
    }

    fn passes(&mut self, limit: usize, client: usize) -> bool {
        let (settings, seed) = &self.limits[limit];
        let hash = Identity::User(vec![u8::try_from(client).unwrap()]).hash(seed);
        let key = slot::key("p/", hash, settings.entries);
        let taken = slot::take(self.entries.get(&key).cloned(), hash, &settings.buckets, self.now);
        if let Some(entry) = taken.entry {
            self.entries.insert(key, entry);
        }
        let passes = taken.outcomes.iter().all(|outcome| outcome.wait.is_none());
        if passes {
            self.passed.entry((limit, client)).or_default().push(self.now);
        }
        passes
    }
}

fn is_within(bucket: &Bucket, times: &[u64]) -> bool {
    times.iter().enumerate().all(|(first, since)| {
        times[first..].iter().zip(1_u64..).all(|(until, count)| {
            count <= u64::from(bucket.size) + (until - since) / bucket.interval
        })
    })
}

#[test]
fn an_idle_client_passes_and_no_limit_gives_more_than_burst_and_rate() {
    for seed in 1..200 {
        let (mut numbers, mut world) = (Numbers(seed), World::new());
        for _ in 0..300 {
            if numbers.below(3) == 0 {
                let most = [SECOND, 20 * SECOND, 70 * SECOND, 86_500 * SECOND][numbers.index(4)];
                world.now += numbers.below(most);
            }
            let (limit, client) = (numbers.index(LIMITS.len()), numbers.index(CLIENTS));
            let since = world.asked.insert((limit, client), world.now);
            let passes = world.passes(limit, client);
            let is_idle = since.is_none_or(|since| world.now - since >= LIMITS[limit].1);
            assert!(
                passes || !is_idle,
                "seed {seed}: {} keeps an idle client out",
                LIMITS[limit].0
            );
        }
        for ((limit, _), times) in &world.passed {
            let within = world.limits[*limit].0.buckets.iter().all(|its| is_within(its, times));
            assert!(within, "seed {seed}: {} gives too much", LIMITS[*limit].0);
        }
    }
}

#[test]
fn where_the_clock_itself_goes_back_a_client_waits_for_one_token() {
    for seed in 1..200 {
        let (mut numbers, mut world) = (Numbers(seed), World::new());
        world.now = 1_000_000 * SECOND;
        for _ in 0..100 {
            world.now = 1000 * SECOND + numbers.below(2_000_000 * SECOND);
            let (limit, client) = (numbers.index(LIMITS.len()), numbers.index(CLIENTS));
            while world.passes(limit, client) {}
            let intervals = world.limits[limit].0.buckets.iter().map(|bucket| bucket.interval);
            world.now += intervals.max().unwrap();
            assert!(world.passes(limit, client), "seed {seed}: {} locks out", LIMITS[limit].0);
        }
    }
}
