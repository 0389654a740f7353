//! Plugins in order.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::abi::Direction;
use crate::effects::Effects;
use crate::instances::{self, Slot};
use crate::{HeaderMap, Host, Limits, Plugin, background, foreign, step};

/// Plugins in the order in which a request meets them. Cloning is cheap.
#[derive(Clone)]
pub struct Chain {
    inner: Arc<Inner>,
}

struct Inner {
    plugins: Vec<Plugin>,
    strip: Vec<Vec<u8>>,
    bounds: Bounds,
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

/// What a round of ticks brought.
#[derive(Debug)]
pub struct Ticked {
    /// How long it is to the next tick on this thread.
    pub wait: Option<Duration>,
    /// Logs, and the streams that can go on; no head or body.
    pub effects: Effects,
}

impl Chain {
    /// Puts plugins in order; none is allowed, and lets everything pass.
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
        let inner = Inner { plugins, strip, bounds, request_body, response_body, timed };
        Self { inner: Arc::new(inner) }
    }

    /// The same for a stream that has ended and waits for a guest: it does not keep the plugins.
    pub(crate) fn observed(&self) -> Self {
        let Inner { bounds, request_body, response_body, timed, .. } = *self.inner;
        let plugins = self.inner.plugins.iter().map(Plugin::observed).collect();
        let strip = Vec::new();
        let inner = Inner { plugins, strip, bounds, request_body, response_body, timed };
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

    /// Starts the plugins that are not there yet on this thread: their ticks run from now on, and
    /// queues have their listeners.
    #[must_use]
    pub fn start(&self) -> Effects {
        if !foreign::busy() {
            step::begin();
            for slot in self.slots() {
                slot.start();
            }
        }
        instances::take_effects()
    }

    /// A turn of the thread's loop: runs ticks that are due and what waited for a turn, as far as a
    /// step and the shares of the policies allow, and starts a plugin that is not there.
    #[must_use]
    pub fn tick(&self) -> Ticked {
        if foreign::busy() {
            return Ticked { wait: Some(Duration::ZERO), effects: Effects::default() };
        }
        step::begin();
        let cores = || self.inner.plugins.iter().map(Plugin::core);
        let idle = cores().filter_map(|core| core.vm.tenants.as_ref()?.drop_idle(core)).min();
        let mut slots = self.slots();
        // A start may take long: the rest of the loop has its turn between two.
        let _ = slots.iter().any(|slot| slot.start());
        slots.extend(cores().flat_map(|core| instances::tenants(core.id)));
        slots.extend(instances::leaving());
        // Other hosts of this thread have their turn, too; when the next one is, is for them to say.
        let own = |slot: &Slot| self.host().is_none_or(|host| slot.core().host.is(host));
        let wait = background::turn(&slots, own).into_iter().chain(idle).min();
        instances::let_go();
        Ticked { wait, effects: instances::take_effects() }
    }

    fn slots(&self) -> Vec<Rc<Slot>> {
        self.inner.plugins.iter().map(|plugin| instances::slot(plugin.core())).collect()
    }

    /// Now, by the clock of its host; nothing where no policy can ask for it.
    pub(crate) fn now(&self) -> Option<Instant> {
        self.host().filter(|_| self.inner.timed).map(|host| host.clock().now())
    }

    /// Nanoseconds since 1970 at a moment that [`Chain::now`] told.
    pub(crate) fn unix_at(&self, moment: Instant) -> u64 {
        self.host().map_or(0, |host| host.clock().unix_at(moment))
    }

    fn host(&self) -> Option<&Host> {
        self.inner.plugins.first().map(|plugin| &plugin.core().host)
    }

    /// Names of request headers that clients may not send.
    pub(crate) fn stripped(&self) -> &[Vec<u8>] {
        &self.inner.strip
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
    use crate::{LogLevel, PluginSpec};

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
