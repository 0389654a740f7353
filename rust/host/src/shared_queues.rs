//! First-in-first-out queues shared by policies (proxy-wasm/spec, "Shared Queue").

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::IdMap;
use crate::vm::Space;

/// Queues of one host; more are refused.
const QUEUES: usize = 1024;
/// Bytes that wait in one queue; more are refused.
const CAPACITY: usize = 16 << 20;
/// Bytes that wait in all queues; more are refused.
const TOTAL: usize = 64 << 20;
/// Bytes of the longest name.
const NAME: usize = 1024;

/// All queues of a host, by VM and name.
#[derive(Default)]
pub(crate) struct SharedQueues {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    ids: HashMap<(Space, Vec<u8>), u32>,
    queues: IdMap<u32, Queue>,
    last_id: u32,
    bytes: usize,
}

struct Queue {
    owner: Space,
    values: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The plugins (by id) that registered it and are told when a value arrives.
    listeners: Vec<u64>,
}

/// A queue that is not there, or is full, or belongs to another who is named.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    Full,
    Denied(String),
}

/// Whether queues of an owner may be used.
pub(crate) type May<'a> = &'a dyn Fn(&Space) -> bool;

impl SharedQueues {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes or opens the queue and notes `plugin` as its listener; `None` past the bounds.
    pub(crate) fn register(&self, owner: &Space, name: &[u8], plugin: u64) -> Option<u32> {
        if name.len() > NAME {
            return None;
        }
        let mut table = self.lock();
        let key = (owner.clone(), name.to_vec());
        let id = match table.ids.get(&key) {
            Some(id) => *id,
            None if table.queues.len() >= QUEUES => return None,
            None => {
                let id = table.last_id.checked_add(1)?;
                table.last_id = id;
                table.queues.insert(id, Queue::of(owner.clone()));
                table.ids.insert(key, id);
                id
            }
        };
        let queue = table.queue(id).ok()?;
        if !queue.listeners.contains(&plugin) {
            queue.listeners.push(plugin);
        }
        Some(id)
    }

    /// The id of a queue that a policy registered.
    pub(crate) fn resolve(&self, owner: &Space, name: &[u8]) -> Option<u32> {
        self.lock().ids.get(&(owner.clone(), name.to_vec())).copied()
    }

    /// Appends a value; the answer is the plugins to tell.
    pub(crate) fn enqueue(
        &self,
        id: u32,
        value: Vec<u8>,
        may: May<'_>,
    ) -> Result<Vec<u64>, Refusal> {
        let mut table = self.lock();
        let total = table.bytes + cost(&value);
        let queue = table.open(id, may)?;
        if queue.bytes + cost(&value) > CAPACITY || total > TOTAL {
            return Err(Refusal::Full);
        }
        queue.bytes += cost(&value);
        queue.values.push_back(value);
        let listeners = queue.listeners.clone();
        table.bytes = total;
        Ok(listeners)
    }

    /// Takes the oldest value; `Ok(None)` when the queue is empty.
    pub(crate) fn dequeue(&self, id: u32, may: May<'_>) -> Result<Option<Vec<u8>>, Refusal> {
        let mut table = self.lock();
        let queue = table.open(id, may)?;
        let value = queue.values.pop_front();
        let cost = value.as_deref().map_or(0, cost);
        queue.bytes -= cost;
        table.bytes -= cost;
        Ok(value)
    }

    /// Forgets a plugin that is gone; the queues of a tenant go with its last one.
    pub(crate) fn forget(&self, plugin: u64, owner: &Space) {
        let table = &mut *self.lock();
        for queue in table.queues.values_mut().filter(|queue| queue.owner == *owner) {
            queue.listeners.retain(|listener| *listener != plugin);
        }
        if matches!(owner, Space::Tenant(_)) {
            let ended = |queue: &Queue| queue.owner == *owner && queue.listeners.is_empty();
            let bytes: usize = table.queues.values().filter(|q| ended(q)).map(|q| q.bytes).sum();
            table.queues.retain(|_, queue| !ended(queue));
            table.ids.retain(|_, id| table.queues.contains_key(id));
            table.bytes -= bytes;
        }
    }
}

/// An empty value takes room too, or a loop could queue without end.
fn cost(value: &[u8]) -> usize {
    value.len() + std::mem::size_of::<Vec<u8>>()
}

