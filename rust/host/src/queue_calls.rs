//! Which plugins of this thread are to be told of values in which queues, and how often.
//!
//! A plugin is told once for each value (proxy-wasm/spec, `proxy_on_queue_ready`), and again while a
//! queue that it takes values from is not empty. What does not fit into a step, or has no listener
//! yet, waits for the loop's next turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::Host;
use crate::ids::IdMap;
use crate::instances::{self, Slot, outbox};

/// A plugin and a queue.
pub(crate) type Key = (u64, u32);

/// How often whom: a number for each plugin and queue, so a flood of values takes no more room.
#[derive(Default)]
pub(crate) struct QueueCalls {
    owed: IdMap<u64, Owed>,
    /// In this order: what the running step brought,
    fresh: VecDeque<Key>,
    /// and since when what waits for the loop's next turn.
    late: VecDeque<(Instant, Key)>,
}

/// What is owed to one plugin.
struct Owed {
    host: Host,
    queues: IdMap<u32, u64>,
}

impl QueueCalls {
    /// A value came.
    pub(crate) fn add(&mut self, host: &Host, plugin: u64, queue: u32) {
        self.owe(host, plugin, queue, |owed| owed.saturating_add(1));
    }

    /// So many values are there already.
    pub(crate) fn at_least(&mut self, host: &Host, plugin: u64, queue: u32, values: usize) {
        if values > 0 {
            self.owe(host, plugin, queue, |owed| owed.max(values as u64));
        }
    }

    fn owe(&mut self, host: &Host, plugin: u64, queue: u32, count: impl FnOnce(u64) -> u64) {
        let made = || Owed { host: host.clone(), queues: IdMap::default() };
        let owed = self.owed.entry(plugin).or_insert_with(made).queues.entry(queue).or_default();
        if *owed == 0 {
            self.fresh.push_back((plugin, queue));
        }
        *owed = count(*owed);
    }

    /// One of them is told now; whether there are more of the same.
    fn take(&mut self, (plugin, queue): Key) -> bool {
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

    fn wait_for_turn(&mut self, key: Key) {
        let Some(its) = self.owed.get(&key.0) else { return };
        self.late.push_back((its.host.clock().now(), key));
    }

    /// Whether the plugin still listens; one that is gone is owed nothing.
    fn stands(&mut self, (plugin, queue): Key) -> bool {
        let listens = |its: &Owed| its.host.queues().listens(queue, plugin);
        let stands = self.owed.get(&plugin).is_some_and(listens);
        if !stands {
            self.owed.remove(&plugin);
        }
        stands
    }
}

/// Tells plugins of the values that this step brought. What is queued meanwhile comes with a later
/// step: two policies cannot play ping-pong within one.
#[inline]
pub(crate) fn deliver() {
    let fresh = outbox(|out| std::mem::take(&mut out.queues.fresh));
    if !fresh.is_empty() {
        deliver_all(fresh);
    }
}

#[cold]
fn deliver_all(mut waiting: VecDeque<Key>) {
    while let Some(key) = waiting.pop_front() {
        match instances::known(key.0).upgrade().filter(|slot| slot.is_there()) {
            Some(slot) if slot.may_run() => {
                if outbox(|out| out.queues.take(key)) {
                    waiting.push_back(key);
                }
                tell(&slot, key.1);
            }
            // It waits for its share, or for its listener.
            slot => {
                slot.inspect(|slot| slot.put_off(1));
                outbox(|out| out.queues.wait_for_turn(key));
            }
        }
    }
    outbox(|out| out.timers |= !(out.queues.late.is_empty() && out.queues.fresh.is_empty()));
}

/// What waits for the loop's next turn, and since when; what the steps before left, too.
pub(crate) fn late() -> Vec<(Instant, Key)> {
    outbox(|out| {
        let queues = &mut out.queues;
        let fresh = std::mem::take(&mut queues.fresh);
        for key in fresh {
            queues.wait_for_turn(key);
        }
        let mut late = std::mem::take(&mut queues.late);
        late.retain(|(_, key)| queues.stands(*key));
        queues.late = late;
        queues.late.iter().copied().collect()
    })
}

/// Tells a plugin that waited for its turn, if it may run; whether it did.
pub(crate) fn tell_late(key: Key) -> bool {
    let slot = instances::known(key.0).upgrade().filter(|slot| slot.is_there());
    let Some(slot) = slot.filter(|slot| slot.may_run()) else { return false };
    outbox(|out| {
        out.queues.late.retain(|(_, late)| *late != key);
        if out.queues.take(key) {
            out.queues.wait_for_turn(key);
        }
    });
    tell(&slot, key.1);
    true
}

/// How long until something can be told that could not be yet; nothing where that is for others to
/// say.
pub(crate) fn wait(own: impl Fn(&Slot) -> bool) -> Option<Duration> {
    let waiting: Vec<u64> = outbox(|out| {
        let late = out.queues.late.iter().map(|(_, key)| key);
        late.chain(&out.queues.fresh).map(|(plugin, _)| *plugin).collect()
    });
    let there = |plugin: u64| instances::known(plugin).upgrade().filter(|slot| slot.is_there());
    let slots = waiting.into_iter().filter_map(there).filter(|slot| own(slot));
    slots.map(|slot| slot.account().wait()).min()
}

fn tell(slot: &Slot, queue: u32) {
    let (host, plugin) = (&slot.core().host, slot.core().id);
    let taken = host.queues().taken(queue);
    // How it failed is in the outbox; there is no stream to answer.
    let _ = slot.in_background(|instance| instance.on_queue_ready(queue));
    // A guest that takes one at a time is told while there are more.
    if host.queues().taken(queue) != taken {
        let more = host.queues().len(queue).min(1);
        outbox(|out| out.queues.at_least(host, plugin, queue, more));
    }
}
