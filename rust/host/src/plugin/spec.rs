//! A policy as the layer above describes it.

use crate::plugin::capabilities::Capabilities;
use crate::types::limits::Limits;
use crate::types::tenant::TenantSettings;
use crate::wasm::symbols::Symbols;

/// The settings of a policy.
#[derive(Clone, Debug, Default)]
pub struct PluginSpec {
    /// Names the policy in logs and errors, and is the `vm_id` where that is empty.
    pub name: String,
    /// Names shared data and queues. Plugins of the same `vm_id` share one VM if they also have the
    /// same module, `vm_configuration`, environment and memory limit.
    pub vm_id: String,
    /// Gives each tenant a VM of its own.
    pub tenants: Option<TenantSettings>,
    /// The names of its functions, for backtraces, if they are in a separate file.
    pub symbols: Symbols,
    /// Selects one of several root contexts in a module; empty for most modules.
    pub root_id: String,
    /// `PLUGIN_CONFIGURATION`, given to `proxy_on_configure`.
    pub configuration: Vec<u8>,
    /// `VM_CONFIGURATION`, given to `proxy_on_vm_start`.
    pub vm_configuration: Vec<u8>,
    /// The limits of the policy.
    pub limits: Limits,
    /// The environment variables it may read, and their values.
    pub environment: Vec<(String, String)>,
    /// Its other capabilities.
    pub capabilities: Capabilities,
    /// True: a policy that fails is skipped. False: the request is answered 503.
    pub fail_open: bool,
    /// `StopIteration` of a header callback stops the headers alone, and the body callbacks run;
    /// else it stops everything, as in Envoy, whose name for this it is.
    pub allow_on_headers_stop_iteration: bool,
    /// Request headers whose client copies are removed before any policy runs.
    pub strip_request_headers: Vec<String>,
}

impl PluginSpec {
    /// The `vm_id`, by default the name.
    pub(crate) fn vm_name(&self) -> &str {
        if self.vm_id.is_empty() { &self.name } else { &self.vm_id }
    }
}
