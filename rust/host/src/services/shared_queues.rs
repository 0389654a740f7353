//! First-in-first-out queues shared by policies (proxy-wasm/spec, "Shared Queue").

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::services::namespaces::Namespace;
use crate::types::ids::IdMap;

/// Bytes that wait in one queue, of all senders; more are refused.
const CAPACITY: usize = 16 << 20;
/// Bytes of the longest name.
pub(crate) const NAME: usize = 1024;

/// All queues of a host, by VM and name.
#[derive(Default)]
pub(crate) struct SharedQueues {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    ids: HashMap<(Namespace, Vec<u8>), u32>,
    queues: IdMap<u32, Queue>,
    last_id: u32,
    /// What each space uses of its quota.
    usage: HashMap<Namespace, Usage>,
}

#[derive(Default)]
struct Usage {
    queues: usize,
    /// Bytes that it put into queues, its own and others'.
    bytes: usize,
}

struct Queue {
    owner: Namespace,
    values: VecDeque<Value>,
    bytes: usize,
    /// How many values were taken from it.
    taken: u64,
    /// The plugins (by id) that registered it and are told when a value arrives.
    listeners: Vec<u64>,
}

/// A value, and who put it there.
struct Value {
    bytes: Vec<u8>,
    sender: Namespace,
}

/// Why a queue cannot be used: it does not exist, is full, or belongs to the named other policy.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum QueueError {
    NotFound,
    Full,
    Denied(String),
}

/// Whether queues of an owner may be used.
pub(crate) type AccessCheck<'a> = &'a dyn Fn(&Namespace) -> bool;

impl SharedQueues {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes or opens the queue and notes `plugin` as its listener; `None` past the bounds.
    pub(crate) fn register(&self, owner: &Namespace, name: &[u8], plugin: u64) -> Option<u32> {
        if name.len() > NAME {
            return None;
        }
        let mut table = self.lock();
        let key = (owner.clone(), name.to_vec());
        let id = if let Some(id) = table.ids.get(&key) {
            *id
        } else {
            let used = table.usage.get(owner).map_or(0, |used| used.queues);
            if used >= owner.quota().queues {
                return None;
            }
            let id = table.last_id.checked_add(1)?;
            table.last_id = id;
            table.usage.entry(owner.clone()).or_default().queues += 1;
            table.queues.insert(id, Queue::of(owner.clone()));
            table.ids.insert(key, id);
            id
        };
        let queue = table.queue(id).ok()?;
        if !queue.listeners.contains(&plugin) {
            queue.listeners.push(plugin);
        }
        Some(id)
    }

    /// The id of a queue that a policy registered.
    pub(crate) fn resolve(&self, owner: &Namespace, name: &[u8]) -> Option<u32> {
        self.lock().ids.get(&(owner.clone(), name.to_vec())).copied()
    }

    /// Appends a value, which counts against its sender; the answer is the plugins to tell.
    pub(crate) fn enqueue(
        &self,
        id: u32,
        value: Vec<u8>,
        sender: &Namespace,
        may: AccessCheck<'_>,
    ) -> Result<Vec<u64>, QueueError> {
        let mut table = self.lock();
        let sent = table.usage.get(sender).map_or(0, |used| used.bytes);
        let value = Value { bytes: value, sender: sender.clone() };
        let cost = value.cost();
        let queue = table.open(id, may)?;
        if queue.bytes + cost > CAPACITY || sent + cost > sender.quota().queued {
            return Err(QueueError::Full);
        }
        queue.bytes += cost;
        queue.values.push_back(value);
        let listeners = queue.listeners.clone();
        table.usage.entry(sender.clone()).or_default().bytes += cost;
        Ok(listeners)
    }

    /// Takes the oldest value; `Ok(None)` when the queue is empty.
    pub(crate) fn dequeue(
        &self,
        id: u32,
        may: AccessCheck<'_>,
    ) -> Result<Option<Vec<u8>>, QueueError> {
        let mut table = self.lock();
        let queue = table.open(id, may)?;
        let Some(value) = queue.values.pop_front() else { return Ok(None) };
        queue.bytes -= value.cost();
        queue.taken += 1;
        table.take_back(&value);
        Ok(Some(value.bytes))
    }

