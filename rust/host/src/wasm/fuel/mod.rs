//! Fuel: how long a guest may run, counted in the guest's own code.
//!
//! A compiler middleware ([`Metering`]) adds four globals to a module and writes code that charges
//! the first of them, about one unit an operator, once a basic block. Operators whose work grows
//! with an operand (`memory.fill`, `table.init`, …) charge by that operand first, so no cheap
//! operator hides long work. [`Meter`] is the host's hand on the same globals.
//!
//! What fuel does not see is the memory system: a guest made to miss every cache at each load takes
//! up to twenty times as long (`measure.rs`). The bound holds, with that factor.

mod charges;
mod costs;
#[cfg(test)]
mod measure;
mod meter;
mod metering;
#[cfg(test)]
mod tests;

pub(crate) use crate::wasm::fuel::meter::{Cause, Meter, MeterMissing};
pub(crate) use crate::wasm::fuel::metering::Metering;

/// Exports with this prefix belong to the host; a guest that has one is refused.
pub(crate) const RESERVED_PREFIX: &str = "__wasmgate_";
/// Names the exported i64 global that holds the fuel left; below zero means exhausted.
pub(in crate::wasm) const FUEL: &str = "__wasmgate_fuel";
/// Names the exported i32 global that is 1 after a refused `memory.grow`.
pub(in crate::wasm) const REFUSED: &str = "__wasmgate_memory_refused";

/// Names the module's start function, which becomes an export: run as the module is instantiated
/// it would have neither the host's refill nor its memory.
pub(crate) const START: &str = "__wasmgate_start";

/// Begins the names under which the guest's own mutable globals are exported: what an instance
/// remembers beside its memory.
pub(crate) const KEPT_GLOBAL: &str = "__wasmgate_global_";

/// Part of the key of cached artifacts: raise it when what metering writes changes.
pub(crate) const METERING_VERSION: u32 = 4;
