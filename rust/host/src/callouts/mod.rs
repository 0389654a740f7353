//! Callouts: what policies ask of others, and how the answers come back.
//!
//! A hostcall notes a callout in the instance's [`Calls`]. After the callback it is handed over to
//! the layer above ([`crate::Effects::callouts`]), which performs it and brings the answer with
//! [`deliver`], on the same thread. A callout of a stream is cancelled with the stream, one of a root
//! context (a tick, a start) lives as long as its instance.

pub(crate) mod asking;
mod delivery;
mod pending;
mod request;
mod routes;

pub(crate) use delivery::{Delivery, Told};
pub(crate) use pending::{Calls, Ended, Kind};
pub use request::{Callout, CalloutAnswer, CalloutRequest, GrpcMethod, Login};
pub(crate) use routes::{cancel, hand_over};

use crate::guest::{Fault, Guest};
use crate::instance::Instance;
use crate::{Effects, Error, foreign, instances, queue_calls, step};

/// Brings the answer of a callout to the policy that asked, and says what it asks now. Ids that are
/// gone (answered, cancelled, or of another thread) and answers of another kind are ignored.
///
/// # Errors
/// [`Error::Busy`].
pub fn deliver(id: u64, answer: CalloutAnswer) -> Result<Effects, Error> {
    if foreign::busy() {
        return Err(Error::Busy);
    }
    step::begin();
    match routes::find(id).and_then(|route| Some((route.of_stream, route.slot()?))) {
        Some((false, slot)) => slot.account().answer(id, answer),
        _ => bring(id, answer),
    }
    queue_calls::deliver();
    Ok(instances::take_effects())
}

/// Brings an answer whose turn has come.
pub(crate) fn bring(id: u64, answer: CalloutAnswer) {
    let Some(route) = routes::find(id) else { return };
    let outcome = route.slot().map(|slot| {
        let told = |instance: &mut Instance| instance.deliver(route.number, answer);
        if route.of_stream {
            slot.call(route.generation, told)
        } else {
            slot.account().run(|| slot.call(route.generation, told))
        }
    });
    // A crash is in the outbox; there is no stream to answer.
    if !matches!(outcome, Some(Ok(false))) {
        routes::forget(id);
    }
}

/// How many callouts of this thread wait for an answer.
#[must_use]
pub fn pending_callouts() -> usize {
    routes::count()
}

/// Calls a foreign function of the capabilities that answers later, in
/// `proxy_on_foreign_function`. The result is the number of the call, as 4 bytes, little-endian: the
/// callback's `function_id`.
pub(crate) fn call_foreign(
    guest: &mut Guest<'_>,
    name: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, Fault> {
    let request = CalloutRequest::Foreign { name: name.to_owned(), arguments: arguments.to_vec() };
    let number = asking::open(guest, Kind::Foreign, request)?;
    Ok(number.to_le_bytes().to_vec())
}
