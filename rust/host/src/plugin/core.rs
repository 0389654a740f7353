//! A plugin as its instances know it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::plugin::spec::PluginSpec;
use crate::plugin::vm::Vm;
use crate::services::Services;
use crate::services::log_rate::LogRate;
use crate::services::shared_data::SharedData;
use crate::types::secrets::Secrets;
use crate::wasm::module::CompiledModule;

/// What instances need of their plugin. Instances hold this, never the handle, so that they do not
/// keep their own plugin alive.
pub(crate) struct PluginCore {
    pub(crate) id: u64,
    /// The id of the loaded plugin; differs from `id` for its copies in the VMs of tenants.
    pub(crate) base: u64,
    pub(crate) name: Arc<str>,
    pub(crate) spec: Arc<PluginSpec>,
    pub(crate) services: Arc<Services>,
    pub(crate) vm: Arc<Vm>,
    /// The module of its VM.
    pub(crate) module: Arc<CompiledModule>,
    /// The shared data of its VM.
    pub(crate) data: Arc<SharedData>,
    /// What is secret in its configuration and environment: its log lines and errors do not have it.
    pub(crate) secrets: Secrets,
    pub(crate) log_rate: LogRate,
    retired: AtomicBool,
}

impl PluginCore {
    pub(crate) fn new(spec: Arc<PluginSpec>, services: Arc<Services>, vm: Arc<Vm>) -> Self {
        let id = next_id();
        let (module, data) = (Arc::clone(&vm.module), Arc::clone(&vm.data));
        let name = spec.name.as_str().into();
        services.enter(&vm.space);
        let mut secrets = Secrets::default();
        secrets.learn_json(&spec.configuration);
        secrets.learn_json(&spec.vm_configuration);
        spec.environment.iter().for_each(|(_, value)| secrets.learn_whole(value.as_bytes()));
        let log_rate = LogRate::new(spec.limits.log_bytes.saturating_mul(vm.space.quota().logs));
        let retired = AtomicBool::new(false);
        Self { id, base: id, name, spec, services, vm, module, data, secrets, log_rate, retired }
    }

    /// The same plugin in the VM of a tenant.
    pub(crate) fn in_vm(&self, vm: &Arc<Vm>) -> Self {
        let this = Self::new(Arc::clone(&self.spec), Arc::clone(&self.services), Arc::clone(vm));
        Self { base: self.id, name: Arc::clone(&self.name), ..this }
    }

    /// Marks the plugin as gone: each thread drops its instances at its next look-up.
    pub(crate) fn retire(&self) {
        if self.retired.swap(true, Ordering::AcqRel) {
            return;
        }
        self.services.queues().forget(self.id, &self.vm.space);
        self.services.leave(&self.vm.space);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }
}

fn next_id() -> u64 {
    static IDS: AtomicU64 = AtomicU64::new(1);
    IDS.fetch_add(1, Ordering::Relaxed)
}

impl PluginCore {
    /// Whether the headers may wait while the body callbacks run; in Higress's dialect always.
    pub(crate) fn stops_headers_alone(&self) -> bool {
        self.spec.allow_on_headers_stop_iteration || !self.module.dialect().stops_all_on_headers()
    }
}
