//! Tenants: each has a VM of its own, made at its first request and dropped when it is idle.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::context::stream_data::StreamData;
use crate::host::trim_memory::trim_memory;
use crate::plugin::core::PluginCore;
use crate::plugin::vm::Vm;
use crate::properties;
use crate::services::clock::Clock;
use crate::services::tenant_data::TenantData;
use crate::thread::slots;
use crate::types::error::Error;
use crate::types::tenant::{TenantKey, TenantSettings};

/// Bytes of the longest key.
const KEY: usize = 256;
/// The shortest time between two searches for idle tenants, in milliseconds.
const SHORTEST: u64 = 10;

/// Idle tenants that are dropped at once at most: the other work of the thread waits meanwhile.
const AT_ONCE: usize = 16;

/// The tenants of one VM.
pub(crate) struct Tenants {
    settings: TenantSettings,
    table: Mutex<Table>,
    kept: Arc<TenantData>,
}

#[derive(Default)]
struct Table {
    tenants: HashMap<Box<[u8]>, Arc<Tenant>>,
    /// The earliest time at which a tenant can be idle long enough, in milliseconds of [`now`]; none without tenants.
    due: Option<u64>,
}

struct Tenant {
    vm: Arc<Vm>,
    /// The plugins that served it: one, or more with configurations of their own for routes.
    plugins: Mutex<Vec<Arc<PluginCore>>>,
    streams: AtomicUsize,
    /// When its last stream ended, in milliseconds of [`now`].
    used: AtomicU64,
}

/// A stream of a tenant; the tenant is kept until this value is dropped.
pub(crate) struct TenantLease {
    tenant: Arc<Tenant>,
    pub(crate) core: Arc<PluginCore>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Now in milliseconds, by the clock of the plugin's host.
fn now(core: &PluginCore) -> u64 {
    core.services.clock().monotonic() / 1_000_000
}

impl Tenants {
    pub(crate) fn new(settings: TenantSettings, kept: Arc<TenantData>) -> Self {
        Self { settings, table: Mutex::default(), kept }
    }

    /// The key of the tenant that a stream is of.
    pub(crate) fn key(&self, stream: &StreamData, clock: &Clock) -> Vec<u8> {
        let headers = stream.request_headers();
        match &self.settings.key {
            TenantKey::Host => host(headers.get(b":authority").unwrap_or_default()),
            TenantKey::Header(name) => headers.get(name.as_bytes()).unwrap_or_default().to_vec(),
            TenantKey::Property(path) => {
                properties::of_stream(stream, clock, path).unwrap_or_default()
            }
        }
    }

    /// Begins a stream of the tenant `key` with `plugin`, whose VM has these tenants.
    pub(crate) fn enter(&self, plugin: &Arc<PluginCore>, key: &[u8]) -> Result<TenantLease, Error> {
        if key.len() > KEY {
            return Err(Error::TenantKey { length: key.len(), most: KEY });
        }
        let mut dropped = None;
        let tenant = {
            let table = &mut *lock(&self.table);
            if !table.tenants.contains_key(key) && table.tenants.len() >= self.settings.most {
                let longest = table.longest_idle();
                dropped = Some(longest.ok_or(Error::TooManyTenants { most: self.settings.most })?);
            }
            let made = || {
                let vm = Vm::of_tenant(key, Arc::clone(&plugin.vm.module), &self.kept);
                let vm = Arc::new(vm);
                Arc::new(Tenant {
                    vm,
                    plugins: Mutex::default(),
                    streams: AtomicUsize::new(0),
                    used: AtomicU64::new(0),
                })
            };
            table.due.get_or_insert_with(|| now(plugin).saturating_add(millis(self.settings.idle)));
            let tenant = table.tenants.entry(key.into()).or_insert_with(made);
            tenant.streams.fetch_add(1, Ordering::AcqRel);
            tenant.vm.note_request();
            Arc::clone(tenant)
        };
        if let Some(dropped) = dropped {
            dropped.retire();
            slots::release_retired_soon();
        }
        let core = tenant.core(plugin);
        Ok(TenantLease { tenant, core })
    }

