//! A policy compiled and started.

use std::sync::Arc;

use crate::context::outbox::outbox;
use crate::host::Host;
use crate::host::module::LoadedModule;
use crate::host::tenants::Tenants;
use crate::instance::Instance;
use crate::plugin::core::PluginCore;
use crate::plugin::spec::PluginSpec;
use crate::plugin::vm::{Vm, VmKey};
use crate::services::namespaces::Namespace;
use crate::services::shared_data::SharedData;
use crate::thread::slots;
use crate::types::error::Error;
use crate::types::limits::Limits;
use crate::types::tenant::TenantKey;
use crate::wasm::engine::Tier;
use crate::wasm::signals;

/// What a guest reads properties with.
const GET_PROPERTY: &str = "proxy_get_property";

/// A compiled and started policy. Cloning is cheap; the instances, one for each thread, end with the last
/// clone.
#[derive(Clone)]
pub struct Plugin {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<PluginCore>,
    vm: Arc<VmHandle>,
}

/// A VM and, with `isolation: tenant`, the VMs of the tenants.
pub(crate) struct VmHandle {
    vm: Arc<Vm>,
    tenants: Option<Tenants>,
}

impl Plugin {
    /// Compiles the module of these `.wasm` bytes, or loads it from the cache, and starts it.
    ///
    /// # Errors
    /// [`Error::Load`] for a module that cannot run here, and those of [`Plugin::start`].
    pub fn load(host: &Host, bytes: &[u8], spec: PluginSpec) -> Result<Self, Error> {
        let module = LoadedModule::load(host, bytes, &spec.limits)?;
        Self::start(host, module, spec)
    }

    /// Starts and configures an instance that only checks the module and never serves. The memory limit is
    /// the module's.
    ///
    /// # Errors
    /// [`Error::Refused`] when the module refuses its configuration, or how it crashed while it
    /// started.
    pub fn start(host: &Host, module: LoadedModule, mut spec: PluginSpec) -> Result<Self, Error> {
        signals::install();
        spec.limits.memory = module.memory();
        let module = module.compiled;
        let key = VmKey::of(&spec, module.digest());
        let space = Namespace::Named(spec.vm_name().into());
        // Before its data is looked up, so that the data is not released meanwhile.
        let services = host.services();
        services.enter(&space);
        let made = || {
            // Tenants share nothing: they must not see each other's data.
            let data = match spec.tenants {
                None => services.shared_data(&space),
                Some(_) => Arc::new(SharedData::of(&space)),
            };
            let tenants = spec.tenants.clone();
            let tenants = tenants.map(|its| Tenants::new(its, services.tenant_data(&space)));
            let vm = Arc::new(Vm::named(&spec, module, data, tenants.is_none()));
            VmHandle { vm, tenants }
        };
        let vm = host.vm(key, made);
        let core = PluginCore::new(Arc::new(spec), Arc::clone(services), Arc::clone(&vm.vm));
        services.leave(&space);
        Self::started(core, vm)
    }

    /// The same plugin with another configuration, as a root context of its own in the same VM.
    ///
    /// # Errors
    /// [`Error::Refused`] when it refuses that configuration, or how it crashed.
    pub fn with_configuration(
        &self,
        configuration: Vec<u8>,
        strip_request_headers: Vec<String>,
    ) -> Result<Self, Error> {
        let core = self.core();
        let spec = PluginSpec { configuration, strip_request_headers, ..(*core.spec).clone() };
        let (services, vm) = (Arc::clone(&core.services), Arc::clone(&core.vm));
        Self::started(PluginCore::new(Arc::new(spec), services, vm), Arc::clone(&self.handle.vm))
    }

    fn started(core: PluginCore, vm: Arc<VmHandle>) -> Result<Self, Error> {
        let core = Arc::new(core);
        // Effects of the canary are dropped: the instances that serve ask for them again.
        let before = outbox(std::mem::take);
        let canary = Instance::start(Arc::clone(&core));
        outbox(|out| *out = before);
        if let Err(error) = canary {
            core.retire();
            return Err(error);
        }
        Ok(Self { handle: Arc::new(Handle { core, vm }) })
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core().name
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.core().spec.limits
    }

    /// SHA-256 of the module, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.core().module.digest()
    }

    /// The version of the ABI that the module speaks, like `0.2.1`.
    #[must_use]
    pub fn abi(&self) -> &'static str {
        self.core().module.dialect().version()
    }

    /// The tier of the code of new instances.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.core().module.tier()
    }

    /// Whether `module` is the loaded module.
    #[must_use]
    pub fn runs(&self, module: &[u8]) -> bool {
        self.core().module.is(module)
    }

    /// Replaces fast code by the optimised code of `module` from the cache; returns whether it did.
    /// An instance switches to the new code before its next callback and keeps its state;
    /// one that cannot switch, because its code changes tables, keeps the old code until it is replaced.
    #[must_use]
    pub fn improve(&self, module: &[u8]) -> bool {
        let core = self.core();
        let cache = core.services.artifacts();
        cache.is_some_and(|cache| core.module.upgrade(module, &core.spec.limits, cache))
    }

    /// True when the compiled module came from the cache.
    #[must_use]
    pub fn cached(&self) -> bool {
        self.core().module.cached()
    }

    /// The reason why the artifact cache could not be used, if it could not; the module was compiled.
    #[must_use]
    pub fn cache_problem(&self) -> Option<&str> {
        self.core().module.cache_problem()
    }

    pub(crate) fn exports(&self, callback: &str) -> bool {
        let code = self.core().module.code();
        code.module.exports().functions().any(|export| export.name() == callback)
    }

    /// Whether properties of its streams can be read: by the module, or as the key of a tenant.
    pub(crate) fn reads_properties(&self) -> bool {
        let tenants = self.core().spec.tenants.as_ref();
        tenants.is_some_and(|tenants| matches!(tenants.key, TenantKey::Property(_)))
            || self
                .core()
                .module
                .code()
                .module
                .imports()
                .any(|import| import.name() == GET_PROPERTY)
    }

    pub(crate) fn core(&self) -> &Arc<PluginCore> {
        &self.handle.core
    }

    /// The tenants of its VM, with `isolation: tenant`.
    pub(crate) fn tenants(&self) -> Option<&Tenants> {
        self.handle.vm.tenants.as_ref()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.retire();
        if let Some(tenants) = &self.vm.tenants {
            tenants.forget(self.core.id);
        }
        slots::release_retired_soon();
    }
}
