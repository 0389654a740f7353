//! Delivery of responses to the policies that made the callouts.

use crate::context::callout_routes as routes;
use crate::context::outbox::take_effects;
use crate::context::{reentrancy, step};
use crate::instance::Instance;
use crate::thread::{account, queue_calls, slots};
use crate::types::callout::CalloutAnswer;
use crate::types::effects::Effects;
use crate::types::error::Error;

/// Delivers the response of a callout to its policy, and returns the effects. Ids that are
/// closed (answered, cancelled, or of another thread) and responses of another kind are ignored.
///
/// # Errors
/// [`Error::Busy`].
pub fn deliver(id: u64, answer: CalloutAnswer) -> Result<Effects, Error> {
    reentrancy::can_move()?;
    step::begin();
    let background = routes::find(id).filter(|route| !route.of_stream);
    let answer = match background.and_then(|route| account::find(route.plugin)) {
        Some(account) => account.hold(id, answer),
        None => Some(answer),
    };
    if let Some(answer) = answer {
        bring(id, answer);
    }
    queue_calls::deliver();
    Ok(take_effects())
}

/// Delivers a response that waited for its turn.
pub(crate) fn bring(id: u64, answer: CalloutAnswer) {
    let Some(route) = routes::find(id) else { return };
    let outcome = slots::find(route.plugin).map(|slot| {
        let told = |instance: &mut Instance| instance.deliver(route.number, answer);
        if route.of_stream {
            slot.call(route.generation, told)
        } else {
            slot.account().run(|| slot.call(route.generation, told))
        }
    });
    // A crash is in the outbox; there is no stream to answer.
    if !matches!(outcome, Some(Ok(false))) {
        routes::remove(id);
    }
}

/// Whether a callout of this thread waits for a response.
#[must_use]
pub fn is_pending(callout: u64) -> bool {
    routes::find(callout).is_some()
}

/// The number of callouts of this thread that wait for a response.
#[must_use]
pub fn pending_callouts() -> usize {
    routes::count()
}
