//! A turn of the loop: what is due in the background of this thread, the oldest first.

use std::cmp::Reverse;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::context::queue_calls::Key;
use crate::thread::account::Released;
use crate::thread::plugin_slot::PluginSlot;
use crate::thread::{callouts, queue_calls};

/// Something that is due.
enum Due<'a> {
    Tick(&'a PluginSlot),
    Ending(&'a PluginSlot),
    Queue(Key),
}

impl Due<'_> {
    /// Runs one callback, if it may run now; whether it did.
    fn run(&self) -> bool {
        match self {
            Self::Tick(slot) => slot.tick(),
            Self::Ending(slot) => slot.end_one(),
            Self::Queue(key) => queue_calls::tell_late(*key),
        }
    }
}

/// Runs what is due for `slots`, and all that queues are to be told, as far as the step and the
/// policies' shares allow; how long it is until the next turn of those that are `own`.
pub(crate) fn turn(
    slots: &[Rc<PluginSlot>],
    own: impl Fn(&PluginSlot) -> bool,
) -> Option<Duration> {
    loop {
        let mut due = due(slots);
        due.sort_by_key(|(since, _)| Reverse(*since));
        let mut ran = false;
        for slot in slots {
            match slot.release_one() {
                Some(Released::Answer(callout, answer)) => callouts::bring(callout, answer),
                Some(Released::Callout) => {}
                None => continue,
            }
            ran = true;
        }
        while let Some((_, next)) = due.pop() {
            ran |= next.run();
        }
        if !ran {
            break;
        }
    }
    queue_calls::deliver();
    let waits = slots.iter().filter(|slot| own(slot)).filter_map(|slot| slot.wait());
    waits.chain(queue_calls::wait(&own)).min()
}

fn due(slots: &[Rc<PluginSlot>]) -> Vec<(Instant, Due<'_>)> {
    let ticks = slots.iter().filter_map(|slot| Some((slot.tick_is_due()?, Due::Tick(slot))));
    let endings = slots.iter().filter_map(|slot| Some((slot.ends_since()?, Due::Ending(slot))));
    let queues = queue_calls::late().into_iter().map(|(since, key)| (since, Due::Queue(key)));
    ticks.chain(endings).chain(queues).collect()
}
