//! First-in-first-out queues shared by policies (proxy-wasm/spec, "Shared Queue").

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Queues of one host; more are refused.
const QUEUES: usize = 1024;
/// Bytes that wait in one queue; more are refused.
const CAPACITY: usize = 16 << 20;

/// All queues of a host, by policy and name.
#[derive(Default)]
pub(crate) struct SharedQueues {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    ids: HashMap<(String, Vec<u8>), u32>,
    queues: Vec<Queue>,
}

#[derive(Default)]
struct Queue {
    values: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The plugins (by id) that registered it and are told when a value arrives.
    listeners: Vec<u64>,
}

/// A queue that is not there, or is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    Full,
}

impl SharedQueues {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes or opens the queue and notes `plugin` as its listener; `None` past the bound.
    pub(crate) fn register(&self, vm_id: &str, name: &[u8], plugin: u64) -> Option<u32> {
        let mut table = self.lock();
        let key = (vm_id.to_owned(), name.to_vec());
        let id = match table.ids.get(&key) {
            Some(id) => *id,
            None if table.queues.len() >= QUEUES => return None,
            None => {
                table.queues.push(Queue::default());
                let id = u32::try_from(table.queues.len()).ok()?;
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
    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Option<u32> {
        self.lock().ids.get(&(vm_id.to_owned(), name.to_vec())).copied()
    }

    /// Appends a value; the answer is the plugins to tell.
    pub(crate) fn enqueue(&self, id: u32, value: Vec<u8>) -> Result<Vec<u64>, Refusal> {
        let mut table = self.lock();
        let queue = table.queue(id)?;
        // An empty value takes room too, or a loop could queue without end.
        let cost = value.len() + std::mem::size_of::<Vec<u8>>();
        if queue.bytes + cost > CAPACITY {
            return Err(Refusal::Full);
        }
        queue.bytes += cost;
        queue.values.push_back(value);
        Ok(queue.listeners.clone())
    }

    /// Takes the oldest value; `Ok(None)` when the queue is empty.
    pub(crate) fn dequeue(&self, id: u32) -> Result<Option<Vec<u8>>, Refusal> {
        let mut table = self.lock();
        let queue = table.queue(id)?;
        let value = queue.values.pop_front();
        if let Some(value) = &value {
            queue.bytes -= value.len() + std::mem::size_of::<Vec<u8>>();
        }
        Ok(value)
    }

    /// Forgets a plugin that is gone.
    pub(crate) fn forget(&self, plugin: u64) {
        for queue in &mut self.lock().queues {
            queue.listeners.retain(|listener| *listener != plugin);
        }
    }
}

impl Table {
    fn queue(&mut self, id: u32) -> Result<&mut Queue, Refusal> {
        let index = (id as usize).checked_sub(1).ok_or(Refusal::NotFound)?;
        self.queues.get_mut(index).ok_or(Refusal::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_out_in_order() {
        let queues = SharedQueues::default();
        let id = queues.register("a", b"q", 1).unwrap();
        assert_eq!(queues.register("a", b"q", 2), Some(id));
        assert_eq!(queues.resolve("a", b"q"), Some(id));
        assert_eq!(queues.enqueue(id, b"1".to_vec()), Ok(vec![1, 2]));
        queues.forget(1);
        assert_eq!(queues.enqueue(id, b"2".to_vec()), Ok(vec![2]));
        assert_eq!(queues.dequeue(id), Ok(Some(b"1".to_vec())));
        assert_eq!(queues.dequeue(id), Ok(Some(b"2".to_vec())));
        assert_eq!(queues.dequeue(id), Ok(None));
    }

    #[test]
    fn an_unknown_queue_is_named() {
        let queues = SharedQueues::default();
        assert_eq!(queues.enqueue(0, vec![]), Err(Refusal::NotFound));
        assert_eq!(queues.dequeue(9), Err(Refusal::NotFound));
        assert_eq!(queues.resolve("a", b"q"), None);
    }

    #[test]
    fn a_queue_is_bounded() {
        let queues = SharedQueues::default();
        let id = queues.register("a", b"q", 1).unwrap();
        assert_eq!(queues.enqueue(id, vec![0; CAPACITY]), Err(Refusal::Full));
    }
}
