//! The operators that metering inserts into a guest's functions.

use wasmer::sys::MiddlewareReaderState;
use wasmer::sys::wasmparser::{BlockType, Operator};

/// Bytes of a bulk memory operator that cost one unit, as a power of two.
const BYTES_A_UNIT_SHIFT: i64 = 3;
/// Units for a new page, which the kernel maps and zeroes: 16 faults of 4 KiB.
const UNITS_A_PAGE: i64 = 1024;

/// Indexes of the globals that metering adds; the guest's own code cannot refer to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct MeteringGlobals {
    pub(super) fuel: u32,
    pub(super) refused: u32,
    pub(super) operand: u32,
    pub(super) result: u32,
}

/// What the size operand of a growing operator counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Growth {
    Pages,
    Elements,
}

impl MeteringGlobals {
    /// Inserts a charge of a constant number of units.
    pub(super) fn charge(&self, units: u64, out: &mut MiddlewareReaderState<'_>) {
        out.extend([
            Operator::GlobalGet { global_index: self.fuel },
            Operator::I64Const { value: i64::try_from(units).unwrap_or(i64::MAX) },
            Operator::I64Sub,
            Operator::GlobalSet { global_index: self.fuel },
        ]);
    }

    /// Inserts a trap if the fuel is below zero.
    pub(super) fn trap_when_exhausted(&self, out: &mut MiddlewareReaderState<'_>) {
        out.extend([
            Operator::GlobalGet { global_index: self.fuel },
            Operator::I64Const { value: 0 },
            Operator::I64LtS,
            Operator::If { blockty: BlockType::Empty },
            Operator::Unreachable,
            Operator::End,
        ]);
    }

    /// Inserts a charge of `units` and of the i32 length on top of the stack, which stays there.
    pub(super) fn charge_length(
        &self,
        units: u64,
        in_bytes: bool,
        out: &mut MiddlewareReaderState<'_>,
    ) {
        out.extend([
            Operator::GlobalSet { global_index: self.operand },
            Operator::GlobalGet { global_index: self.fuel },
            Operator::GlobalGet { global_index: self.operand },
            Operator::I64ExtendI32U,
            Operator::I64Const { value: if in_bytes { BYTES_A_UNIT_SHIFT } else { 0 } },
            Operator::I64ShrU,
            Operator::I64Const { value: i64::try_from(units).unwrap_or(i64::MAX) },
            Operator::I64Add,
            Operator::I64Sub,
            Operator::GlobalSet { global_index: self.fuel },
        ]);
        self.trap_when_exhausted(out);
        out.push_operator(Operator::GlobalGet { global_index: self.operand });
    }

    /// Inserts a copy of the size operand of a growing operator.
    pub(super) fn keep_growth(&self, out: &mut MiddlewareReaderState<'_>) {
        out.extend([
            Operator::GlobalSet { global_index: self.operand },
            Operator::GlobalGet { global_index: self.operand },
        ]);
    }

    /// Inserts, after a growing operator, the charge for its growth, or sets the global for refused memory.
    /// The charge comes afterwards because a guest may request too much and handle the result -1.
    pub(super) fn charge_growth(&self, growth: Growth, out: &mut MiddlewareReaderState<'_>) {
        out.extend([
            Operator::GlobalSet { global_index: self.result },
            Operator::GlobalGet { global_index: self.result },
            Operator::I32Const { value: -1 },
            Operator::I32Eq,
            Operator::If { blockty: BlockType::Empty },
        ]);
        if growth == Growth::Pages {
            out.extend([
                Operator::I32Const { value: 1 },
                Operator::GlobalSet { global_index: self.refused },
            ]);
        }
        out.extend([
            Operator::Else,
            Operator::GlobalGet { global_index: self.fuel },
            Operator::GlobalGet { global_index: self.operand },
            Operator::I64ExtendI32U,
            Operator::I64Const { value: if growth == Growth::Pages { UNITS_A_PAGE } else { 1 } },
            Operator::I64Mul,
            Operator::I64Sub,
            Operator::GlobalSet { global_index: self.fuel },
            Operator::End,
        ]);
        self.trap_when_exhausted(out);
        out.push_operator(Operator::GlobalGet { global_index: self.result });
    }
}
