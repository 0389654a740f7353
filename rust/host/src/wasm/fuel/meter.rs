//! The host's hand on a running guest's fuel.

use std::cell::Cell;

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

/// Fuel of one instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter<'a> {
    fuel: &'a Cell<i64>,
    refused: &'a Cell<i32>,
}

impl<'a> Meter<'a> {
    /// The meter of these two globals of an instance.
    pub(in crate::wasm) fn new(fuel: &'a Cell<i64>, refused: &'a Cell<i32>) -> Self {
        Self { fuel, refused }
    }

    /// Gives a callback its fuel and forgets what stopped the one before.
    pub(crate) fn refill(self, fuel: u64) {
        self.fuel.set(i64::try_from(fuel).unwrap_or(i64::MAX));
        self.refused.set(0);
    }

    /// Charges work that the host does for the guest; false means that the fuel is used up, which
    /// [`Meter::cause`] says from then on. The guest is stopped by its next charge at the latest.
    #[must_use]
    pub(crate) fn charge(self, units: u64) -> bool {
        let left = self.fuel.get().saturating_sub(i64::try_from(units).unwrap_or(i64::MAX));
        self.fuel.set(left);
        left >= 0
    }

    /// Fuel left, 0 when it is used up.
    pub(crate) fn remaining(self) -> u64 {
        u64::try_from(self.fuel.get()).unwrap_or(0)
    }

    /// What stopped the guest, if it was stopped since the last refill.
    pub(crate) fn cause(self) -> Cause {
        if self.fuel.get() < 0 {
            Cause::Fuel
        } else if self.refused.get() == 1 {
            Cause::Memory
        } else {
            Cause::None
        }
    }
}
