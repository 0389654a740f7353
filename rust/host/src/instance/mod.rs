//! One VM on one thread: one method a callback.

mod deliveries;
mod endings;
mod roots;
mod running;

use std::sync::Arc;
use std::time::Instant;

use wasmer::{FunctionEnv, Store};

use crate::instance::endings::Endings;

use crate::abi::enums::{Action, Direction};
use crate::context::callouts::Calls;
use crate::context::instance_state::{ContextKind, GuestHandles, InstanceState};
use crate::guest::exports;
use crate::guest::exports::{Exports, HeadersCallback};
use crate::hostcalls;
use crate::plugin::core::PluginCore;
use crate::services::statistics::Tally;
use crate::types::error::Error;
use crate::wasm::engine::Tier;
use crate::wasm::fuel::Meter;
use crate::wasm::snapshot;

/// A started and configured VM. It belongs to the thread that made it.
pub(crate) struct Instance {
    store: Store,
    env: FunctionEnv<InstanceState>,
    exports: Exports,
    meter: Meter,
    /// The plugin that has its turn, and its root context.
    core: Arc<PluginCore>,
    root: u32,
    vm: wasmer::Instance,
    tier: Tier,
    /// It tried to move to better code and could not.
    migration_failed: bool,
    tally: Tally,
    /// Units for making it, which its first callback pays.
    owed: u64,
    /// What is asked beyond a callback's own stream is to be looked for.
    pub(crate) has_pending: bool,
    /// Callbacks of contexts that end.
    endings: Endings,
}

impl Instance {
    /// Instantiates the module and runs nothing of it.
    fn new(core: Arc<PluginCore>) -> Result<Self, Error> {
        let compiled = core.module.code();
        let mut store = Store::new(compiled.engine.clone());
        let env = FunctionEnv::new(&mut store, InstanceState::new(Arc::clone(&core)));
        let imports = hostcalls::imports(&mut store, &env, &compiled.module);
        let vm = wasmer::Instance::new_by_index(&mut store, &compiled.module, &imports)
            .map_err(|error| Error::Instantiate(error.to_string()))?;
        let meter = Meter::of(&vm).map_err(|e| Error::Instantiate(e.to_string()))?;
        env.as_mut(&mut store).handles = Some(GuestHandles {
            memory: exports::memory(&vm)?,
            allocate: exports::allocator(&vm, &store)?,
            meter: meter.clone(),
        });
        let exports = Exports::of(&vm, &store)?;
        let tier = compiled.tier;
        let tally = Tally::new(core.services.statistics(&core.name));
        let (root, migration_failed, has_pending, owed) = (0, false, false, 0);
        let endings = Endings::default();
        Ok(Self {
            store,
            env,
            exports,
            meter,
            core,
            root,
            vm,
            tier,
            migration_failed,
            tally,
            owed,
            has_pending,
            endings,
        })
    }

    /// Goes on in better code, if there is some: with its memory, its globals, its contexts and all
    /// else that the host knows of it. Not while a callback runs. One that cannot stays as it is.
    pub(crate) fn upgrade_code(&mut self) {
        if self.tier == Tier::Optimized || self.migration_failed {
            return;
        }
        match self.migrated() {
            Ok(migrated) => *self = migrated,
            Err(_) => self.migration_failed = true,
        }
    }

    fn migrated(&mut self) -> Result<Self, Error> {
        let mut new = Self::new(Arc::clone(&self.core))?;
        snapshot::copy_state((&self.vm, &mut self.store), (&new.vm, &mut new.store))
            .map_err(|error| Error::Instantiate(error.to_string()))?;
        new.root = self.root;
        new.endings = std::mem::take(&mut self.endings);
        let handles = new.env.as_mut(&mut new.store).handles.take();
        let empty = InstanceState::new(Arc::clone(&self.core));
        let mut env = std::mem::replace(self.env.as_mut(&mut self.store), empty);
        env.handles = handles;
        *new.env.as_mut(&mut new.store) = env;
        Ok(new)
    }

    fn fuel(&self) -> u64 {
        self.core.spec.limits.fuel
    }

    /// Makes the context of the policy at `position` of a stream.
    pub(crate) fn create_stream(&mut self, key: u64, position: usize) -> Result<u32, Error> {
        let (fuel, root) = (self.fuel(), self.root);
        let owner = ContextKind::Stream { key, position, root };
        let context = self.env.as_mut(&mut self.store).add_context(owner);
        self.run(
            ("proxy_on_context_create", &[("parent", root)]),
            context,
            fuel,
            |exports, store| {
                exports.context_create.as_ref().map_or(Ok(()), |f| f.call(store, context, root))
            },
        )?;
        Ok(context)
    }

