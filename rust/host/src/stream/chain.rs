//! Plugins in their order.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::abi::enums::Direction;
use crate::context::outbox::take_effects;
use crate::context::reentrancy;
use crate::context::step;
use crate::host::plugin::Plugin;
use crate::services::Services;
use crate::thread::plugin_slot::PluginSlot;
use crate::thread::slots;
use crate::thread::turn::turn;
use crate::types::effects::Effects;
use crate::types::headers::HeaderMap;
use crate::types::limits::Limits;

/// Plugins in the order in which a request meets them. Cloning is cheap.
#[derive(Clone)]
pub struct Chain {
    inner: Arc<Inner>,
}

struct Inner {
    plugins: Vec<Plugin>,
    strip: Vec<Vec<u8>>,
    bounds: Bounds,
    /// Whether each plugin has a callback for them.
    response_headers: Vec<bool>,
    request_body: bool,
    response_body: bool,
    /// A policy can ask when something happened.
    timed: bool,
}

/// The strictest header limits of the chain.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) headers: usize,
    pub(crate) header_bytes: usize,
}

impl Bounds {
    pub(crate) fn admit(self, map: &HeaderMap) -> bool {
        map.len() <= self.headers && map.byte_len() <= self.header_bytes
    }
}

/// The result of a turn of ticks.
#[derive(Debug)]
pub struct Ticked {
    /// The time to the next tick on this thread.
    pub wait: Option<Duration>,
    /// Log lines, callouts, and the streams to wake; no head or body.
    pub effects: Effects,
}

impl Chain {
    /// A chain of plugins in their order; an empty chain forwards everything.
    #[must_use]
    pub fn new(plugins: Vec<Plugin>) -> Self {
        let mut strip: Vec<Vec<u8>> = plugins
            .iter()
            .flat_map(|plugin| &plugin.core().spec.strip_request_headers)
            .map(|name| name.to_ascii_lowercase().into_bytes())
            .collect();
        strip.sort();
        strip.dedup();
        let limits = || plugins.iter().map(|plugin| &plugin.core().spec.limits);
        let open = Limits::default();
        let bounds = Bounds {
            headers: limits().map(|l| l.headers).min().unwrap_or(open.headers),
            header_bytes: limits().map(|l| l.header_bytes).min().unwrap_or(open.header_bytes),
        };
        let looks = |callback| plugins.iter().any(|plugin| plugin.exports(callback));
        let request_body = looks("proxy_on_request_body");
        let response_body = looks("proxy_on_response_body");
        let timed = plugins.iter().any(Plugin::reads_properties);
        let response_headers =
            plugins.iter().map(|plugin| plugin.exports("proxy_on_response_headers")).collect();
        let inner =
            Inner { plugins, strip, bounds, response_headers, request_body, response_body, timed };
        Self { inner: Arc::new(inner) }
    }

    /// The plugins in order.
    #[must_use]
    pub fn plugins(&self) -> &[Plugin] {
        &self.inner.plugins
    }

    /// How many plugins there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.plugins.len()
    }

    /// True without a plugin.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.plugins.is_empty()
    }

    /// True when a plugin has the callback of this name, like `proxy_on_request_body`.
    #[must_use]
    pub fn has_callback(&self, name: &str) -> bool {
        self.inner.plugins.iter().any(|plugin| plugin.exports(name))
    }

    /// Starts the plugins that have no instance on this thread yet: their ticks run from now on, and
    /// their queues get callbacks.
    #[must_use]
    pub fn start(&self) -> Effects {
        if !reentrancy::busy() {
            step::begin();
            for slot in self.slots() {
                slot.start();
            }
        }
        take_effects()
    }

    /// A turn of the thread's loop: runs ticks that are due and what waited for a turn, as far as a
    /// step and the shares of the policies allow, and starts a plugin that is not there.
    #[must_use]
    pub fn tick(&self) -> Ticked {
        if reentrancy::busy() {
            return Ticked { wait: Some(Duration::ZERO), effects: Effects::default() };
        }
        step::begin();
        let cores = || self.inner.plugins.iter().map(Plugin::core);
        let plugins = self.inner.plugins.iter();
        let idle = plugins.filter_map(|plugin| plugin.tenants()?.drop_idle(plugin.core())).min();
        let mut slots = self.slots();
        // A start may take long: the loop serves other work between two of them.
        let _ = slots.iter().any(|slot| slot.start());
        slots.extend(cores().flat_map(|core| slots::tenants(core.id)));
        slots.extend(slots::ending());
        // Other hosts of this thread have their own turns; they say when the next one is due.
        // No chain has the deadline of a plugin that has ended. A stopped clock has no next turn.
        let own = |slot: &PluginSlot| {
            let (core, is_own) =
                (slot.core(), |services| Arc::ptr_eq(services, &slot.core().services));
            (core.is_retired() && core.services.clock().runs())
                || self.services().is_none_or(is_own)
        };
        let wait = turn(&slots, own).into_iter().chain(idle).min();
        slots::release_ended();
        Ticked { wait, effects: take_effects() }
    }

    fn slots(&self) -> Vec<Rc<PluginSlot>> {
        self.inner.plugins.iter().map(|plugin| slots::slot_of(plugin.core())).collect()
    }

    /// Now, by the clock of its host; nothing where no policy can ask for it.
    pub(crate) fn now(&self) -> Option<Instant> {
        self.services().filter(|_| self.inner.timed).map(|services| services.clock().now())
    }

    fn services(&self) -> Option<&Arc<Services>> {
        self.inner.plugins.first().map(|plugin| &plugin.core().services)
    }

    /// Names of request headers that clients may not send.
    pub(crate) fn stripped(&self) -> &[Vec<u8>] {
        &self.inner.strip
    }

    /// Whether the policy at `position` looks at the headers of a response.
    pub(crate) fn looks_at_response_headers(&self, position: usize) -> bool {
        self.inner.response_headers[position]
    }

    /// Whether a policy looks at the bodies of this direction.
    pub(crate) fn looks_at_body(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.inner.request_body,
            Direction::Response => self.inner.response_body,
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.inner.bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::plugin::spec::PluginSpec;
    use crate::types::log_level::LogLevel;

    const GET: &str =
        r#"(import "env" "proxy_get_property" (func (param i32 i32 i32 i32) (result i32)))"#;

    fn chain(import: &str) -> Chain {
        let guest = format!(
            r#"(module {import} (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
               (func (export "malloc") (param i32) (result i32) (i32.const 1024)))"#
        );
        let module = wat::parse_str(guest).unwrap();
        let host = Host::new(None, LogLevel::Error);
        let spec = PluginSpec { name: "p".into(), ..PluginSpec::default() };
        Chain::new(vec![Plugin::load(&host, &module, spec).unwrap()])
    }

    #[test]
    fn times_are_kept_for_policies_that_can_ask_for_them() {
        let told =
            [chain(""), chain(GET), Chain::new(Vec::new())].map(|chain| chain.now().is_some());
        assert_eq!(told, [false, true, false]);
    }
}