    /// How many values wait in a queue.
    pub(crate) fn len(&self, id: u32) -> usize {
        self.lock().queue(id).map_or(0, |queue| queue.values.len())
    }

    /// How many values were taken from a queue so far.
    pub(crate) fn taken(&self, id: u32) -> u64 {
        self.lock().queue(id).map_or(0, |queue| queue.taken)
    }

    /// Whether a plugin registered a queue that is there.
    pub(crate) fn listens(&self, id: u32, plugin: u64) -> bool {
        self.lock().queue(id).is_ok_and(|queue| queue.listeners.contains(&plugin))
    }

    /// Removes a plugin that has ended.
    pub(crate) fn forget(&self, plugin: u64, owner: &Namespace) {
        let table = &mut *self.lock();
        for queue in table.queues.values_mut().filter(|queue| queue.owner == *owner) {
            queue.listeners.retain(|listener| *listener != plugin);
        }
    }

    /// Bytes that wait in the queues of a space.
    pub(crate) fn bytes(&self, owner: &Namespace) -> usize {
        self.lock().queues.values().filter(|its| its.owner == *owner).map(|its| its.bytes).sum()
    }

    /// Removes the queues of a space.
    pub(crate) fn remove(&self, owner: &Namespace) {
        let table = &mut *self.lock();
        let removed: Vec<Queue> = table
            .queues
            .extract_if(|_, queue| queue.owner == *owner)
            .map(|(_, queue)| queue)
            .collect();
        if removed.is_empty() {
            return;
        }
        table.ids.retain(|_, id| table.queues.contains_key(id));
        table.use_less(owner, |used| used.queues -= removed.len());
        for value in removed.iter().flat_map(|queue| &queue.values) {
            table.take_back(value);
        }
    }
}

impl Value {
    /// An empty value takes room too, or a loop could queue without end.
    fn cost(&self) -> usize {
        self.bytes.len() + size_of::<Self>()
    }
}

impl Queue {
    fn of(owner: Namespace) -> Self {
        Self { owner, values: VecDeque::new(), bytes: 0, taken: 0, listeners: Vec::new() }
    }
}

impl Table {
    /// A value is no longer there: its sender may send as much again.
    fn take_back(&mut self, value: &Value) {
        self.use_less(&value.sender, |used| used.bytes -= value.cost());
    }

    fn use_less(&mut self, space: &Namespace, less: impl FnOnce(&mut Usage)) {
        let Some(used) = self.usage.get_mut(space) else { return };
        less(used);
        if used.queues == 0 && used.bytes == 0 {
            self.usage.remove(space);
        }
    }

    /// The queue of this id. The queue of a tenant is reported to others as absent.
    fn open(&mut self, id: u32, may: AccessCheck<'_>) -> Result<&mut Queue, QueueError> {
        let queue = self.queue(id)?;
        match &queue.owner {
            owner if may(owner) => Ok(queue),
            Namespace::Named(vm_id) => Err(QueueError::Denied(vm_id.as_ref().into())),
            Namespace::Tenant(_) => Err(QueueError::NotFound),
        }
    }

