//! One VM on one thread: one method a callback.

mod deliveries;
mod endings;
mod roots;
mod running;

use std::sync::Arc;
use std::time::Instant;

use crate::instance::endings::Endings;
use crate::instance::running::{Callback, Runner};

use crate::abi::enums::{Action, Direction};
use crate::context::callouts::Calls;
use crate::context::instance_state::{ContextKind, InstanceState};
use crate::guest::exports;
use crate::guest::exports::Exports;
use crate::guest::memory;
use crate::hostcalls;
use crate::plugin::core::PluginCore;
use crate::services::statistics::Tally;
use crate::types::error::Error;
use crate::wasm::border::call::Call;
use crate::wasm::border::instance::WasmInstance;
use crate::wasm::engine::Tier;

/// A started and configured VM. It belongs to the thread that made it.
pub(crate) struct Instance {
    guest: WasmInstance<InstanceState>,
    exports: Exports,
    /// The selected plugin, and its root context.
    core: Arc<PluginCore>,
    root: u32,
    tier: Tier,
    /// It could not move to optimised code.
    migration_failed: bool,
    tally: Tally,
    /// Fuel for making it, which is charged to its first callback.
    owed: u64,
    /// A callback requested something beyond its own stream.
    pub(crate) has_pending: bool,
    /// Callbacks of contexts that end.
    endings: Endings,
}

impl Instance {
    /// Instantiates the module and runs nothing of it.
    fn new(core: Arc<PluginCore>) -> Result<Self, Error> {
        let compiled = core.module.code();
        let state = InstanceState::new(Arc::clone(&core));
        let (engine, module) = (compiled.engine.clone(), &compiled.module);
        let mut guest = WasmInstance::new(engine, module, state, hostcalls::imports)
            .map_err(|problem| Error::Instantiate(problem.to_string()))?;
        let allocator = exports::allocator(&mut guest)?;
        guest.set_allocator(allocator, memory::deliver);
        let exports = Exports::of(&mut guest, &core.module)?;
        let tier = compiled.tier;
        let tally = Tally::new(core.services.statistics(&core.name));
        let (root, migration_failed, has_pending, owed) = (0, false, false, 0);
        let endings = Endings::default();
        Ok(Self {
            guest,
            exports,
            core,
            root,
            tier,
            migration_failed,
            tally,
            owed,
            has_pending,
            endings,
        })
    }

