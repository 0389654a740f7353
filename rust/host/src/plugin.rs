//! A policy compiled and started.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::engine::Tier;
use crate::instance::Instance;
use crate::log_rate::LogRate;
use crate::module::CompiledModule;
use crate::secrets::Secrets;
use crate::shared_data::SharedData;
use crate::spaces::Space;
use crate::tenants::Tenants;
use crate::vm::{Vm, VmKey};
use crate::{
    Capabilities, Error, Host, Limits, LoadedModule, Symbols, TenantKey, TenantSettings, instances,
    signals,
};

/// What a guest reads properties with.
const GET_PROPERTY: &str = "proxy_get_property";

/// A policy as the layer above says it.
#[derive(Clone, Debug, Default)]
pub struct PluginSpec {
    /// Names the policy in logs and errors, and is the `vm_id` where that is empty.
    pub name: String,
    /// Names shared data and queues. Plugins of the same `vm_id` share one VM if they also have the
    /// same module, `vm_configuration`, environment and memory limit.
    pub vm_id: String,
    /// Gives each tenant a VM of its own.
    pub tenants: Option<TenantSettings>,
    /// The names of its functions, for crashes, if they are in a file of their own.
    pub symbols: Symbols,
    /// Chooses one of several root contexts in a module; mostly empty.
    pub root_id: String,
    /// `PLUGIN_CONFIGURATION`, given to `proxy_on_configure`.
    pub configuration: Vec<u8>,
    /// `VM_CONFIGURATION`, given to `proxy_on_vm_start`.
    pub vm_configuration: Vec<u8>,
    /// What the policy may use.
    pub limits: Limits,
    /// The environment variables it may read, and their values.
    pub environment: Vec<(String, String)>,
    /// What else it may touch.
    pub capabilities: Capabilities,
    /// True: a policy that fails is skipped. False: the request is answered 503.
    pub fail_open: bool,
    /// `StopIteration` of a header callback stops the headers alone, and the body callbacks run;
    /// else it stops everything, as in Envoy, whose name for this it is.
    pub allow_on_headers_stop_iteration: bool,
    /// Request headers whose client copies are removed before any policy runs.
    pub strip_request_headers: Vec<String>,
}

/// A policy compiled and started. Cloning is cheap; the instances, one a thread, go with the last
/// clone.
#[derive(Clone)]
pub struct Plugin {
    core: Arc<PluginCore>,
    /// None for streams that have ended: they do not keep their plugin.
    #[expect(dead_code, reason = "it is there to be dropped")]
    handle: Option<Arc<Handle>>,
}

struct Handle {
    core: Arc<PluginCore>,
}

/// What instances need of their plugin. Instances hold this, never the handle, so that they do not
/// keep their own plugin alive.
pub(crate) struct PluginCore {
    pub(crate) id: u64,
    /// The plugin that it is of; another one's for what serves a tenant.
    pub(crate) base: u64,
    pub(crate) name: Arc<str>,
    pub(crate) spec: Arc<PluginSpec>,
    pub(crate) host: Host,
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

impl PluginSpec {
    /// The `vm_id`, which is the name where it is not said.
    pub(crate) fn vm_name(&self) -> &str {
        if self.vm_id.is_empty() { &self.name } else { &self.vm_id }
    }
}

impl PluginCore {
    fn new(spec: Arc<PluginSpec>, host: Host, vm: Arc<Vm>) -> Self {
        let id = next_id();
        let (module, data) = (Arc::clone(&vm.module), Arc::clone(&vm.data));
        let name = spec.name.as_str().into();
        host.enter(&vm.space);
        let mut secrets = Secrets::default();
        secrets.learn_json(&spec.configuration);
        secrets.learn_json(&spec.vm_configuration);
        spec.environment.iter().for_each(|(_, value)| secrets.learn_whole(value.as_bytes()));
        let log_rate = LogRate::new(spec.limits.log_bytes.saturating_mul(vm.space.quota().logs));
        let retired = AtomicBool::new(false);
        Self { id, base: id, name, spec, host, vm, module, data, secrets, log_rate, retired }
    }

    /// The same plugin in the VM of a tenant.
    pub(crate) fn in_vm(&self, vm: &Arc<Vm>) -> Self {
        let this = Self::new(Arc::clone(&self.spec), self.host.clone(), Arc::clone(vm));
        Self { base: self.id, name: Arc::clone(&self.name), ..this }
    }

