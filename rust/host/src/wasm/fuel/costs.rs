//! The cost of each operator. A unit stands for about a nanosecond on a current server.

use wasmer::sys::wasmparser::Operator;

/// A division takes 10 to 40 cycles, and dependent operations cannot overlap with it.
const INTEGER_DIVISION: u64 = 8;
const FLOAT_DIVISION: u64 = 4;
/// An indirect call checks bounds, null and signature first.
const INDIRECT_CALL: u64 = 4;
const CALL: u64 = 2;
/// Operators that compile to a call into the engine: 15 to 40 nanoseconds before any length.
const ENGINE_CALL: u64 = 24;

/// Locals that a function zeroes on entry for one unit.
const LOCALS_A_UNIT: u64 = 8;

/// Units for one execution of `operator`, without the length of bulk operators.
pub(super) fn of(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::Nop
        | Operator::Block { .. }
        | Operator::Loop { .. }
        | Operator::Else
        | Operator::End
        | Operator::Unreachable => 0,
        Operator::I32DivS
        | Operator::I32DivU
        | Operator::I32RemS
        | Operator::I32RemU
        | Operator::I64DivS
        | Operator::I64DivU
        | Operator::I64RemS
        | Operator::I64RemU => INTEGER_DIVISION,
        Operator::F32Div
        | Operator::F32Sqrt
        | Operator::F64Div
        | Operator::F64Sqrt
        | Operator::F32x4Div
        | Operator::F32x4Sqrt
        | Operator::F64x2Div
        | Operator::F64x2Sqrt => FLOAT_DIVISION,
        Operator::Call { .. } => CALL,
        Operator::CallIndirect { .. } => INDIRECT_CALL,
        Operator::MemoryGrow { .. }
        | Operator::MemoryInit { .. }
        | Operator::DataDrop { .. }
        | Operator::TableSet { .. }
        | Operator::TableGrow { .. }
        | Operator::TableFill { .. }
        | Operator::TableCopy { .. }
        | Operator::TableInit { .. }
        | Operator::ElemDrop { .. } => ENGINE_CALL,
        _ => 1,
    }
}

/// Units for entering a function with `locals` locals in addition to its parameters.
pub(super) fn of_entry(locals: usize) -> u64 {
    locals as u64 / LOCALS_A_UNIT
}

/// Whether control may leave or join the basic block at `operator`: the units counted so far must be
/// charged before the operator runs. A call does neither: the code after it runs too, or the guest has
/// trapped.
pub(super) fn ends_block(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Else
            | Operator::End
            | Operator::Br { .. }
            | Operator::BrIf { .. }
            | Operator::BrTable { .. }
            | Operator::Return
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_free() {
        assert_eq!(of(&Operator::End), 0);
    }

    #[test]
    fn a_division_costs_more_than_an_addition() {
        assert!(of(&Operator::I64DivU) > of(&Operator::I64Add));
    }

    #[test]
    fn many_locals_make_a_call_dearer() {
        assert_eq!(of_entry(8_000), 1_000);
    }
}
