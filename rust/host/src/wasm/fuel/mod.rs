//! Fuel: a limit on the execution of a guest, counted in the guest's own code.
//!
//! A compiler middleware ([`Metering`]) adds four globals to a module, and code that charges the first
//! of them: about one unit for each operator, once for each basic block. Operators whose work grows
//! with an operand (`memory.fill`, `table.init`, …) also charge for that operand first, so no cheap
//! operator hides long work. [`Meter`] is the host's access to the same globals.
//!
//! Fuel does not account for the memory system: a guest built to miss every cache on each load takes up
//! to twenty times as long (`measure.rs`). The bound on time holds with that factor.

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

/// Exports with this prefix belong to the host; a module that has one is refused.
pub(crate) const RESERVED_PREFIX: &str = "__wasmgate_";
/// The exported i64 global that holds the remaining fuel; below zero means exhausted.
pub(in crate::wasm) const FUEL: &str = "__wasmgate_fuel";
/// The exported i32 global that is 1 after a refused `memory.grow`.
pub(in crate::wasm) const REFUSED: &str = "__wasmgate_memory_refused";

/// The export that replaces the module's start function: run during instantiation, it would have
/// neither the fuel of a refill nor access to its memory by the host.
pub(crate) const START: &str = "__wasmgate_start";

/// The prefix of the names under which the guest's own mutable globals are exported: with the memory
/// they are the state of an instance.
pub(crate) const KEPT_GLOBAL: &str = "__wasmgate_global_";

/// Part of the cache key of artifacts: raise it when the inserted operators change.
pub(crate) const METERING_VERSION: u32 = 4;
