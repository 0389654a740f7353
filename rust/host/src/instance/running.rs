//! One callback: its budget, what is seen of it, and how it failed.

use wasmer::RuntimeError;

use crate::context::step;
use crate::guest::probe::callback::{CallbackCall, CallbackSpan};
use crate::instance::Instance;
use crate::services::statistics::Failure;
use crate::types::error::Error;
use crate::wasm::backtrace::backtrace;
use crate::wasm::border::call::{Call, Next};
use crate::wasm::fuel::Cause;
use crate::wasm::signals;

impl Instance {
    /// Runs one callback with a fresh budget and says how it failed; what it answered, if the guest has
    /// it and it answers something.
    pub(super) fn run<'a>(
        &mut self,
        called: impl Into<CallbackCall<'a>>,
        context: u32,
        fuel: u64,
        call: Option<Call>,
    ) -> Result<Option<i32>, Error> {
        let called = called.into();
        self.guest.meter().refill(fuel.saturating_sub(std::mem::take(&mut self.owed)));
        let env = self.guest.state_mut();
        env.enter(context);
        let seen = env.traced.then(|| CallbackSpan::begin(env, called, context));
        let running = self.tally.begin(called.name);
        let next = call.map_or(Next::Stop, Next::Last);
        let answer = signals::in_guest(|| self.guest.step(|_, _, _| next))
            .map_err(|trap| self.failure(called.name, fuel, &trap));
        let left = self.guest.meter().remaining();
        let env = self.guest.state();
        self.has_pending = env.has_pending();
        let used = fuel.saturating_sub(left).saturating_add(env.unsettled_fuel);
        step::burn(used);
        self.tally.end(&running, used, || self.guest.memory_size());
        if let Some(seen) = seen {
            seen.end(self.core.services.trace(), called.name, used, &answer);
        }
        answer
    }

    fn failure(&mut self, callback: &'static str, fuel: u64, trap: &RuntimeError) -> Error {
        let (symbols, module) = (&self.core.spec.symbols, &self.core.module);
        let frames = backtrace(trap, |function| symbols.name(module.digest(), function));
        let (failure, error) = match self.guest.meter().cause() {
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
        self.report();
        self.tally.shared().failed(failure);
        error
    }

    /// Hands over what was counted since the last time.
    pub(crate) fn report(&mut self) {
        self.tally.hand_over(self.guest.memory_size());
    }
}
