//! Contexts.

use crate::abi::Status;
use crate::guest::{Answer, Guest};

/// `proxy_set_effective_context`: of the same VM only.
pub(super) fn set_effective(guest: &mut Guest<'_>, context: u32) -> Answer {
    if !guest.env.contexts.contains_key(&context) {
        return Err(Status::BadArgument.into());
    }
    guest.env.effective = context;
    Ok(())
}

/// `proxy_done`: the effective context has nothing left to do.
pub(super) fn done(guest: &mut Guest<'_>) -> Answer {
    let context = guest.env.effective;
    let ending = guest.env.current == context && guest.env.ending;
    let parked = guest.env.parked.iter().position(|parked| *parked == context);
    if let Some(place) = parked {
        guest.env.parked.swap_remove(place);
    } else if !ending {
        return Err(Status::NotFound.into());
    }
    guest.env.finished.push(context);
    Ok(())
}
