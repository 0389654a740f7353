//! Whether a running instance can switch to other code of its module.
//!
//! The state of an instance is its memory and its mutable globals, which the host can copy, and its
//! tables and segments, which it cannot. A new instance has the tables and segments that the module
//! declares: this is correct for a module whose code never changes them.

use wasmer::sys::wasmparser::{FunctionBody, Operator, Parser, Payload, ValType};

/// True when no code of a valid module changes a table, drops a segment or stores a reference in a
/// global. A module that cannot be parsed cannot migrate.
pub(super) fn can_migrate(bytes: &[u8]) -> bool {
    Parser::new(0).parse_all(bytes).all(|payload| match payload {
        Ok(Payload::GlobalSection(globals)) => globals.into_iter().all(|global| {
            global.is_ok_and(|g| !(g.ty.mutable && matches!(g.ty.content_type, ValType::Ref(_))))
        }),
        Ok(Payload::CodeSectionEntry(body)) => keeps_tables(&body),
        Ok(_) => true,
        Err(_) => false,
    })
}

fn keeps_tables(body: &FunctionBody<'_>) -> bool {
    let Ok(operators) = body.get_operators_reader() else { return false };
    operators.into_iter().all(|operator| {
        operator.is_ok_and(|operator| {
            !matches!(
                operator,
                Operator::TableSet { .. }
                    | Operator::TableGrow { .. }
                    | Operator::TableFill { .. }
                    | Operator::TableCopy { .. }
                    | Operator::TableInit { .. }
                    | Operator::ElemDrop { .. }
                    | Operator::DataDrop { .. }
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migratable(fields: &str) -> bool {
        can_migrate(&wat::parse_str(format!("(module {fields})")).unwrap())
    }

    #[test]
    fn memory_and_numbers_move() {
        assert!(migratable(
            r#"(memory 1) (global (mut i64) (i64.const 1)) (data $d "a") (table 1 funcref)
               (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
                 (call_indirect (i32.const 0)))"#
        ));
    }

    #[test]
    fn a_table_that_code_changes_stays() {
        for change in [
            "(table.set (i32.const 0) (ref.null func))",
            "(drop (table.grow (ref.null func) (i32.const 1)))",
            "(table.fill (i32.const 0) (ref.null func) (i32.const 1))",
            "(table.copy (i32.const 0) (i32.const 0) (i32.const 1))",
            "(table.init $e (i32.const 0) (i32.const 0) (i32.const 1))",
            "(elem.drop $e)",
        ] {
            assert!(!migratable(&format!(
                "(table 1 funcref) (elem $e func $f) (func $f {change})"
            )));
        }
    }

    #[test]
    fn a_dropped_data_segment_stays() {
        assert!(!migratable(r#"(memory 1) (data $d "a") (func (data.drop $d))"#));
    }

    #[test]
    fn a_reference_in_a_global_stays() {
        assert!(!migratable("(global (mut funcref) (ref.null func))"));
        assert!(migratable("(global funcref (ref.null func))"));
    }
}
