//! Callbacks: the budget of each, its statistics and trace, and how it failed.

use std::sync::Arc;

use wasmer::RuntimeError;

use crate::context::instance_state::InstanceState;
use crate::context::step;
use crate::guest::probe::callback::{CallbackCall, CallbackSpan};
use crate::instance::Instance;
use crate::plugin::core::PluginCore;
use crate::services::statistics::{Failure, Running, Tally};
use crate::types::error::Error;
use crate::wasm::backtrace::backtrace;
use crate::wasm::border::call::{Call, Next};
use crate::wasm::border::instance::WasmInstance;
use crate::wasm::border::parts::Gauges;
use crate::wasm::fuel::Cause;
use crate::wasm::signals;

/// Units that a callback which does nothing costs: those of its one operator.
const IDLE: u64 = 1;

/// A callback that is due.
#[derive(Clone, Copy)]
pub(super) struct Callback {
    called: CallbackCall,
    context: u32,
    call: Call,
    is_last: bool,
}

impl Callback {
    pub(super) fn new(called: impl Into<CallbackCall>, context: u32, call: Call) -> Self {
        Self { called: called.into(), context, call, is_last: false }
    }

    /// The last one of its step: no further one is requested.
    pub(super) fn last(self) -> Self {
        Self { is_last: true, ..self }
    }
}

/// A callback that runs.
struct Watched {
    name: &'static str,
    running: Running,
    span: Option<CallbackSpan>,
}

/// The parts of an instance that callbacks use; the other parts decide which callbacks are due.
pub(super) struct Runner<'a> {
    pub(super) guest: &'a mut WasmInstance<InstanceState>,
    pub(super) core: &'a Arc<PluginCore>,
    pub(super) tally: &'a mut Tally,
    pub(super) owed: &'a mut u64,
    pub(super) has_pending: &'a mut bool,
    /// The budget of each callback.
    pub(super) fuel: u64,
}

impl Runner<'_> {
    /// Runs callbacks one after the other, each with its own fuel; `next` names them, gets the result of the
    /// one before, and may change the state between two. Returns the result of the last one.
    #[inline]
    pub(super) fn run(
        &mut self,
        mut next: impl FnMut(&mut InstanceState, Option<i32>) -> Option<Callback>,
    ) -> Result<Option<i32>, Error> {
        let Self { guest, core, tally, owed, fuel, .. } = self;
        let mut watched: Option<Watched> = None;
        // The result of the last callback, if that was one that does nothing.
        let mut idle = None;
        let outcome = signals::in_guest(|| {
            guest.step(|state, gauges, mut answer| {
                loop {
                    if let Some(watched) = watched.take() {
                        watched.end(state, gauges, (core, tally, *fuel), &Ok(answer));
                    }
                    let Some(callback) = next(state, answer) else { return Next::Stop };
                    gauges.meter().refill(fuel.saturating_sub(std::mem::take(*owed)));
                    watched = Some(Watched::begin(state, tally, callback));
                    let Callback { call, is_last, .. } = callback;
                    match call.idle() {
                        None if is_last => return Next::Last(call),
                        None => return Next::Call(call),
                        // It is not called; everything else is done as if it were.
                        Some(does) => {
                            answer = does.answer();
                            let _ = gauges.meter().charge(IDLE);
                            if is_last {
                                idle = Some(answer);
                                return Next::Stop;
                            }
                        }
                    }
                }
            })
        });
        let Some(watched) = watched else {
            *self.has_pending = self.guest.state().has_pending();
            return Ok(None);
        };
        let outcome = outcome.map(|answer| idle.unwrap_or(answer));
        let outcome = outcome.map_err(|trap| self.failure(watched.name, &trap));
        let (state, gauges) = self.guest.state_and_gauges();
        watched.end(state, gauges, (self.core, self.tally, self.fuel), &outcome);
        *self.has_pending = self.guest.state().has_pending();
        outcome
    }

    fn failure(&mut self, callback: &'static str, trap: &RuntimeError) -> Error {
        let (fuel, module) = (self.fuel, &self.core.module);
        let symbols = &self.core.spec.symbols;
        let frames = backtrace(trap, |function| symbols.name(module.digest(), function));
        let (failure, error) = match self.guest.gauges().meter().cause() {
            Cause::Fuel => (Failure::Fuel, Error::OutOfFuel { callback, fuel, frames }),
            Cause::Memory => {
                let memory = self.core.spec.limits.memory;
                (Failure::Memory, Error::OutOfMemory { callback, memory, frames })
            }
            Cause::None => {
                let logs = std::mem::take(&mut self.guest.state_mut().warnings);
                let reason = trap.message();
                (Failure::Trap, Error::Trap { callback, reason, logs, frames })
            }
        };
        self.tally.hand_over(self.guest.gauges().memory_size());
        self.tally.shared().failed(failure);
        error
    }
}

impl Watched {
    #[inline]
    fn begin(state: &mut InstanceState, tally: &mut Tally, callback: Callback) -> Self {
        let Callback { called, context, .. } = callback;
        state.enter(context);
        let span = state.traced.then(|| CallbackSpan::begin(state, called, context));
        Self { name: called.name, running: tally.begin(called.name), span }
    }

    #[inline]
    fn end(
        self,
        state: &InstanceState,
        gauges: Gauges<'_>,
        (core, tally, fuel): (&PluginCore, &mut Tally, u64),
        answer: &Result<Option<i32>, Error>,
    ) {
        let left = gauges.meter().remaining();
        let used = fuel.saturating_sub(left).saturating_add(state.unsettled_fuel);
        step::burn(used);
        tally.end(&self.running, used, || gauges.memory_size());
        if let Some(span) = self.span {
            span.end(core.services.trace(), self.name, used, answer);
        }
    }
}

impl Instance {
    /// Runs one callback; what it answered, if the guest has it.
    pub(super) fn run(
        &mut self,
        called: impl Into<CallbackCall>,
        context: u32,
        fuel: u64,
        call: Option<Call>,
    ) -> Result<Option<i32>, Error> {
        let callback = Callback::new(called, context, call.unwrap_or(Call::ABSENT)).last();
        self.runner(fuel).run(|_, _| Some(callback))
    }

    /// Hands over what was counted since the last time.
    pub(crate) fn report(&mut self) {
        self.tally.hand_over(self.guest.gauges().memory_size());
    }
}
