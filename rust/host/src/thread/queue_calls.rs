//! Tells plugins of this thread of values in queues.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::context::outbox::outbox;
use crate::context::queue_calls::Key;
use crate::thread::plugin_slot::PluginSlot;
use crate::thread::slots;

/// Tells plugins of the values that this step brought. What is queued meanwhile comes with a later
/// step: two policies cannot play ping-pong within one.
#[inline]
pub(crate) fn deliver() {
    let fresh = outbox(|out| out.queues.take_fresh());
    if !fresh.is_empty() {
        deliver_all(fresh);
    }
}

#[cold]
fn deliver_all(mut waiting: VecDeque<Key>) {
    while let Some(key) = waiting.pop_front() {
        match slots::find(key.0).filter(|slot| slot.is_there()) {
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
    outbox(|out| out.timers |= !out.queues.is_empty());
}

/// What waits for the loop's next turn, and since when.
pub(crate) fn late() -> Vec<(Instant, Key)> {
    outbox(|out| out.queues.late())
}

/// Runs the deferred callback of a plugin, if it may run; returns whether it did.
pub(crate) fn tell_late(key: Key) -> bool {
    let slot = slots::find(key.0).filter(|slot| slot.is_there());
    let Some(slot) = slot.filter(|slot| slot.may_run()) else { return false };
    outbox(|out| out.queues.take_late(key));
    tell(&slot, key.1);
    true
}

/// How long until a deferred callback can run; none if another part of the thread
/// decides that.
pub(crate) fn wait(own: impl Fn(&PluginSlot) -> bool) -> Option<Duration> {
    let waiting = outbox(|out| out.queues.plugins());
    let there = |plugin: u64| slots::find(plugin).filter(|slot| slot.is_there());
    let slots = waiting.into_iter().filter_map(there).filter(|slot| own(slot));
    slots.map(|slot| slot.account().wait()).min()
}

fn tell(slot: &PluginSlot, queue: u32) {
    let (services, plugin) = (&slot.core().services, slot.core().id);
    let taken = services.queues().taken(queue);
    // How it failed is in the outbox; there is no stream to answer.
    let _ = slot.in_background(|instance| instance.on_queue_ready(queue));
    // A guest that dequeues one value in a callback gets callbacks while the queue has more.
    if services.queues().taken(queue) != taken {
        let more = services.queues().len(queue).min(1);
        outbox(|out| out.queues.at_least(services, plugin, queue, more));
    }
}
