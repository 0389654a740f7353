//! One hostcall as an event.

use std::sync::Arc;
use std::time::Instant;

use super::arguments::{Border, Parameter};
use super::{TraceEvent, words};
use crate::guest::{Answer, Fault, Guest};

/// Performs a hostcall; if the guest is traced, its event tells what went in and out.
#[inline]
pub(crate) fn hostcall<const N: usize>(
    guest: &mut Guest<'_>,
    function: &'static str,
    parameters: impl FnOnce() -> [Parameter; N],
    mut call: impl FnMut(&mut Guest<'_>) -> Answer,
) -> Answer {
    if !guest.env.traced {
        return call(guest);
    }
    traced(guest, function, &parameters(), &mut call)
}

/// The same for a function that has nothing behind it: the errno it answers, if any.
pub(crate) fn unsupported(
    guest: &mut Guest<'_>,
    function: &str,
    call: impl FnOnce(&mut Guest<'_>) -> Option<i32>,
) -> Option<i32> {
    if !guest.env.traced {
        return call(guest);
    }
    let mut errno = None;
    // It answers in its own way; the trace takes the number for a refusal unless it is 0.
    let mut call = Some(call);
    let _ = traced(guest, function, &[], &mut |guest| {
        errno = call.take().and_then(|call| call(guest));
        match errno {
            Some(0) => Ok(()),
            number => Err(Fault::Errno(number.unwrap_or_default())),
        }
    });
    errno
}

#[cold]
fn traced(
    guest: &mut Guest<'_>,
    function: &str,
    parameters: &[Parameter],
    call: &mut dyn FnMut(&mut Guest<'_>) -> Answer,
) -> Answer {
    let core = Arc::clone(&guest.env.core);
    let trace = core.host.trace();
    let border = Border { function, parameters, limits: trace.limits() };
    let arguments = border.given(guest);
    let (context, stream) = (guest.env.effective, guest.env.stream().map(|(key, _)| key));
    let (fuel, began) = (guest.fuel_left(), Instant::now());
    guest.env.remark = None;
    let answer = call(guest);
    let took = began.elapsed();
    let used = fuel.saturating_sub(guest.fuel_left());
    let outcome = words::status(&answer);
    let refused = answer.is_err();
    let reason = guest.env.remark.take().or_else(|| words::meaning(&outcome).map(str::to_owned));
    trace.add(TraceEvent {
        hostcall: true,
        policy: Arc::clone(&core.name),
        stream,
        context,
        name: function.to_owned(),
        arguments,
        results: if refused { Vec::new() } else { border.got(guest) },
        outcome,
        reason,
        fuel: used,
        nanoseconds: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
    });
    answer
}
