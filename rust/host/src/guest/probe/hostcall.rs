//! The trace event of a hostcall.

use std::sync::Arc;
use std::time::Instant;

use crate::guest::memory::{Answer, Fault, Guest};
use crate::guest::probe::arguments::{Arguments, Parameter};
use crate::guest::probe::names;
use crate::plugin::core::PluginCore;
use crate::services::trace::TraceEvent;

/// Performs a hostcall; if the guest is traced, an event records its arguments and results.
#[inline]
pub(crate) fn hostcall<const N: usize>(
    guest: &mut Guest<'_>,
    function: &'static str,
    parameters: impl FnOnce() -> [Parameter; N],
    call: impl FnOnce(&mut Guest<'_>) -> Answer,
) -> Answer {
    let traced = guest.env.traced;
    let seen =
        if traced { Some(HostcallSpan::begin(guest, function, &parameters())) } else { None };
    let answer = call(guest);
    match seen {
        None => answer,
        Some(seen) => seen.end(guest, answer),
    }
}

/// The same for an unsupported function; returns its errno, if it has one.
pub(crate) fn unsupported(
    guest: &mut Guest<'_>,
    function: &str,
    call: impl FnOnce(&mut Guest<'_>) -> Option<i32>,
) -> Option<i32> {
    let seen = guest.env.traced.then(|| HostcallSpan::begin(guest, function, &[]));
    let errno = call(guest);
    if let Some(seen) = seen {
        // Its result is not a status; the trace shows any number but 0 as an error.
        let _ = seen.end(
            guest,
            match errno {
                Some(0) => Ok(()),
                number => Err(Fault::Errno(number.unwrap_or_default())),
            },
        );
    }
    errno
}

/// A traced hostcall in progress; boxed, so that an untraced one only carries a null pointer.
struct HostcallSpan(Box<Running>);

struct Running {
    core: Arc<PluginCore>,
    function: String,
    parameters: Vec<Parameter>,
    arguments: Vec<(&'static str, String)>,
    context: u32,
    stream: Option<u64>,
    fuel: u64,
    began: Instant,
}

impl HostcallSpan {
    #[cold]
    fn begin(guest: &mut Guest<'_>, function: &str, parameters: &[Parameter]) -> Self {
        let core = Arc::clone(&guest.env.core);
        let limits = core.services.trace().limits();
        let arguments = Arguments { parameters, limits }.given(guest);
        let (context, stream) = (guest.env.effective, guest.env.stream().map(|(key, _)| key));
        guest.env.reason = None;
        Self(Box::new(Running {
            core,
            function: function.to_owned(),
            parameters: parameters.to_vec(),
            arguments,
            context,
            stream,
            fuel: guest.fuel_left(),
            began: Instant::now(),
        }))
    }

    #[cold]
    fn end(self, guest: &mut Guest<'_>, answer: Answer) -> Answer {
        let Running { core, function, parameters, arguments, context, stream, fuel, began } =
            *self.0;
        let took = began.elapsed();
        let used = fuel.saturating_sub(guest.fuel_left());
        let trace = core.services.trace();
        let limits = trace.limits();
        let arguments_of = Arguments { parameters: &parameters, limits };
        let results = if answer.is_err() { Vec::new() } else { arguments_of.got(guest) };
        let outcome = names::status(&answer);
        let reason = guest.env.reason.take();
        let reason = reason.or_else(|| names::meaning(&outcome).map(str::to_owned));
        trace.add(TraceEvent {
            hostcall: true,
            policy: Arc::clone(&core.name),
            stream,
            context,
            name: function,
            arguments,
            results,
            outcome,
            reason,
            fuel: used,
            nanoseconds: u64::try_from(took.as_nanos()).unwrap_or(u64::MAX),
        });
        answer
    }
}
