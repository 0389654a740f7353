//! Due callbacks for values in queues: their plugins on this thread, their queues, and their number.
//!
//! A plugin gets one callback for each value (proxy-wasm/spec, `proxy_on_queue_ready`), and more while a
//! queue from which it dequeues is not empty. A callback that exceeds the step's budget, or whose plugin
//! has no instance yet, is deferred to the loop's next turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::services::Services;
use crate::types::ids::IdMap;

/// A plugin and a queue.
pub(crate) type Key = (u64, u32);

/// One counter for each plugin and queue, so a flood of values takes no more memory.
#[derive(Default)]
pub(crate) struct QueueCalls {
    owed: IdMap<u64, Owed>,
    /// In the order of arrival: callbacks that the running step caused,
    fresh: VecDeque<Key>,
    /// and callbacks that are deferred to the loop's next turn, with the time of their deferral.
    late: VecDeque<(Instant, Key)>,
}

/// The due callbacks of one plugin.
struct Owed {
    services: Arc<Services>,
    queues: IdMap<u32, u64>,
}

impl QueueCalls {
    /// Records a callback for a new value.
    pub(crate) fn add(&mut self, services: &Arc<Services>, plugin: u64, queue: u32) {
        self.owe(services, plugin, queue, |owed| owed.saturating_add(1));
    }

    /// Records callbacks for the values that are already in the queue.
    pub(crate) fn at_least(
        &mut self,
        services: &Arc<Services>,
        plugin: u64,
        queue: u32,
        values: usize,
    ) {
        if values > 0 {
            self.owe(services, plugin, queue, |owed| owed.max(values as u64));
        }
    }

    fn owe(
        &mut self,
        services: &Arc<Services>,
        plugin: u64,
        queue: u32,
        count: impl FnOnce(u64) -> u64,
    ) {
        let made = || Owed { services: Arc::clone(services), queues: IdMap::default() };
        let owed = self.owed.entry(plugin).or_insert_with(made).queues.entry(queue).or_default();
        if *owed == 0 {
            self.fresh.push_back((plugin, queue));
        }
        *owed = count(*owed);
    }

    /// Removes a callback that runs now; returns whether more of the same are due.
    pub(crate) fn take(&mut self, (plugin, queue): Key) -> bool {
        let Some(its) = self.owed.get_mut(&plugin) else { return false };
        let Some(owed) = its.queues.get_mut(&queue) else { return false };
        *owed = owed.saturating_sub(1);
        if *owed > 0 {
            return true;
        }
        its.queues.remove(&queue);
        if its.queues.is_empty() {
            self.owed.remove(&plugin);
        }
        false
    }

    pub(crate) fn wait_for_turn(&mut self, key: Key) {
        let Some(its) = self.owed.get(&key.0) else { return };
        self.late.push_back((its.services.clock().now(), key));
    }

    /// Whether the plugin still listens; a plugin that has ended gets no callbacks.
    fn stands(&mut self, (plugin, queue): Key) -> bool {
        let listens = |its: &Owed| its.services.queues().listens(queue, plugin);
        let stands = self.owed.get(&plugin).is_some_and(listens);
        if !stands {
            self.owed.remove(&plugin);
        }
        stands
    }

    /// Takes the callbacks that the running step caused.
    pub(crate) fn take_fresh(&mut self) -> VecDeque<Key> {
        std::mem::take(&mut self.fresh)
    }

    /// Whether no callback is due.
    pub(crate) fn is_empty(&self) -> bool {
        self.late.is_empty() && self.fresh.is_empty()
    }

    /// The deferred callbacks with the time of their deferral, including those that the last steps left.
    pub(crate) fn late(&mut self) -> Vec<(Instant, Key)> {
        for key in self.take_fresh() {
            self.wait_for_turn(key);
        }
        let mut late = std::mem::take(&mut self.late);
        late.retain(|(_, key)| self.stands(*key));
        self.late = late;
        self.late.iter().copied().collect()
    }

    /// Removes a deferred callback; if more of the same are due, they are deferred again.
    pub(crate) fn take_late(&mut self, key: Key) {
        self.late.retain(|(_, late)| *late != key);
        if self.take(key) {
            self.wait_for_turn(key);
        }
    }

    /// The plugins with due callbacks.
    pub(crate) fn plugins(&self) -> Vec<u64> {
        let late = self.late.iter().map(|(_, key)| key);
        late.chain(&self.fresh).map(|(plugin, _)| *plugin).collect()
    }
}