    /// Drops the tenants that are idle; returns the time until the next search.
    pub(crate) fn drop_idle(&self, plugin: &PluginCore) -> Option<Duration> {
        let now = now(plugin);
        let mut dropped = Vec::new();
        let due = {
            let table = &mut *lock(&self.table);
            if table.due.is_some_and(|due| due <= now) {
                dropped = table.take_idle(now, millis(self.settings.idle));
            }
            table.due
        };
        if !dropped.is_empty() {
            dropped.iter().map(Arc::as_ref).for_each(Tenant::retire);
            slots::release_retired_soon();
            if due.is_none() {
                trim_memory();
            }
        }
        Some(Duration::from_millis(due?.saturating_sub(now)))
    }

    /// A plugin has ended, and with it the plugins of its tenants.
    pub(crate) fn forget(&self, plugin: u64) {
        let tenants: Vec<_> = lock(&self.table).tenants.values().cloned().collect();
        for tenant in tenants {
            let mut gone = Vec::new();
            lock(&tenant.plugins).retain(|core| {
                let stays = core.base != plugin;
                if !stays {
                    gone.push(Arc::clone(core));
                }
                stays
            });
            for core in gone {
                core.retire();
            }
        }
    }
}

impl Table {
    fn longest_idle(&mut self) -> Option<Arc<Tenant>> {
        let idle = self.tenants.iter().filter(|(_, tenant)| tenant.is_idle());
        let key = idle.min_by_key(|(_, tenant)| tenant.used.load(Ordering::Acquire))?.0.clone();
        self.tenants.remove(&key)
    }

    fn take_idle(&mut self, now: u64, idle: u64) -> Vec<Arc<Tenant>> {
        let mut dropped = Vec::new();
        let mut wait = idle;
        self.tenants.retain(|_, tenant| {
            if !tenant.is_idle() {
                return true;
            }
            if dropped.len() == AT_ONCE {
                wait = SHORTEST;
                return true;
            }
            let since = now.saturating_sub(tenant.used.load(Ordering::Acquire));
            if since >= idle {
                dropped.push(Arc::clone(tenant));
                return false;
            }
            wait = wait.min(idle - since);
            true
        });
        let due = now.saturating_add(wait.max(SHORTEST));
        self.due = (!self.tenants.is_empty()).then_some(due);
        dropped
    }
}

impl Tenant {
    fn is_idle(&self) -> bool {
        self.streams.load(Ordering::Acquire) == 0
    }

    /// The plugin in this tenant's VM.
    fn core(&self, plugin: &Arc<PluginCore>) -> Arc<PluginCore> {
        let mut plugins = lock(&self.plugins);
        if let Some(found) = plugins.iter().find(|core| core.base == plugin.id) {
            return Arc::clone(found);
        }
        let core = Arc::new(plugin.in_vm(&self.vm));
        plugins.push(Arc::clone(&core));
        core
    }

    fn retire(&self) {
        lock(&self.plugins).drain(..).for_each(|core| core.retire());
    }
}

impl Drop for TenantLease {
    fn drop(&mut self) {
        self.tenant.used.store(now(&self.core), Ordering::Release);
        self.tenant.streams.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The host of an authority, in lower case: `[::1]` keeps its brackets, a port is removed.
fn host(authority: &[u8]) -> Vec<u8> {
    let end = match authority.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !authority[colon..].contains(&b']') => colon,
        _ => authority.len(),
    };
    authority[..end].to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_neither_case_nor_port() {
        assert_eq!(host(b"Acme.Example:8080"), b"acme.example");
        assert_eq!(host(b"[::1]:80"), b"[::1]");
        assert_eq!(host(b"[::1]"), b"[::1]");
        assert_eq!(host(b""), b"");
    }
}