    pub(crate) fn on_headers(
        &mut self,
        direction: Direction,
        context: u32,
        fields: u32,
        end: bool,
    ) -> Result<Action, Error> {
        let name = match direction {
            Direction::Request => "proxy_on_request_headers",
            Direction::Response => "proxy_on_response_headers",
        };
        if self.exports.headers(direction).is_none() {
            return Ok(Action::Continue);
        }
        let parameters = [("fields", fields), ("end", end.into())];
        self.run((name, &parameters), context, self.fuel(), |exports, store| {
            match exports.headers(direction) {
                None => Ok(0),
                Some(HeadersCallback::Two(f)) => f.call(store, context, fields),
                Some(HeadersCallback::Three(f)) => f.call(store, context, fields, end.into()),
            }
        })
        .map(|number| Action::of_headers(number, self.core.stops_headers_alone()))
    }

    pub(crate) fn on_body(
        &mut self,
        direction: Direction,
        context: u32,
        size: u32,
        end: bool,
    ) -> Result<Action, Error> {
        let name = match direction {
            Direction::Request => "proxy_on_request_body",
            Direction::Response => "proxy_on_response_body",
        };
        if self.exports.body(direction).is_none() {
            return Ok(Action::Continue);
        }
        let parameters = [("size", size), ("end", end.into())];
        self.run((name, &parameters), context, self.fuel(), |exports, store| {
            exports.body(direction).map_or(Ok(0), |f| f.call(store, context, size, end.into()))
        })
        .map(Action::of_body)
    }

    pub(crate) fn on_trailers(
        &mut self,
        direction: Direction,
        context: u32,
        fields: u32,
    ) -> Result<Action, Error> {
        let name = match direction {
            Direction::Request => "proxy_on_request_trailers",
            Direction::Response => "proxy_on_response_trailers",
        };
        if self.exports.trailers(direction).is_none() {
            return Ok(Action::Continue);
        }
        self.run((name, &[("fields", fields)]), context, self.fuel(), |exports, store| {
            exports.trailers(direction).map_or(Ok(0), |f| f.call(store, context, fields))
        })
        .map(Action::of_trailers)
    }

    /// When the next tick of a plugin is due.
    pub(crate) fn tick_due(&self, plugin: u64) -> Option<Instant> {
        let root = self.env.as_ref(&self.store).root_of_plugin(plugin)?;
        root.tick.map(|tick| tick.due)
    }

    /// Whether a plugin ticks.
    pub(crate) fn ticks(&self) -> bool {
        self.env.as_ref(&self.store).roots.iter().any(|root| root.tick.is_some())
    }

    /// `proxy_on_tick`. The next one is due a period after this one has ended.
    pub(crate) fn on_tick(&mut self) -> Result<(), Error> {
        let (fuel, root) = (self.fuel(), self.root);
        let outcome = self.run("proxy_on_tick", root, fuel, |exports, store| {
            exports.tick.as_ref().map_or(Ok(()), |f| f.call(store, root))
        });
        let now = self.core.services.clock().now();
        let roots = &mut self.env.as_mut(&mut self.store).roots;
        let known = roots.iter_mut().find(|known| known.context == root);
        if let Some(tick) = known.and_then(|known| known.tick.as_mut()) {
            tick.due = now + tick.period;
        }
        outcome
    }

    pub(crate) fn on_queue_ready(&mut self, queue: u32) -> Result<(), Error> {
        let (fuel, root) = (self.fuel(), self.root);
        self.run(("proxy_on_queue_ready", &[("queue", queue)]), root, fuel, |exports, store| {
            exports.queue_ready.as_ref().map_or(Ok(()), |f| f.call(store, root, queue))
        })
    }

    /// What it asked of others.
    pub(crate) fn calls(&mut self) -> &mut Calls {
        &mut self.env.as_mut(&mut self.store).calls
    }

    /// How many contexts of streams there are here.
    pub(crate) fn contexts(&self) -> usize {
        let contexts = &self.env.as_ref(&self.store).contexts;
        contexts.values().filter(|owner| owner.stream().is_some()).count()
    }

    /// Keys of the streams that have a context here.
    pub(crate) fn streams(&self) -> Vec<u64> {
        let contexts = &self.env.as_ref(&self.store).contexts;
        let mut keys: Vec<u64> =
            contexts.values().filter_map(|owner| Some(owner.stream()?.0)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
