//! What the plugins of one application share, below everything that runs them.

pub(crate) mod clock;
pub(crate) mod denials;
pub(crate) mod log_rate;
pub(crate) mod metrics;
pub(crate) mod namespaces;
pub(crate) mod random;
pub(crate) mod shared_data;
pub(crate) mod shared_queues;
pub(crate) mod signature;
pub(crate) mod statistics;
pub(crate) mod tenant_data;
pub(crate) mod thread_time;
pub(crate) mod time_budget;
pub(crate) mod trace;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::services::clock::Clock;
use crate::services::denials::Denials;
use crate::services::metrics::Metrics;
use crate::services::namespaces::{Namespace, Namespaces};
use crate::services::random::Random;
use crate::services::shared_data::SharedData;
use crate::services::shared_queues::SharedQueues;
use crate::services::statistics::{CallbackStatistics, PolicyStatistics, Statistics};
use crate::services::tenant_data::TenantData;
use crate::services::trace::Trace;
use crate::types::foreign_function::{ForeignFunction, ForeignFunctions};
use crate::types::log_level::LogLevel;
use crate::wasm::artifact_cache::ArtifactCache;

/// Shared data, queues, metrics, clock and caches of one host.
#[derive(Default)]
pub(crate) struct Services {
    artifacts: Option<ArtifactCache>,
    log_level: LogLevel,
    clock: Clock,
    random: Random,
    functions: ForeignFunctions,
    data: Mutex<HashMap<Namespace, Arc<SharedData>>>,
    spaces: Namespaces,
    tenants: Mutex<HashMap<Namespace, Arc<TenantData>>>,
    queues: SharedQueues,
    metrics: Metrics,
    denials: Denials,
    trace: Trace,
    statistics: Mutex<BTreeMap<String, Arc<Statistics>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Services {
    pub(crate) fn new(
        artifacts: Option<ArtifactCache>,
        log_level: LogLevel,
        clock: Clock,
        random: Random,
        functions: ForeignFunctions,
    ) -> Self {
        Self { artifacts, log_level, clock, random, functions, ..Self::default() }
    }

    pub(crate) fn artifacts(&self) -> Option<&ArtifactCache> {
        self.artifacts.as_ref()
    }

    pub(crate) fn log_level(&self) -> LogLevel {
        self.log_level
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn random(&self) -> &Random {
        &self.random
    }

    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(crate) fn denials(&self) -> &Denials {
        &self.denials
    }

    pub(crate) fn queues(&self) -> &SharedQueues {
        &self.queues
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn foreign_function(&self, name: &str) -> Option<ForeignFunction> {
        self.functions.get(name).cloned()
    }

    /// What callbacks of a policy used.
    pub(crate) fn statistics(&self, policy: &str) -> Arc<Statistics> {
        let mut all = lock(&self.statistics);
        match all.get(policy) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(all.entry(policy.to_owned()).or_default()),
        }
    }

    /// What each callback of each policy used.
    pub(crate) fn callbacks(&self) -> Vec<CallbackStatistics> {
        let all = lock(&self.statistics);
        all.iter().flat_map(|(policy, used)| used.callbacks(policy)).collect()
    }

    /// What each policy used as a whole.
    pub(crate) fn policies(&self) -> Vec<PolicyStatistics> {
        let all = lock(&self.statistics);
        all.iter().map(|(policy, used)| used.policy(policy)).collect()
    }

    /// The shared data of a space that was entered.
    pub(crate) fn shared_data(&self, space: &Namespace) -> Arc<SharedData> {
        let mut data = lock(&self.data);
        let entry = data.entry(space.clone());
        Arc::clone(entry.or_insert_with(|| Arc::new(SharedData::of(space))))
    }

    /// What the tenants of a policy keep, in a space that was entered.
    pub(crate) fn tenant_data(&self, space: &Namespace) -> Arc<TenantData> {
        let mut tenants = lock(&self.tenants);
        let entry = tenants.entry(space.clone());
        Arc::clone(entry.or_insert_with(|| Arc::new(TenantData::new())))
    }

    /// Notes a plugin that keeps its data in `space`.
    pub(crate) fn enter(&self, space: &Namespace) {
        self.spaces.enter(space);
    }

    /// Notes that a plugin has ended. With the last plugin of a namespace its data is freed later; that of a
    /// tenant at once.
    pub(crate) fn leave(&self, space: &Namespace) {
        let bytes = |space: &Namespace| {
            let left = lock(&self.tenants).get(space).map_or(0, |tenants| tenants.bytes());
            let data = lock(&self.data).get(space).map_or(0, |data| data.bytes());
            data + left + self.queues.bytes(space)
        };
        self.spaces.leave(space, bytes, |space| {
            lock(&self.data).remove(space);
            lock(&self.tenants).remove(space);
            self.queues.remove(space);
            self.metrics.leave(space);
        });
    }
}
