//! The host's access to the fuel of a running guest.

use std::cell::Cell;

/// Why a callback trapped, as far as the meter can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Fuel was left and no memory was refused: the guest itself trapped.
    None,
    /// The fuel of this callback was exhausted.
    Fuel,
    /// The guest requested more memory than its limit allows, since the last refill.
    Memory,
}

/// The instance was not compiled with metering.
#[derive(Debug, thiserror::Error)]
#[error("the instance has no fuel meter: its module was not compiled by this host")]
pub(crate) struct MeterMissing;

/// The fuel of one instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter<'a> {
    fuel: &'a Cell<i64>,
    refused: &'a Cell<i32>,
}

impl<'a> Meter<'a> {
    /// Creates the meter from two globals of an instance.
    pub(in crate::wasm) fn new(fuel: &'a Cell<i64>, refused: &'a Cell<i32>) -> Self {
        Self { fuel, refused }
    }

    /// Sets the fuel of a callback and clears the cause of the previous one.
    pub(crate) fn refill(self, fuel: u64) {
        self.fuel.set(i64::try_from(fuel).unwrap_or(i64::MAX));
        self.refused.set(0);
    }

    /// Charges work that the host does for the guest. Returns false if the fuel is exhausted, which
    /// [`Meter::cause`] reports from then on; the guest traps at its next check at the latest.
    #[must_use]
    pub(crate) fn charge(self, units: u64) -> bool {
        let left = self.fuel.get().saturating_sub(i64::try_from(units).unwrap_or(i64::MAX));
        self.fuel.set(left);
        left >= 0
    }

    /// The remaining fuel; 0 when it is exhausted.
    pub(crate) fn remaining(self) -> u64 {
        u64::try_from(self.fuel.get()).unwrap_or(0)
    }

    /// Why the guest was stopped, if it was stopped since the last refill.
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
