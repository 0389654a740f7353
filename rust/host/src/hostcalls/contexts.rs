//! Contexts.

use crate::abi::enums::Status;
use crate::guest::memory::{Answer, Guest};

/// `proxy_set_effective_context`: a context of the same VM; its plugin becomes the effective one.
pub(super) fn set_effective(guest: &mut Guest<'_>, context: u32) -> Answer {
    if guest.env.act_on(context) { Ok(()) } else { Err(Status::BadArgument.into()) }
}

/// `proxy_done`: the effective context may be deleted.
pub(super) fn done(guest: &mut Guest<'_>) -> Answer {
    let context = guest.env.effective;
    let ending = guest.env.current == context && guest.env.ending;
    guest.charge((guest.env.awaiting_done.len() + guest.env.finished.len()) as u64 / 4)?;
    let awaiting_done =
        guest.env.awaiting_done.iter().position(|awaiting_done| *awaiting_done == context);
    if let Some(place) = awaiting_done {
        guest.env.awaiting_done.swap_remove(place);
    } else if !ending {
        return Err(Status::NotFound.into());
    }
    if !guest.env.finished.contains(&context) {
        guest.env.finished.push(context);
    }
    Ok(())
}