impl Queue {
    fn of(owner: Space) -> Self {
        Self { owner, values: VecDeque::new(), bytes: 0, listeners: Vec::new() }
    }
}

impl Table {
    /// The queue of this id. That a tenant has one is no business of others.
    fn open(&mut self, id: u32, may: May<'_>) -> Result<&mut Queue, Refusal> {
        let queue = self.queue(id)?;
        match &queue.owner {
            owner if may(owner) => Ok(queue),
            Space::Named(vm_id) => Err(Refusal::Denied(vm_id.as_ref().into())),
            Space::Tenant(_) => Err(Refusal::NotFound),
        }
    }

    fn queue(&mut self, id: u32) -> Result<&mut Queue, Refusal> {
        self.queues.get_mut(&id).ok_or(Refusal::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: fn(&Space) -> bool = |_| true;

    fn a() -> Space {
        Space::Named("a".into())
    }

    #[test]
    fn values_come_out_in_order() {
        let queues = SharedQueues::default();
        let id = queues.register(&a(), b"q", 1).unwrap();
        assert_eq!(queues.register(&a(), b"q", 2), Some(id));
        assert_eq!(queues.resolve(&a(), b"q"), Some(id));
        assert_eq!(queues.enqueue(id, b"1".to_vec(), &ANY), Ok(vec![1, 2]));
        queues.forget(1, &a());
        assert_eq!(queues.enqueue(id, b"2".to_vec(), &ANY), Ok(vec![2]));
        assert_eq!(queues.dequeue(id, &ANY), Ok(Some(b"1".to_vec())));
        assert_eq!(queues.dequeue(id, &ANY), Ok(Some(b"2".to_vec())));
        assert_eq!(queues.dequeue(id, &ANY), Ok(None));
    }

    #[test]
    fn an_unknown_queue_is_named() {
        let queues = SharedQueues::default();
        assert_eq!(queues.enqueue(0, vec![], &ANY), Err(Refusal::NotFound));
        assert_eq!(queues.dequeue(9, &ANY), Err(Refusal::NotFound));
        assert_eq!(queues.resolve(&a(), b"q"), None);
    }

    #[test]
    fn a_queue_of_another_is_closed() {
        let queues = SharedQueues::default();
        let id = queues.register(&a(), b"q", 1).unwrap();
        let own = |owner: &Space| *owner == Space::Named("b".into());
        let denied = || Refusal::Denied("a".into());
        assert_eq!(queues.enqueue(id, vec![], &own), Err(denied()));
        assert_eq!(queues.dequeue(id, &own), Err(denied()));
    }

    #[test]
    fn a_queue_is_bounded() {
        let queues = SharedQueues::default();
        let id = queues.register(&a(), b"q", 1).unwrap();
        assert_eq!(queues.enqueue(id, vec![0; CAPACITY], &ANY), Err(Refusal::Full));
    }

    #[test]
    fn all_queues_together_are_bounded() {
        let queues = SharedQueues::default();
        let ids: Vec<u32> = (0..9).map(|name| queues.register(&a(), &[name], 1).unwrap()).collect();
        let half = vec![0; CAPACITY / 2];
        let taken = ids.iter().take_while(|id| queues.enqueue(**id, half.clone(), &ANY).is_ok());
        assert_eq!(taken.count(), 7);
        queues.dequeue(ids[0], &ANY).unwrap();
        queues.enqueue(ids[0], half, &ANY).unwrap();
    }

    #[test]
    fn a_queue_of_a_tenant_is_its_own_and_goes_with_it() {
        let (queues, tenant) = (SharedQueues::default(), Space::Tenant(7));
        let id = queues.register(&tenant, b"q", 1).unwrap();
        queues.enqueue(id, vec![0; CAPACITY / 2], &|owner| *owner == tenant).unwrap();
        let other = |owner: &Space| *owner == Space::Tenant(8);
        assert_eq!(queues.dequeue(id, &other), Err(Refusal::NotFound));
        queues.forget(1, &tenant);
        assert_eq!(queues.resolve(&tenant, b"q"), None);
        let table = queues.lock();
        assert_eq!((table.queues.len(), table.bytes), (0, 0));
    }

    #[test]
    fn a_name_is_bounded() {
        assert_eq!(SharedQueues::default().register(&a(), &[0; NAME + 1], 1), None);
    }
}
