//! What the plugins of one application share.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::artifact_cache::ArtifactCache;
use crate::capabilities::{self, Denials};
use crate::engine::Tier;
use crate::foreign::{ForeignFunction, ForeignFunctions};
use crate::metrics::Metrics;
use crate::module::ModuleId;
use crate::shared_data::SharedData;
use crate::shared_queues::SharedQueues;
use crate::spaces::{Space, Spaces};
use crate::statistics::{CallbackStatistics, PolicyStatistics, Statistics};
use crate::tenant_data::TenantData;
use crate::trace::{Trace, TraceEvent, TraceLimits};
use crate::vm::{Vm, VmKey};
use crate::{Capability, Clock, Denial, LogLevel, MetricValue, Random, instances};

/// What makes a host another than the usual one.
#[derive(Default)]
pub struct HostOptions {
    /// The folder of compiled modules; none: compiles each time.
    pub cache: Option<PathBuf>,
    /// Log lines below this are dropped.
    pub log_level: LogLevel,
    /// What time it is for policies.
    pub clock: Clock,
    /// Where their random bytes are from.
    pub random: Random,
    /// Foreign functions of the layer above, by name.
    pub functions: ForeignFunctions,
}

/// Shared data, queues, metrics and caches of one application. A policy that is replaced finds what
/// its predecessor of the same name left here. Cloning is cheap and shares.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

struct Inner {
    artifacts: Option<ArtifactCache>,
    log_level: LogLevel,
    data: Mutex<HashMap<Space, Arc<SharedData>>>,
    spaces: Spaces,
    tenants: Mutex<HashMap<Space, Arc<TenantData>>>,
    queues: SharedQueues,
    metrics: Metrics,
    vms: Mutex<HashMap<VmKey, Weak<Vm>>>,
    denials: Denials,
    clock: Clock,
    random: Random,
    trace: Trace,
    statistics: Mutex<BTreeMap<String, Arc<Statistics>>>,
    functions: ForeignFunctions,
}

impl Host {
    /// A host that keeps compiled modules in the folder `cache` (none: compiles each time) and drops
    /// log lines below `log_level`.
    #[must_use]
    pub fn new(cache: Option<PathBuf>, log_level: LogLevel) -> Self {
        Self::with(HostOptions { cache, log_level, ..HostOptions::default() })
    }

