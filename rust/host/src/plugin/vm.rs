//! VMs: which plugins share an instance on each thread, and what else they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::plugin::folders::Folders;
use crate::plugin::spec::PluginSpec;
use crate::services::namespaces::Namespace;
use crate::services::shared_data::SharedData;
use crate::services::signature::KeyCache;
use crate::services::tenant_data::{Lease, TenantData};
use crate::wasm::module::CompiledModule;

/// One VM: an instance on each thread that uses it, shared data and queues.
pub(crate) struct Vm {
    pub(crate) id: u64,
    pub(crate) space: Namespace,
    pub(crate) module: Arc<CompiledModule>,
    pub(crate) data: Arc<SharedData>,
    /// The public keys that its guests verified with.
    pub(crate) keys: KeyCache,
    /// Whether streams run in it: not where each tenant has a VM of its own.
    pub(crate) serves: bool,
    /// The key of the tenant whose VM this is.
    pub(crate) tenant: Option<Box<[u8]>>,
    /// Its handle to the tenant's data.
    lease: Option<Lease>,
}

/// What plugins must have in common to share a VM: Envoy's key, and what an instance is made with.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct VmKey {
    vm_id: String,
    digest: String,
    vm_configuration: Vec<u8>,
    environment: Vec<(String, String)>,
    read: Folders,
    memory: u64,
}

impl VmKey {
    /// `None` for a plugin that has its VM for itself.
    pub(crate) fn of(spec: &PluginSpec, digest: &str) -> Option<Self> {
        (!spec.vm_id.is_empty()).then(|| Self {
            vm_id: spec.vm_id.clone(),
            digest: digest.to_owned(),
            vm_configuration: spec.vm_configuration.clone(),
            environment: spec.environment.clone(),
            read: spec.capabilities.read.clone(),
            memory: spec.limits.memory,
        })
    }
}

impl Vm {
    /// The VM of a plugin that shares it with others of its `vm_id`, or has it for itself.
    pub(crate) fn named(
        spec: &PluginSpec,
        module: Arc<CompiledModule>,
        data: Arc<SharedData>,
        serves: bool,
    ) -> Self {
        let space = Namespace::Named(spec.vm_name().into());
        let (id, keys) = (next_id(), KeyCache::default());
        Self { id, space, module, data, keys, serves, tenant: None, lease: None }
    }

    /// A VM for one tenant, with the data that it left.
    pub(crate) fn of_tenant(
        key: &[u8],
        module: Arc<CompiledModule>,
        kept: &Arc<TenantData>,
    ) -> Self {
        let id = next_id();
        let space = Namespace::Tenant(id);
        let lease = kept.lease(key, &space);
        let (data, keys) = (Arc::clone(&lease.data), KeyCache::default());
        let tenant = Some(key.into());
        Self { id, space, module, data, keys, serves: true, tenant, lease: Some(lease) }
    }

    /// A request of the tenant whose VM this is.
    pub(crate) fn note_request(&self) {
        if let Some(lease) = &self.lease {
            lease.note_request();
        }
    }
}

fn next_id() -> u64 {
    static IDS: AtomicU64 = AtomicU64::new(1);
    IDS.fetch_add(1, Ordering::Relaxed)
}
