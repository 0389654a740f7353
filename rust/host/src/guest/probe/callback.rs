//! The trace event of a callback.

use std::sync::Arc;
use std::time::Instant;

use crate::context::instance_state::{ContextKind, InstanceState};
use crate::guest::probe::names;
use crate::services::trace::{Ticket, Trace, TraceEvent};
use crate::types::error::Error;

/// A callback's name, and its parameters besides the context.
#[derive(Clone, Copy)]
pub(crate) struct CallbackCall {
    pub(crate) name: &'static str,
    parameters: [Option<(&'static str, u32)>; 2],
}

impl From<&'static str> for CallbackCall {
    fn from(name: &'static str) -> Self {
        Self { name, parameters: [None, None] }
    }
}

impl From<(&'static str, [(&'static str, u32); 1])> for CallbackCall {
    fn from((name, [one]): (&'static str, [(&'static str, u32); 1])) -> Self {
        Self { name, parameters: [Some(one), None] }
    }
}

impl From<(&'static str, [(&'static str, u32); 2])> for CallbackCall {
    fn from((name, [one, other]): (&'static str, [(&'static str, u32); 2])) -> Self {
        Self { name, parameters: [Some(one), Some(other)] }
    }
}

/// A traced callback in progress.
pub(crate) struct CallbackSpan {
    ticket: Option<Ticket>,
    began: Instant,
}

impl CallbackSpan {
    /// Adds the event, before those of the hostcalls that the callback makes.
    #[cold]
    pub(crate) fn begin(env: &InstanceState, called: CallbackCall, context: u32) -> Self {
        let shown = |(name, value): &(&'static str, u32)| {
            let value = if *name == "end" { (*value != 0).to_string() } else { value.to_string() };
            (*name, value)
        };
        let stream = match env.contexts.get(&context) {
            Some(ContextKind::Stream { key, .. }) => Some(*key),
            _ => None,
        };
        let ticket = env.core.services.trace().add(TraceEvent {
            hostcall: false,
            policy: Arc::clone(&env.core.name),
            stream,
            context,
            name: called.name.to_owned(),
            arguments: called.parameters.iter().flatten().map(shown).collect(),
            results: Vec::new(),
            outcome: String::new(),
            reason: None,
            fuel: 0,
            nanoseconds: 0,
        });
        Self { ticket, began: Instant::now() }
    }

    /// Completes the event with the callback's result.
    #[cold]
    pub(crate) fn end(
        self,
        trace: &Trace,
        name: &str,
        fuel: u64,
        answer: &Result<Option<i32>, Error>,
    ) {
        let nanoseconds = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let Some(ticket) = self.ticket else { return };
        trace.complete(ticket, |event| {
            event.fuel = fuel;
            event.nanoseconds = nanoseconds;
            match answer {
                Ok(answer) => {
                    let told = answer.map(|number| names::answer(name, number));
                    event.outcome = told.unwrap_or_default();
                }
                Err(error) => {
                    event.outcome = "failed".into();
                    event.reason = Some(error.to_string());
                }
            }
        });
    }
}