    /// Continues in optimised code, if there is some: with its memory, its globals, its contexts and all
    /// other state of the host. Not while a callback runs. An instance that cannot move stays as it is.
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
        self.guest
            .copy_to(&mut new.guest)
            .map_err(|error| Error::Instantiate(error.to_string()))?;
        new.root = self.root;
        new.endings = std::mem::take(&mut self.endings);
        std::mem::swap(self.guest.state_mut(), new.guest.state_mut());
        Ok(new)
    }

    /// What runs callbacks here, each with this budget.
    #[inline]
    fn runner(&mut self, fuel: u64) -> Runner<'_> {
        Runner {
            guest: &mut self.guest,
            core: &self.core,
            tally: &mut self.tally,
            owed: &mut self.owed,
            has_pending: &mut self.has_pending,
            fuel,
        }
    }

    fn fuel(&self) -> u64 {
        self.core.spec.limits.fuel
    }

    /// Creates the context of the policy at `position` of a stream, and runs its callback for the request's
    /// headers; `created` gets the context, and returns the number of fields and whether the stream ends
    /// with them.
    pub(crate) fn open_stream(
        &mut self,
        key: u64,
        position: usize,
        created: impl FnOnce(u32) -> (u32, bool),
    ) -> Result<Action, Error> {
        let (fuel, root) = (self.fuel(), self.root);
        let Exports { context_create, request_headers, .. } = self.exports;
        let owner = ContextKind::Stream { key, position, root };
        let context = self.guest.state_mut().add_context(owner);
        let create = context_create.map_or(Call::ABSENT, |create| create.with([context, root]));
        let called = ("proxy_on_context_create", [("parent", root)]);
        let mut create = Some(Callback::new(called, context, create));
        let mut created = Some(created);
        let mut answers = false;
        let answer = self.runner(fuel).run(|_, _| {
            if let Some(create) = create.take() {
                return Some(create);
            }
            let (fields, end) = created.take()?(context);
            let headers = request_headers?;
            answers = true;
            let called = ("proxy_on_request_headers", [("fields", fields), ("end", end.into())]);
            Some(Callback::new(called, context, headers.with(context, fields, end)).last())
        })?;
        let number = answer.filter(|_| answers).unwrap_or(0);
        Ok(Action::of_headers(number, self.core.stops_headers_alone()))
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
        let Some(callback) = self.exports.headers(direction) else { return Ok(Action::Continue) };
        let parameters = [("fields", fields), ("end", end.into())];
        let call = Some(callback.with(context, fields, end));
        let answer = self.run((name, parameters), context, self.fuel(), call)?;
        Ok(Action::of_headers(answer.unwrap_or(0), self.core.stops_headers_alone()))
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
        let Some(callback) = self.exports.body(direction) else { return Ok(Action::Continue) };
        let parameters = [("size", size), ("end", end.into())];
        let call = Some(callback.with([context, size, end.into()]));
        let answer = self.run((name, parameters), context, self.fuel(), call)?;
        Ok(Action::of_body(answer.unwrap_or(0)))
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
        let Some(callback) = self.exports.trailers(direction) else {
            return Ok(Action::Continue);
        };
        let call = Some(callback.with([context, fields]));
        let answer = self.run((name, [("fields", fields)]), context, self.fuel(), call)?;
        Ok(Action::of_trailers(answer.unwrap_or(0)))
    }

    /// When the next tick of a plugin is due.
    pub(crate) fn tick_due(&self, plugin: u64) -> Option<Instant> {
        let root = self.guest.state().root_of_plugin(plugin)?;
        root.tick.map(|tick| tick.due)
    }

    /// Whether a plugin ticks.
    pub(crate) fn ticks(&self) -> bool {
        self.guest.state().roots.iter().any(|root| root.tick.is_some())
    }

    /// `proxy_on_tick`. The next one is due a period after this one has ended.
    pub(crate) fn on_tick(&mut self) -> Result<(), Error> {
        let (fuel, root) = (self.fuel(), self.root);
        let call = self.exports.tick.map(|callback| callback.with([root]));
        let outcome = self.run("proxy_on_tick", root, fuel, call).map(drop);
        let now = self.core.services.clock().now();
        let roots = &mut self.guest.state_mut().roots;
        let known = roots.iter_mut().find(|known| known.context == root);
        if let Some(tick) = known.and_then(|known| known.tick.as_mut()) {
            tick.due = now + tick.period;
        }
        outcome
    }

    pub(crate) fn on_queue_ready(&mut self, queue: u32) -> Result<(), Error> {
        let (fuel, root) = (self.fuel(), self.root);
        let call = self.exports.queue_ready.map(|callback| callback.with([root, queue]));
        self.run(("proxy_on_queue_ready", [("queue", queue)]), root, fuel, call).map(drop)
    }

    /// Its callouts.
    pub(crate) fn calls(&mut self) -> &mut Calls {
        &mut self.guest.state_mut().calls
    }

    /// How many contexts of streams there are here.
    pub(crate) fn contexts(&self) -> usize {
        let contexts = &self.guest.state().contexts;
        contexts.values().filter(|owner| owner.stream().is_some()).count()
    }

    /// Keys of the streams that have a context here.
    pub(crate) fn streams(&self) -> Vec<u64> {
        let contexts = &self.guest.state().contexts;
        let mut keys: Vec<u64> =
            contexts.values().filter_map(|owner| Some(owner.stream()?.0)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}
