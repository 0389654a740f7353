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
        let start = StartFunctions::of(&this.vm, &this.store)?;
        this.initialize(&start)?;
        let core = Arc::clone(&this.core);
        this.create_root(&core)?;
        Ok(this)
    }

    /// Gives a plugin its root context: `proxy_on_context_create`, `proxy_on_vm_start` and
    /// `proxy_on_configure`. As in Envoy each root context has its `proxy_on_vm_start`: SDKs pass
    /// it on to that root alone. One that is refused leaves no trace in the host.
    pub(crate) fn create_root(&mut self, core: &Arc<PluginCore>) -> Result<(), Error> {
        let env = self.env.as_mut(&mut self.store);
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

    /// Ends the root context of the plugin that has its turn: `proxy_on_done`, `proxy_on_delete`.
    pub(crate) fn delete_root(&mut self) -> Result<(), Error> {
        let (fuel, root) = (self.fuel(), self.root);
        if self.exports.done.is_some() {
            self.run("proxy_on_done", root, fuel, |exports, store| {
                exports.done.as_ref().map_or(Ok(1), |f| f.call(store, root))
            })?;
        }
        self.run("proxy_on_delete", root, fuel, |exports, store| {
            exports.delete.as_ref().map_or(Ok(()), |f| f.call(store, root))
        })?;
        self.forget_root();
        Ok(())
    }

    /// Whether the guest was to say `proxy_done` of a stream and did not yet.
    pub(crate) fn has_awaiting_done(&self) -> bool {
        !self.env.as_ref(&self.store).awaiting_done.is_empty()
    }

    /// Ends the contexts that the selected plugin holds open without `proxy_done`: their callbacks
    /// follow.
    #[allow(clippy::unnecessary_wraps, reason = "it runs as a callback")]
    pub(crate) fn end_awaiting_done(&mut self) -> Result<(), Error> {
        let root = self.root;
        let env = self.env.as_mut(&mut self.store);
        let contexts = &env.contexts;
        let its = |context: &mut u32| matches!(contexts.get(context), Some(ContextKind::Stream { root: its, .. }) if *its == root);
        env.finished.extend(env.awaiting_done.extract_if(.., its));
        self.has_pending = env.has_pending();
        Ok(())
    }

    fn forget_root(&mut self) {
        let root = self.root;
        let env = self.env.as_mut(&mut self.store);
        env.roots.retain(|known| known.context != root);
        env.calls.end_root(root);
        self.has_pending = env.has_pending();
        env.remove_context(root);
        if let Some(other) = env.roots.first() {
            env.core = Arc::clone(&other.core);
            (self.core, self.root) = (Arc::clone(&other.core), other.context);
        }
    }

    /// Lets a plugin have its turn: what follows is in its name and within its limits.
    #[inline]
    pub(crate) fn select_plugin(&mut self, core: &Arc<PluginCore>) -> Result<(), Error> {
        if self.core.id == core.id { Ok(()) } else { self.select_other_plugin(core) }
    }

    #[cold]
    fn select_other_plugin(&mut self, core: &Arc<PluginCore>) -> Result<(), Error> {
        let root = self.env.as_ref(&self.store).root_of_plugin(core.id);
        self.root = root.ok_or(Error::InstanceGone)?.context;
        self.report();
        self.tally = Tally::new(core.services.statistics(&core.name));
        self.core = Arc::clone(core);
        Ok(())
    }

    /// Whether a plugin has its root context here.
    pub(crate) fn has(&self, plugin: u64) -> bool {
        self.core.id == plugin || self.env.as_ref(&self.store).root_of_plugin(plugin).is_some()
    }

    /// The plugins that have a root context here.
    pub(crate) fn plugins(&self) -> Vec<Arc<PluginCore>> {
        self.env.as_ref(&self.store).roots.iter().map(|root| Arc::clone(&root.core)).collect()
    }

    fn initialize(&mut self, functions: &StartFunctions) -> Result<(), Error> {
        let fuel = self.core.spec.limits.start_fuel;
        if let Some(instantiated) = &functions.instantiated {
            self.run("the start function", 0, fuel, |_, store| instantiated.call(store))?;
        }
        if let Some(initialize) = &functions.initialize {
            self.run("_initialize", 0, fuel, |_, store| initialize.call(store))?;
            if let Some(main) = &functions.main {
                self.run("main", 0, fuel, |_, store| main.call(store, 0, 0))?;
            } else if let Some(main) = &functions.main_void {
                self.run("__main_void", 0, fuel, |_, store| main.call(store))?;
            }
        } else if let Some(start) = &functions.start {
            self.run("_start", 0, fuel, |_, store| start.call(store))?;
        }
        Ok(())
    }

    fn configure(&mut self) -> Result<(), Error> {
        let (fuel, root) = (self.core.spec.limits.start_fuel, self.root);
        self.run(("proxy_on_context_create", &[("parent", 0)]), root, fuel, |exports, store| {
            exports.context_create.as_ref().map_or(Ok(()), |f| f.call(store, root, 0))
        })?;
        let core = Arc::clone(&self.core);
        let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let vm_size = size(&core.spec.vm_configuration);
        self.env.as_mut(&mut self.store).starting_vm = true;
        let accepted =
            self.run(("proxy_on_vm_start", &[("size", vm_size)]), root, fuel, |exports, store| {
                exports.vm_start.as_ref().map_or(Ok(1), |f| f.call(store, root, vm_size))
            })?;
        self.env.as_mut(&mut self.store).starting_vm = false;
        self.accept("proxy_on_vm_start", accepted)?;
        let plugin_size = size(&core.spec.configuration);
        let accepted = self.run(
            ("proxy_on_configure", &[("size", plugin_size)]),
            root,
            fuel,
            |exports, store| {
                exports.configure.as_ref().map_or(Ok(1), |f| f.call(store, root, plugin_size))
            },
        )?;
        self.accept("proxy_on_configure", accepted)
    }

    fn accept(&mut self, callback: &'static str, answer: i32) -> Result<(), Error> {
        if answer != 0 {
            return Ok(());
        }
        let logs = std::mem::take(&mut self.env.as_mut(&mut self.store).warnings);
        Err(Error::Refused { callback, logs })
    }
}
