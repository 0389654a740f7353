//! The host's hand on a running guest's fuel.

use wasmer::{AsStoreMut, Global, Instance, Value};

use crate::wasm::fuel::{FUEL, REFUSED};

/// Why a callback that trapped was stopped, as far as the meter knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Fuel was left and no memory was refused: the guest's own fault.
    None,
    /// The fuel of this callback was used up.
    Fuel,
    /// The guest asked for more memory than its limit since the last refill.
    Memory,
}

/// The instance was not compiled with metering.
#[derive(Debug, thiserror::Error)]
#[error("the instance has no fuel meter: its module was not compiled by this host")]
pub(crate) struct MeterMissing;

/// Fuel of one instance. Its methods take the store that owns the instance.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    fuel: Global,
    refused: Global,
}

impl Meter {
    /// Finds the meter of an instance.
    ///
    /// # Errors
    /// [`MeterMissing`] when the module was compiled without metering.
    pub(crate) fn of(instance: &Instance) -> Result<Self, MeterMissing> {
        let global = |name| instance.exports.get_global(name).cloned().map_err(|_| MeterMissing);
        Ok(Self { fuel: global(FUEL)?, refused: global(REFUSED)? })
    }

    /// Gives a callback its fuel and forgets what stopped the one before.
    pub(crate) fn refill(&self, store: &mut impl AsStoreMut, fuel: u64) {
        self.set_fuel(store, i64::try_from(fuel).unwrap_or(i64::MAX));
        // Cannot fail: both globals are mutable and have these types by construction.
        let _ = self.refused.set(store, Value::I32(0));
    }

    /// Charges work that the host does for the guest; false means that the fuel is used up, which
    /// [`Meter::cause`] says from then on. The guest is stopped by its next charge at the latest.
    #[must_use]
    pub(crate) fn charge(&self, store: &mut impl AsStoreMut, units: u64) -> bool {
        let left = self.fuel(store).saturating_sub(i64::try_from(units).unwrap_or(i64::MAX));
        self.set_fuel(store, left);
        left >= 0
    }

    /// Fuel left, 0 when it is used up.
    pub(crate) fn remaining(&self, store: &mut impl AsStoreMut) -> u64 {
        u64::try_from(self.fuel(store)).unwrap_or(0)
    }

    /// What stopped the guest, if it was stopped since the last refill.
    pub(crate) fn cause(&self, store: &mut impl AsStoreMut) -> Cause {
        if self.fuel(store) < 0 {
            Cause::Fuel
        } else if self.refused.get(store) == Value::I32(1) {
            Cause::Memory
        } else {
            Cause::None
        }
    }

    fn fuel(&self, store: &mut impl AsStoreMut) -> i64 {
        match self.fuel.get(store) {
            Value::I64(left) => left,
            _ => -1,
        }
    }

    fn set_fuel(&self, store: &mut impl AsStoreMut, fuel: i64) {
        let _ = self.fuel.set(store, Value::I64(fuel));
    }
}
