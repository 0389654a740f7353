//! The state that the plugins of one application share.

pub(crate) mod module;
pub(crate) mod plugin;
pub(crate) mod tenants;
pub(crate) mod trim_memory;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::host::plugin::VmHandle;
use crate::plugin::vm::VmKey;
use crate::services::Services;
use crate::services::clock::Clock;
use crate::services::denials::{self, Denial};
use crate::services::metrics::MetricValue;
use crate::services::random::Random;
use crate::services::statistics::{CallbackStatistics, PolicyStatistics};
use crate::services::trace::{TraceEvent, TraceLimits};
use crate::thread::slots;
use crate::types::capability::Capability;
use crate::types::foreign_function::ForeignFunctions;
use crate::types::log_level::LogLevel;
use crate::wasm::artifact_cache::ArtifactCache;
use crate::wasm::digest::ModuleId;
use crate::wasm::engine::Tier;

/// The options of a host.
#[derive(Default)]
pub struct HostOptions {
    /// The folder of compiled modules; without one, modules are compiled each time.
    pub cache: Option<PathBuf>,
    /// Log lines below this are dropped.
    pub log_level: LogLevel,
    /// The clock of the policies.
    pub clock: Clock,
    /// The source of their random bytes.
    pub random: Random,
    /// Foreign functions of the layer above, by name.
    pub functions: ForeignFunctions,
}

/// Shared data, queues, metrics and caches of one application. A policy that is replaced finds what
/// its predecessor of the same name left here. Cloning is cheap and shares.
#[derive(Clone)]
pub struct Host {
    services: Arc<Services>,
    vms: Arc<Mutex<HashMap<VmKey, Weak<VmHandle>>>>,
}

impl Host {
    /// A host that keeps compiled modules in the folder `cache` (without one, compiles each time) and drops
    /// log lines below `log_level`.
    #[must_use]
    pub fn new(cache: Option<PathBuf>, log_level: LogLevel) -> Self {
        Self::with(HostOptions { cache, log_level, ..HostOptions::default() })
    }

    /// The same with more than that. What the host has for itself ([`crate::built_in_functions`])
    /// stays its own.
    #[must_use]
    pub fn with(HostOptions { cache, log_level, clock, random, functions }: HostOptions) -> Self {
        let artifacts = cache.map(ArtifactCache::new);
        let services = Services::new(artifacts, log_level, clock, random, functions);
        Self { services: Arc::new(services), vms: Arc::default() }
    }

    pub(crate) fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// The folder of compiled modules.
    #[must_use]
    pub fn cache(&self) -> Option<&Path> {
        self.services.artifacts().map(ArtifactCache::folder)
    }

    /// True when the module could be in the cache and is not, in any tier: [`compile_artifact`] can
    /// put it there, in another process.
    ///
    /// [`compile_artifact`]: crate::compile_artifact
    #[must_use]
    pub fn misses(&self, module: &[u8]) -> bool {
        let id = ModuleId::of(module);
        self.services.artifacts().is_some_and(|cache| {
            let tiers = [Tier::Optimized, Tier::Fast];
            tiers.into_iter().all(|tier| matches!(cache.holds(id, tier), Ok(false)))
        })
    }

    /// Moves a stopped clock; ticks become due by it and run at the next [`crate::Chain::tick`].
    /// False when the host uses the system's clock.
    #[must_use]
    pub fn advance(&self, by: Duration) -> bool {
        self.services.clock().advance(by)
    }

    /// Sets the time of day of a stopped clock to so many nanoseconds since 1970. Ticks stay due when they were, and
    /// monotonic time goes on. False when the host uses the system's clock.
    #[must_use]
    pub fn set_unix_time(&self, unix: u64) -> bool {
        self.services.clock().set(unix)
    }

    /// Nanoseconds since 1970 as policies see them.
    #[must_use]
    pub fn unix_time(&self) -> u64 {
        self.services.clock().unix()
    }

    /// How many instances there are on this thread.
    #[must_use]
    pub fn instances(&self) -> usize {
        slots::count(&self.services)
    }

    /// How many contexts streams have in these instances: one for each policy of a stream.
    #[must_use]
    pub fn contexts(&self) -> usize {
        slots::contexts(&self.services)
    }

    /// All metrics with their current values.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricValue> {
        self.services.metrics().snapshot()
    }

    /// The denials of policies, also of the instances that try a module.
    #[must_use]
    pub fn denials(&self) -> Vec<Denial> {
        self.services.denials().snapshot()
    }

    /// Counts a denial of the layer above, such as an address after DNS resolution.
    pub fn deny(&self, policy: &str, capability: Capability, value: &str) {
        self.services.denials().count(&policy.into(), capability, &denials::shown(value));
    }

    /// What each callback of each policy used, on all threads: exact for this thread;
    /// the counts of other threads may lack their last 255 calls.
    #[must_use]
    pub fn callbacks(&self) -> Vec<CallbackStatistics> {
        slots::report(&self.services);
        self.services.callbacks()
    }

    /// The use of resources and the failures of each policy.
    #[must_use]
    pub fn policies(&self) -> Vec<PolicyStatistics> {
        slots::report(&self.services);
        self.services.policies()
    }

    /// Records every callback and hostcall of all policies from now on, on all threads.
    pub fn record(&self, limits: TraceLimits) {
        self.services.trace().start(limits);
    }

    /// Stops recording; the recorded events can still be taken.
    pub fn stop_recording(&self) {
        self.services.trace().stop();
    }

    /// The events since the last call, and the number of events that were dropped.
    #[must_use]
    pub fn take_trace(&self) -> (Vec<TraceEvent>, u64) {
        self.services.trace().take()
    }

    /// A value of this name, or any text without a name, as a trace shows it: known secrets are masked.
    #[must_use]
    pub fn hide(&self, name: Option<&[u8]>, value: &[u8]) -> Vec<u8> {
        match name {
            Some(name) => self.services.trace().hide(name, value),
            None => self.services.trace().hide_in(value),
        }
    }

    /// The VM of this key; a VM without a key is not shared.
    pub(crate) fn vm(&self, key: Option<VmKey>, made: impl FnOnce() -> VmHandle) -> Arc<VmHandle> {
        let Some(key) = key else { return Arc::new(made()) };
        let mut vms = self.vms.lock().unwrap_or_else(PoisonError::into_inner);
        vms.retain(|_, vm| vm.strong_count() > 0);
        if let Some(vm) = vms.get(&key).and_then(Weak::upgrade) {
            return vm;
        }
        let vm = Arc::new(made());
        vms.insert(key, Arc::downgrade(&vm));
        vm
    }
}