    /// The same with more than that. What the host has for itself ([`crate::built_in_functions`])
    /// stays its own.
    #[must_use]
    pub fn with(HostOptions { cache, log_level, clock, random, functions }: HostOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                artifacts: cache.map(ArtifactCache::new),
                log_level,
                data: Mutex::default(),
                spaces: Spaces::default(),
                tenants: Mutex::default(),
                queues: SharedQueues::default(),
                metrics: Metrics::default(),
                vms: Mutex::default(),
                denials: Denials::default(),
                clock,
                random,
                trace: Trace::default(),
                statistics: Mutex::default(),
                functions,
            }),
        }
    }

    /// The folder of compiled modules.
    #[must_use]
    pub fn cache(&self) -> Option<&Path> {
        self.artifacts().map(ArtifactCache::folder)
    }

    /// True when the module could be in the cache and is not, in any tier: [`compile_artifact`] can
    /// put it there, in another process.
    ///
    /// [`compile_artifact`]: crate::compile_artifact
    #[must_use]
    pub fn misses(&self, module: &[u8]) -> bool {
        let id = ModuleId::of(module);
        self.artifacts().is_some_and(|cache| {
            let tiers = [Tier::Optimized, Tier::Fast];
            tiers.into_iter().all(|tier| matches!(cache.holds(id, tier), Ok(false)))
        })
    }

    /// Moves a stopped clock; ticks become due by it and run at the next [`crate::Chain::tick`].
    /// False when the host goes by the system's clock.
    #[must_use]
    pub fn advance(&self, by: Duration) -> bool {
        self.inner.clock.advance(by)
    }

    /// Sets the time of day of a stopped clock to so many nanoseconds since 1970. Ticks stay due when they were, and
    /// monotonic time goes on. False when the host goes by the system's clock.
    #[must_use]
    pub fn set_unix_time(&self, unix: u64) -> bool {
        self.inner.clock.set(unix)
    }

    /// Nanoseconds since 1970 as policies see them.
    #[must_use]
    pub fn unix_time(&self) -> u64 {
        self.inner.clock.unix()
    }

    /// How many instances there are on this thread.
    #[must_use]
    pub fn instances(&self) -> usize {
        instances::count(self)
    }

    /// How many contexts streams have in these instances: one for each policy of a stream.
    #[must_use]
    pub fn contexts(&self) -> usize {
        instances::contexts(self)
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// All metrics as they stand.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricValue> {
        self.inner.metrics.snapshot()
    }

    /// What policies were not allowed to touch; a canary that tries counts, too.
    #[must_use]
    pub fn denials(&self) -> Vec<Denial> {
        self.inner.denials.snapshot()
    }

    /// Counts a denial of the layer above, which knows more of a value than its name.
    pub fn deny(&self, policy: &str, capability: Capability, value: &str) {
        self.inner.denials.count(&policy.into(), capability, &capabilities::shown(value));
    }

    pub(crate) fn denial_table(&self) -> &Denials {
        &self.inner.denials
    }

    pub(crate) fn artifacts(&self) -> Option<&ArtifactCache> {
        self.inner.artifacts.as_ref()
    }

    /// What each callback of each policy used, on all threads: this one's are counted to the last,
    /// others' up to 255 calls before.
    #[must_use]
    pub fn callbacks(&self) -> Vec<CallbackStatistics> {
        instances::report(self);
        let statistics = self.inner.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        statistics.iter().flat_map(|(policy, its)| its.callbacks(policy)).collect()
    }

    /// What each policy used as a whole, and how it failed.
    #[must_use]
    pub fn policies(&self) -> Vec<PolicyStatistics> {
        instances::report(self);
        let statistics = self.inner.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        statistics.iter().map(|(policy, its)| its.policy(policy)).collect()
    }

    pub(crate) fn statistics(&self, policy: &str) -> Arc<Statistics> {
        let mut all = self.inner.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(policy) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(all.entry(policy.to_owned()).or_default()),
        }
    }

    /// Records every callback and hostcall of all policies from now on, on all threads.
    pub fn record(&self, limits: TraceLimits) {
        self.inner.trace.start(limits);
    }

    /// Records no more; what was recorded can still be taken.
    pub fn stop_recording(&self) {
        self.inner.trace.stop();
    }

    /// What was recorded since the last time, and how many events there was no room for.
    #[must_use]
    pub fn take_trace(&self) -> (Vec<TraceEvent>, u64) {
        self.inner.trace.take()
    }

    /// A value of the name, or a text without one, as a trace shows it: secrets that were met are masked.
    #[must_use]
    pub fn hide(&self, name: Option<&[u8]>, value: &[u8]) -> Vec<u8> {
        match name {
            Some(name) => self.inner.trace.hide(name, value),
            None => self.inner.trace.hide_in(value),
        }
    }

    pub(crate) fn trace(&self) -> &Trace {
        &self.inner.trace
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub(crate) fn random(&self) -> &Random {
        &self.inner.random
    }

    pub(crate) fn log_level(&self) -> LogLevel {
        self.inner.log_level
    }

    /// The shared data of a space that was entered.
    pub(crate) fn shared_data(&self, space: &Space) -> Arc<SharedData> {
        let mut data = self.inner.data.lock().unwrap_or_else(PoisonError::into_inner);
        let its = data.entry(space.clone());
        Arc::clone(its.or_insert_with(|| Arc::new(SharedData::of(space))))
    }

    /// What the tenants of a policy keep, in a space that was entered.
    pub(crate) fn tenant_data(&self, space: &Space) -> Arc<TenantData> {
        let mut tenants = self.inner.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let its = tenants.entry(space.clone());
        Arc::clone(its.or_insert_with(|| Arc::new(TenantData::new())))
    }

    /// A plugin begins that keeps what it has here in `space`.
    pub(crate) fn enter(&self, space: &Space) {
        self.inner.spaces.enter(space);
    }

    /// A plugin is gone. What the last one of its space had here is given back: a tenant's at once.
    pub(crate) fn leave(&self, space: &Space) {
        let Inner { spaces, data, queues, metrics, tenants, .. } = &*self.inner;
        let data = || data.lock().unwrap_or_else(PoisonError::into_inner);
        let tenants = || tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = |space: &Space| {
            let left = tenants().get(space).map_or(0, |tenants| tenants.bytes());
            data().get(space).map_or(0, |data| data.bytes()) + left + queues.bytes(space)
        };
        spaces.leave(space, bytes, |space| {
            data().remove(space);
            tenants().remove(space);
            queues.remove(space);
            metrics.leave(space);
        });
    }

    /// The VM of this key; one that nobody shares is made without a key.
    pub(crate) fn vm(&self, key: Option<VmKey>, made: impl FnOnce() -> Vm) -> Arc<Vm> {
        let Some(key) = key else { return Arc::new(made()) };
        let mut vms = self.inner.vms.lock().unwrap_or_else(PoisonError::into_inner);
        vms.retain(|_, vm| vm.strong_count() > 0);
        if let Some(vm) = vms.get(&key).and_then(Weak::upgrade) {
            return vm;
        }
        let vm = Arc::new(made());
        vms.insert(key, Arc::downgrade(&vm));
        vm
    }

    pub(crate) fn queues(&self) -> &SharedQueues {
        &self.inner.queues
    }

    pub(crate) fn metric_table(&self) -> &Metrics {
        &self.inner.metrics
    }

    pub(crate) fn foreign_function(&self, name: &str) -> Option<ForeignFunction> {
        self.inner.functions.get(name).cloned()
    }
}
