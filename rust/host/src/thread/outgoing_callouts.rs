//! Callouts for the layer above.
//!
//! A hostcall notes a callout in the instance's [`Calls`]. After the callback it is handed over to
//! the layer above ([`crate::Effects::callouts`]), which performs it and brings the answer with
//! [`crate::deliver`], on the same thread. A callout of a stream is cancelled with the stream, one of
//! a root context (a tick, a start) lives as long as its instance.

use crate::context::callout_routes::{self as routes, Route};
use crate::context::callouts::{Calls, Waiting};
use crate::context::outbox::outbox;
use crate::thread::account;

/// Hands over the callouts that an instance made and cancelled since. Those made in the background count
/// towards its share.
pub(crate) fn hand_over(generation: u64, calls: &mut Calls) {
    let (asked, cancelled) = calls.take_pending();
    for (waiting, callout) in asked {
        let plugin = match waiting {
            Some(Waiting { plugin, number, of_stream }) => {
                routes::add(callout.id, Route { plugin, generation, number, of_stream });
                Some(plugin)
            }
            None => routes::find(callout.id).map(|route| route.plugin),
        };
        match plugin.and_then(account::find) {
            Some(account) if account::runs() || account.holds(callout.id) => account.give(callout),
            _ => outbox(|out| out.callouts.push(callout)),
        }
    }
    cancel(&cancelled);
}

/// Ends callouts that were handed over. Those that the layer above has not got yet are dropped.
pub(crate) fn cancel(ids: &[u64]) {
    for id in ids {
        let account = routes::remove(*id).and_then(|route| account::find(route.plugin));
        let held = account.is_some_and(|account| account.forget(*id));
        outbox(|out| {
            let opens = out.callouts.iter().any(|known| known.id == *id && known.request.opens());
            out.callouts.retain(|callout| callout.id != *id);
            if !(opens || held) {
                out.cancelled.push(*id);
            }
        });
    }
}