    fn queue(&mut self, id: u32) -> Result<&mut Queue, QueueError> {
        self.queues.get_mut(&id).ok_or(QueueError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: fn(&Namespace) -> bool = |_| true;

    fn a() -> Namespace {
        Namespace::Named("a".into())
    }

    #[test]
    fn values_come_out_in_order() {
        let queues = SharedQueues::default();
        let id = queues.register(&a(), b"q", 1).unwrap();
        assert_eq!(queues.register(&a(), b"q", 2), Some(id));
        assert_eq!(queues.resolve(&a(), b"q"), Some(id));
        assert_eq!(queues.enqueue(id, b"1".to_vec(), &a(), &ANY), Ok(vec![1, 2]));
        queues.forget(1, &a());
        assert_eq!(queues.enqueue(id, b"2".to_vec(), &a(), &ANY), Ok(vec![2]));
        assert_eq!(queues.dequeue(id, &ANY), Ok(Some(b"1".to_vec())));
        assert_eq!(queues.dequeue(id, &ANY), Ok(Some(b"2".to_vec())));
        assert_eq!(queues.dequeue(id, &ANY), Ok(None));
    }

    #[test]
    fn an_unknown_queue_is_named() {
        let queues = SharedQueues::default();
        assert_eq!(queues.enqueue(0, vec![], &a(), &ANY), Err(QueueError::NotFound));
        assert_eq!(queues.dequeue(9, &ANY), Err(QueueError::NotFound));
        assert_eq!(queues.resolve(&a(), b"q"), None);
    }

    #[test]
    fn a_queue_of_another_is_closed() {
        let queues = SharedQueues::default();
        let id = queues.register(&a(), b"q", 1).unwrap();
        let own = |owner: &Namespace| *owner == Namespace::Named("b".into());
        let denied = || QueueError::Denied("a".into());
        assert_eq!(queues.enqueue(id, vec![], &Namespace::Named("b".into()), &own), Err(denied()));
        assert_eq!(queues.dequeue(id, &own), Err(denied()));
    }

    #[test]
    fn a_queue_is_bounded() {
        let queues = SharedQueues::default();
        let id = queues.register(&a(), b"q", 1).unwrap();
        assert_eq!(queues.enqueue(id, vec![0; CAPACITY], &a(), &ANY), Err(QueueError::Full));
    }

    #[test]
    fn what_one_sender_has_waiting_is_bounded_and_others_have_theirs() {
        let (queues, other) = (SharedQueues::default(), Namespace::Named("b".into()));
        let ids: Vec<u32> = (0..9).map(|name| queues.register(&a(), &[name], 1).unwrap()).collect();
        let quarter = vec![0; a().quota().queued / 4];
        let send = |id: u32, sender: &Namespace| queues.enqueue(id, quarter.clone(), sender, &ANY);
        assert_eq!(ids.iter().take_while(|id| send(**id, &a()).is_ok()).count(), 3);
        // What another one sends into its queues counts against that one.
        assert!(send(ids[0], &other).is_ok());
        queues.dequeue(ids[0], &ANY).unwrap();
        assert!(send(ids[4], &a()).is_ok());
        assert_eq!(send(ids[5], &a()), Err(QueueError::Full));
    }

    #[test]
    fn the_queues_of_one_space_are_bounded_and_others_have_theirs() {
        let queues = SharedQueues::default();
        for space in [a(), Namespace::Tenant(1), Namespace::Tenant(2), Namespace::Named("b".into())]
        {
            let register = |name: usize| queues.register(&space, &name.to_le_bytes(), 1).is_some();
            assert_eq!((0..5000).take_while(|name| register(*name)).count(), space.quota().queues);
        }
    }

    #[test]
    fn a_queue_that_is_refused_counts_for_nothing() {
        let queues = SharedQueues::default();
        queues.lock().last_id = u32::MAX;
        assert_eq!(queues.register(&a(), b"q", 1), None);
        assert_eq!(queues.lock().usage.len(), 0);
    }

    #[test]
    fn a_queue_of_a_tenant_is_its_own_and_goes_with_it() {
        let (queues, tenant) = (SharedQueues::default(), Namespace::Tenant(7));
        let id = queues.register(&tenant, b"q", 1).unwrap();
        queues.enqueue(id, vec![0; 9], &tenant, &|owner| *owner == tenant).unwrap();
        let other = |owner: &Namespace| *owner == Namespace::Tenant(8);
        assert_eq!(queues.dequeue(id, &other), Err(QueueError::NotFound));
        queues.remove(&tenant);
        assert_eq!(queues.resolve(&tenant, b"q"), None);
        let table = queues.lock();
        assert_eq!((table.queues.len(), table.ids.len(), table.usage.len()), (0, 0, 0));
    }

    #[test]
    fn a_name_is_bounded() {
        assert_eq!(SharedQueues::default().register(&a(), &[0; NAME + 1], 1), None);
    }
}
