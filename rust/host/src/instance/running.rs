//! One callback: its budget, what is seen of it, and how it failed.

use wasmer::{RuntimeError, Store};

use crate::context::step;
use crate::guest::exports;
use crate::guest::exports::Exports;
use crate::guest::probe::callback::{CallbackCall, CallbackResult, CallbackSpan};
use crate::instance::Instance;
use crate::services::statistics::Failure;
use crate::types::error::Error;
use crate::wasm::backtrace::backtrace;
use crate::wasm::fuel::Cause;
use crate::wasm::signals;

impl Instance {
    /// Runs one callback with a fresh budget and says how it failed.
    pub(super) fn run<'a, R: CallbackResult>(
        &mut self,
        called: impl Into<CallbackCall<'a>>,
        context: u32,
        fuel: u64,
        call: impl FnOnce(&Exports, &mut Store) -> Result<R, RuntimeError>,
    ) -> Result<R, Error> {
        let called = called.into();
        self.meter.refill(&mut self.store, fuel.saturating_sub(std::mem::take(&mut self.owed)));
        let env = self.env.as_mut(&mut self.store);
        env.enter(context);
        let seen = env.traced.then(|| CallbackSpan::begin(env, called, context));
        let running = self.tally.begin(called.name);
        let answer = signals::in_guest(|| call(&self.exports, &mut self.store))
            .map_err(|trap| self.failure(called.name, fuel, &trap));
        let left = self.meter.remaining(&mut self.store);
        let env = self.env.as_ref(&self.store);
        self.has_pending = env.has_pending();
        let used = fuel.saturating_sub(left).saturating_add(env.unsettled_fuel);
        step::burn(used);
        self.tally.end(&running, used, || memory_size(&self.vm, &self.store));
        if let Some(seen) = seen {
            seen.end(self.core.services.trace(), called.name, used, &answer);
        }
        answer
    }

    fn failure(&mut self, callback: &'static str, fuel: u64, trap: &RuntimeError) -> Error {
        let (symbols, module) = (&self.core.spec.symbols, &self.core.module);
        let frames = backtrace(trap, |function| symbols.name(module.digest(), function));
        let (failure, error) = match self.meter.cause(&mut self.store) {
            Cause::Fuel => (Failure::Fuel, Error::OutOfFuel { callback, fuel, frames }),
            Cause::Memory => {
                let memory = self.core.spec.limits.memory;
                (Failure::Memory, Error::OutOfMemory { callback, memory, frames })
            }
            Cause::None => {
                let logs = std::mem::take(&mut self.env.as_mut(&mut self.store).warnings);
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
        self.tally.hand_over(memory_size(&self.vm, &self.store));
    }
}

/// Bytes of a guest's memory.
fn memory_size(vm: &wasmer::Instance, store: &Store) -> u64 {
    exports::memory(vm).map_or(0, |memory| memory.view(store).data_size())
}
