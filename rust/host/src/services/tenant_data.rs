//! The shared data of a policy's tenants, which outlive their VMs: what a limit counted is still there when a tenant
//! that was idle comes back, and after a reload.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::services::namespaces::Namespace;
use crate::services::shared_data::SharedData;

/// Bytes that the tenants without a VM may leave behind, of one policy.
const LEFT: usize = 16 << 20;
/// What a tenant takes beside its key and its data.
const TENANT: usize = 256;

/// The data of all tenants of one policy.
pub(crate) struct TenantData {
    table: Mutex<Table>,
    most: usize,
}

#[derive(Default)]
struct Table {
    tenants: HashMap<Arc<[u8]>, Kept>,
    /// Tenants without a VM: first those with the fewest requests, among them the one that was dropped earliest. So tenants
    /// that a client invents evict each other, and not the ones in use.
    left: BTreeMap<(u32, u64), Arc<[u8]>>,
    /// Bytes of those.
    bytes: usize,
    departures: u64,
}

struct Kept {
    data: Arc<SharedData>,
    requests: Arc<AtomicU64>,
    /// VMs that have it: two while one takes the place of another.
    vms: usize,
    /// Its place among those that are left, and its bytes then.
    left: Option<((u32, u64), usize)>,
}

/// A VM's handle to the data of its tenant, which keeps the data.
pub(crate) struct Lease {
    all: Arc<TenantData>,
    key: Arc<[u8]>,
    pub(crate) data: Arc<SharedData>,
    requests: Arc<AtomicU64>,
}

impl TenantData {
    pub(crate) fn new() -> Self {
        Self { table: Mutex::default(), most: LEFT }
    }

    /// The data of the tenant `key`: what it left, or none.
    pub(crate) fn lease(self: &Arc<Self>, key: &[u8], space: &Namespace) -> Lease {
        let table = &mut *self.lock();
        let (all, key): (_, Arc<[u8]>) = (Arc::clone(self), key.into());
        let kept = table.tenants.entry(Arc::clone(&key)).or_insert_with(|| Kept {
            data: Arc::new(SharedData::of(space)),
            requests: Arc::default(),
            vms: 0,
            left: None,
        });
        kept.vms += 1;
        if let Some((place, bytes)) = kept.left.take() {
            table.left.remove(&place);
            table.bytes -= bytes;
        }
        Lease { all, key, data: Arc::clone(&kept.data), requests: Arc::clone(&kept.requests) }
    }

    /// Bytes that tenants without a VM keep.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self, key: &Arc<[u8]>) {
        let table = &mut *self.lock();
        let Some(kept) = table.tenants.get_mut(key) else { return };
        kept.vms -= 1;
        if kept.vms > 0 {
            return;
        }
        let bytes = kept.data.bytes();
        if bytes == 0 {
            table.tenants.remove(key);
            return;
        }
        table.departures += 1;
        let rank = kept.requests.load(Ordering::Relaxed).checked_ilog2().unwrap_or_default();
        let (place, bytes) = ((rank, table.departures), bytes + key.len() + TENANT);
        kept.left = Some((place, bytes));
        table.left.insert(place, Arc::clone(key));
        table.bytes += bytes;
        while table.bytes > self.most {
            let Some((_, key)) = table.left.pop_first() else { return };
            let left = table.tenants.remove(&key).and_then(|kept| kept.left);
            table.bytes -= left.map_or(0, |(_, bytes)| bytes);
        }
    }
}

impl Lease {
    /// A request of the tenant.
    pub(crate) fn note_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.all.leave(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACE: Namespace = Namespace::Tenant(1);

    fn bounded(most: usize) -> Arc<TenantData> {
        Arc::new(TenantData { table: Mutex::default(), most })
    }

    /// Creates and drops a VM of the tenant with this number of requests; returns the data that it found.
    fn visit(all: &Arc<TenantData>, key: &str, requests: u64) -> Option<Vec<u8>> {
        let lease = all.lease(key.as_bytes(), &SPACE);
        let found = lease.data.get(b"count").map(|(value, _)| value);
        (0..requests).for_each(|_| lease.note_request());
        lease.data.set(b"count", b"1".to_vec(), 0).unwrap();
        found
    }

    #[test]
    fn a_tenant_that_comes_back_finds_what_it_left() {
        let all = bounded(LEFT);
        assert_eq!(visit(&all, "acme", 1), None);
        assert_eq!(visit(&all, "acme", 1), Some(b"1".to_vec()));
        assert_eq!(visit(&all, "other", 1), None);
    }

    #[test]
    fn two_vms_of_a_tenant_have_the_same_data() {
        let all = bounded(LEFT);
        let old = all.lease(b"acme", &SPACE);
        let new = all.lease(b"acme", &SPACE);
        old.data.set(b"count", b"1".to_vec(), 0).unwrap();
        assert!(new.data.get(b"count").is_some());
        drop(old);
        assert_eq!(all.bytes(), 0);
    }

    #[test]
    fn tenants_that_are_made_up_push_out_each_other() {
        let all = bounded(4096);
        visit(&all, "acme", 10);
        for number in 0..10_000 {
            visit(&all, &format!("made-up-{number}"), 1);
            assert!(all.bytes() <= 4096);
        }
        assert_eq!(visit(&all, "acme", 1), Some(b"1".to_vec()));
        assert_eq!(visit(&all, "made-up-0", 1), None);
        let table = all.lock();
        assert_eq!(table.tenants.len(), table.left.len());
    }

    #[test]
    fn a_tenant_that_keeps_nothing_leaves_nothing() {
        let all = bounded(LEFT);
        drop(all.lease(b"acme", &SPACE));
        assert!(all.lock().tenants.is_empty());
    }
}