    /// Nothing will use it any more: its instances go with the next
    /// [`instances::release_retired_soon`].
    pub(crate) fn retire(&self) {
        if self.retired.swap(true, Ordering::AcqRel) {
            return;
        }
        self.host.queues().forget(self.id, &self.vm.space);
        self.host.leave(&self.vm.space);
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

impl Plugin {
    /// Compiles the module of these `.wasm` bytes or takes it from the cache, then starts it.
    ///
    /// # Errors
    /// [`Error::Load`] for a module that cannot run here, and those of [`Plugin::start`].
    pub fn load(host: &Host, bytes: &[u8], spec: PluginSpec) -> Result<Self, Error> {
        let module = LoadedModule::load(host, bytes, &spec.limits)?;
        Self::start(host, module, spec)
    }

    /// Starts and configures a canary instance that never serves. The limit of memory is the module's.
    ///
    /// # Errors
    /// [`Error::Refused`] when the module refuses its configuration, or how it crashed while it
    /// started.
    pub fn start(host: &Host, module: LoadedModule, mut spec: PluginSpec) -> Result<Self, Error> {
        signals::install();
        spec.limits.memory = module.memory();
        let module = module.compiled;
        let key = VmKey::of(&spec, module.digest());
        let space = Space::Named(spec.vm_name().into());
        // Before its data is asked for, so that it is not given back meanwhile.
        host.enter(&space);
        let made = || {
            // What tenants share is what they would see of each other: nothing.
            let data = match spec.tenants {
                None => host.shared_data(&space),
                Some(_) => Arc::new(SharedData::of(&space)),
            };
            let tenants = spec.tenants.clone();
            let tenants = tenants.map(|its| Tenants::new(its, host.tenant_data(&space)));
            Vm::named(&spec, module, data, tenants)
        };
        let vm = host.vm(key, made);
        let core = PluginCore::new(Arc::new(spec), host.clone(), vm);
        host.leave(&space);
        Self::started(core)
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
        Self::started(PluginCore::new(Arc::new(spec), core.host.clone(), Arc::clone(&core.vm)))
    }

    fn started(core: PluginCore) -> Result<Self, Error> {
        let core = Arc::new(core);
        // What the canary asks for is nobody's, and the instances that serve say the same again.
        let outbox = instances::outbox(std::mem::take);
        let canary = Instance::start(Arc::clone(&core));
        instances::outbox(|out| *out = outbox);
        if let Err(error) = canary {
            core.retire();
            return Err(error);
        }
        let handle = Some(Arc::new(Handle { core: Arc::clone(&core) }));
        Ok(Self { core, handle })
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.core.name
    }

    /// What it may use.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.core.spec.limits
    }

    /// SHA-256 of the module, in hex.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.core.module.digest()
    }

    /// The version of the ABI that the module speaks, like `0.2.1`.
    #[must_use]
    pub fn abi(&self) -> &'static str {
        self.core.module.dialect().version()
    }

    /// How well the code is compiled that new instances run.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.core.module.tier()
    }

    /// Whether `module` is what was loaded.
    #[must_use]
    pub fn runs(&self, module: &[u8]) -> bool {
        self.core.module.is(module)
    }

    /// Takes the optimised code of `module` from the cache in place of fast code; whether it did.
    /// An instance changes over before its next callback and keeps everything that it remembers;
    /// one that cannot, because its code changes tables, serves on until it is replaced.
    #[must_use]
    pub fn improve(&self, module: &[u8]) -> bool {
        let core = &self.core;
        let cache = core.host.artifacts();
        cache.is_some_and(|cache| core.module.improve(module, &core.spec.limits, cache))
    }

    /// True when the compiled module came from the cache.
    #[must_use]
    pub fn cached(&self) -> bool {
        self.core.module.cached()
    }

    /// Why the artifact cache could not be used, if it could not: the module was compiled afresh.
    #[must_use]
    pub fn cache_problem(&self) -> Option<&str> {
        self.core.module.cache_problem()
    }

    pub(crate) fn exports(&self, callback: &str) -> bool {
        let code = self.core.module.code();
        code.module.exports().functions().any(|export| export.name() == callback)
    }

    /// Whether properties of its streams can be asked for: by the module, or to tell tenants apart.
    pub(crate) fn reads_properties(&self) -> bool {
        let tenants = self.core.spec.tenants.as_ref();
        tenants.is_some_and(|tenants| matches!(tenants.key, TenantKey::Property(_)))
            || self.core.module.code().module.imports().any(|import| import.name() == GET_PROPERTY)
    }

    /// The same, which goes on without this one.
    pub(crate) fn observed(&self) -> Self {
        Self { core: Arc::clone(&self.core), handle: None }
    }

    pub(crate) fn core(&self) -> &Arc<PluginCore> {
        &self.core
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.retire();
        if let Some(tenants) = &self.core.vm.tenants {
            tenants.forget(self.core.id);
        }
        instances::release_retired_soon();
    }
}
