//! How an instance starts, and the root contexts of the plugins that share it.

use std::sync::Arc;

use crate::context::instance_state::{ContextKind, RootContext, Stage};
use crate::guest::exports::StartFunctions;
use crate::instance::Instance;
use crate::plugin::core::PluginCore;
use crate::services::statistics::Tally;
use crate::types::error::Error;

impl Instance {
    /// Instantiates the module and runs `_initialize`, `proxy_on_context_create`,
    /// `proxy_on_vm_start` and `proxy_on_configure`.
    pub(crate) fn start(core: Arc<PluginCore>) -> Result<Self, Error> {
        let (owed, fuel) = (core.module.start_units(), core.spec.limits.start_fuel);
        if owed > fuel {
            let (callback, frames) = ("the making of its instance", Vec::new());
            return Err(Error::OutOfFuel { callback, fuel, frames });
        }
        let mut this = Self::new(core)?;
        this.owed = owed;
        let start = StartFunctions::of(&mut this.guest)?;
        this.initialize(&start)?;
        let core = Arc::clone(&this.core);
        this.create_root(&core)?;
        Ok(this)
    }

    /// Gives a plugin its root context: `proxy_on_context_create`, `proxy_on_vm_start` and
    /// `proxy_on_configure`. As in Envoy each root context has its `proxy_on_vm_start`: SDKs pass
    /// it on to that root alone. If it is refused, the host keeps no state of it.
    pub(crate) fn create_root(&mut self, core: &Arc<PluginCore>) -> Result<(), Error> {
        let env = self.guest.state_mut();
        env.stage = Stage::Open;
        let context = env.add_context(ContextKind::Root);
        env.roots.push(RootContext { context, core: Arc::clone(core), tick: None });
        (self.core, self.root) = (Arc::clone(core), context);
        let configured = self.configure();
        if configured.is_err() {
            self.forget_root();
        }
        configured
    }

    /// Ends the root context of the selected plugin: `proxy_on_done`, `proxy_on_delete`.
    pub(crate) fn delete_root(&mut self) -> Result<(), Error> {
        let (fuel, root) = (self.fuel(), self.root);
        if let Some(callback) = self.exports.done {
            self.run("proxy_on_done", root, fuel, Some(callback.with([root])))?;
        }
        let call = self.exports.delete.map(|callback| callback.with([root]));
        self.run("proxy_on_delete", root, fuel, call)?;
        self.forget_root();
        Ok(())
    }

    /// Whether the guest still has to call `proxy_done` for a stream.
    pub(crate) fn has_awaiting_done(&self) -> bool {
        !self.guest.state().awaiting_done.is_empty()
    }

    /// Ends the contexts that the selected plugin holds open without `proxy_done`: their callbacks
    /// follow.
    #[allow(clippy::unnecessary_wraps, reason = "it runs as a callback")]
    pub(crate) fn end_awaiting_done(&mut self) -> Result<(), Error> {
        let root = self.root;
        let env = self.guest.state_mut();
        let contexts = &env.contexts;
        let its = |context: &mut u32| matches!(contexts.get(context), Some(ContextKind::Stream { root: its, .. }) if *its == root);
        env.finished.extend(env.awaiting_done.extract_if(.., its));
        self.has_pending = env.has_pending();
        Ok(())
    }

    fn forget_root(&mut self) {
        let root = self.root;
        let env = self.guest.state_mut();
        env.roots.retain(|known| known.context != root);
        env.calls.end_root(root);
        self.has_pending = env.has_pending();
        env.remove_context(root);
        if let Some(other) = env.roots.first() {
            env.core = Arc::clone(&other.core);
            (self.core, self.root) = (Arc::clone(&other.core), other.context);
        }
    }

    /// Selects a plugin: the following callbacks are its own, within its limits.
    #[inline]
    pub(crate) fn select_plugin(&mut self, core: &Arc<PluginCore>) -> Result<(), Error> {
        if self.core.id == core.id { Ok(()) } else { self.select_other_plugin(core) }
    }

    #[cold]
    fn select_other_plugin(&mut self, core: &Arc<PluginCore>) -> Result<(), Error> {
        let root = self.guest.state().root_of_plugin(core.id);
        self.root = root.ok_or(Error::InstanceGone)?.context;
        self.report();
        self.tally = Tally::new(core.services.statistics(&core.name));
        self.core = Arc::clone(core);
        Ok(())
    }

    /// Whether a plugin has its root context here.
    pub(crate) fn has(&self, plugin: u64) -> bool {
        self.core.id == plugin || self.guest.state().root_of_plugin(plugin).is_some()
    }

    /// The plugins that have a root context here.
    pub(crate) fn plugins(&self) -> Vec<Arc<PluginCore>> {
        self.guest.state().roots.iter().map(|root| Arc::clone(&root.core)).collect()
    }

    fn initialize(&mut self, functions: &StartFunctions) -> Result<(), Error> {
        let fuel = self.core.spec.limits.start_fuel;
        if let Some(instantiated) = functions.instantiated {
            self.run("the start function", 0, fuel, Some(instantiated.with([])))?;
        }
        if let Some(initialize) = functions.initialize {
            self.run("_initialize", 0, fuel, Some(initialize.with([])))?;
            if let Some(main) = functions.main {
                self.run("main", 0, fuel, Some(main.with([0, 0])))?;
            } else if let Some(main) = functions.main_void {
                self.run("__main_void", 0, fuel, Some(main.with([])))?;
            }
        } else if let Some(start) = functions.start {
            self.run("_start", 0, fuel, Some(start.with([])))?;
        }
        Ok(())
    }

    fn configure(&mut self) -> Result<(), Error> {
        let (fuel, root) = (self.core.spec.limits.start_fuel, self.root);
        let call = self.exports.context_create.map(|callback| callback.with([root, 0]));
        self.run(("proxy_on_context_create", [("parent", 0)]), root, fuel, call)?;
        let core = Arc::clone(&self.core);
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let vm_size = size(&core.spec.vm_configuration);
        self.guest.state_mut().starting_vm = true;
        let call = self.exports.vm_start.map(|callback| callback.with([root, vm_size]));
        let accepted = self.run(("proxy_on_vm_start", [("size", vm_size)]), root, fuel, call)?;
        self.guest.state_mut().starting_vm = false;
        self.accept("proxy_on_vm_start", accepted)?;
        let plugin_size = size(&core.spec.configuration);
        let call = self.exports.configure.map(|callback| callback.with([root, plugin_size]));
        let size = [("size", plugin_size)];
        let accepted = self.run(("proxy_on_configure", size), root, fuel, call)?;
        self.accept("proxy_on_configure", accepted)
    }

    fn accept(&mut self, callback: &'static str, answer: Option<i32>) -> Result<(), Error> {
        if answer != Some(0) {
            return Ok(());
        }
        let logs = std::mem::take(&mut self.guest.state_mut().warnings);
        Err(Error::Refused { callback, logs })
    }
}
