//! What is refused before compiling, and what the error names.

use super::*;

const MEMORY: &str = r#"(memory (export "memory") 1)"#;
const ALLOCATOR: &str = r#"(func (export "malloc") (param i32) (result i32) (i32.const 0))"#;
const MARKER: &str = r#"(func (export "proxy_abi_version_0_2_1"))"#;

fn wasm(fields: &[&str]) -> Vec<u8> {
    wat::parse_str(format!("(module {})", fields.join("\n"))).unwrap()
}

fn load(fields: &[&str]) -> Result<CompiledModule, LoadError> {
    CompiledModule::load(&wasm(fields), &Limits::default(), None)
}

fn with_import(import: &str) -> LoadError {
    load(&[import, MEMORY, ALLOCATOR, MARKER]).unwrap_err()
}

#[test]
fn a_minimal_module_loads() {
    let module = load(&[MEMORY, ALLOCATOR, MARKER]).unwrap();
    assert_eq!((module.dialect(), module.cached()), (Dialect::V0_2_1, false));
}

#[test]
fn the_digest_is_the_files_sha256() {
    assert_eq!(
        digest_hex(b"abc"),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

#[test]
fn a_module_without_abi_is_refused() {
    assert_eq!(load(&[MEMORY, ALLOCATOR]).unwrap_err(), LoadError::NoAbi);
}

#[test]
fn a_module_without_exported_memory_is_refused() {
    let error = load(&["(memory 1)", ALLOCATOR, MARKER]).unwrap_err();
    assert_eq!(error.to_string(), "the module does not export its memory as \"memory\"");
}

#[test]
fn a_module_without_allocator_is_refused() {
    let error = load(&[MEMORY, MARKER]).unwrap_err();
    assert!(error.to_string().contains("proxy_on_memory_allocate"));
}

#[test]
fn an_allocator_of_another_type_is_none() {
    let error = load(&[MEMORY, MARKER, r#"(func (export "malloc") (param i64))"#]).unwrap_err();
    assert!(matches!(error, LoadError::MissingExport { .. }));
}

#[test]
fn an_unknown_function_is_no_obstacle() {
    assert!(load(&[r#"(import "env" "foo" (func))"#, MEMORY, ALLOCATOR, MARKER]).is_ok());
}

#[test]
fn only_functions_can_be_imported() {
    for (kind, import) in
        [("table", "(table 1 funcref)"), ("memory", "(memory 1)"), ("global", "(global i32)")]
    {
        let error = with_import(&format!(r#"(import "env" "foo" {import})"#));
        let text = format!(
            r#"the module imports the {kind} "env" "foo", which this host does not provide"#
        );
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn a_wrong_type_is_named_with_the_right_one() {
    let error = with_import(r#"(import "env" "proxy_record_metric" (func (param i32 i32)))"#);
    let expected = "as (i32, i32) -> (); the ABI has (i32, i64) -> i32";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn a_function_may_be_imported_twice() {
    let import = r#"(import "wasi_snapshot_preview1" "random_get"
        (func (param i32 i32) (result i32)))"#;
    assert!(load(&[import, import, MEMORY, ALLOCATOR, MARKER]).is_ok());
}

#[test]
fn a_reserved_export_is_refused() {
    let fuel = r#"(global (export "__wasmgate_fuel") (mut i64) (i64.const 0))"#;
    let error = load(&[MEMORY, ALLOCATOR, MARKER, fuel]).unwrap_err();
    assert_eq!(error, LoadError::ReservedExport { name: "__wasmgate_fuel".to_owned() });
}

#[test]
fn more_memory_than_the_limit_is_refused() {
    let error = load(&[r#"(memory (export "memory") 513)"#, ALLOCATOR, MARKER]).unwrap_err();
    assert_eq!(error, LoadError::MemoryLimit { needed: 513 * 65_536, limit: 32 << 20 });
}

#[test]
fn a_huge_table_is_refused() {
    let error = load(&[MEMORY, ALLOCATOR, MARKER, "(table 100001 funcref)"]).unwrap_err();
    assert!(matches!(error, LoadError::Bound { what: "elements in a table", .. }));
}

#[test]
fn many_tables_are_refused() {
    let tables = "(table 1 funcref)".repeat(9);
    let error = load(&[MEMORY, ALLOCATOR, MARKER, &tables]).unwrap_err();
    assert_eq!(error, LoadError::Bound { what: "tables", found: 9, allowed: 8 });
}

#[test]
fn a_function_type_with_65_parameters_is_refused() {
    let wide = format!("(func (param {}))", "i32 ".repeat(65));
    let error = load(&[MEMORY, ALLOCATOR, MARKER, &wide]).unwrap_err();
    assert!(matches!(error, LoadError::Bound { found: 65, .. }));
}

#[test]
fn code_that_does_not_validate_is_refused() {
    let wrong = "(func (result i32) (i64.const 0))";
    let error = load(&[MEMORY, ALLOCATOR, MARKER, wrong]).unwrap_err();
    assert!(matches!(error, LoadError::Invalid(_)));
}

/// One function for each proposal that is switched off.
#[test]
fn switched_off_proposals_are_refused() {
    let proposals = [
        "(func (drop (i32.atomic.load (i32.const 0))))",
        "(func $f (return_call $f))",
        "(tag) (func (throw 0))",
        "(memory i64 1)",
        "(memory 1)",
        "(type (struct))",
        "(func (drop (i32x4.relaxed_trunc_f32x4_s (v128.const i64x2 0 0))))",
    ];
    let refused = proposals.map(|fields| {
        matches!(load(&[MEMORY, ALLOCATOR, MARKER, fields]), Err(LoadError::Invalid(_)))
    });
    assert_eq!(refused, [true; 7]);
}

#[test]
fn switched_on_proposals_load() {
    let fields = r#"
        (global (export "g") (mut i32) (i32.add (i32.const 1) (i32.const 2)))
        (table 1 externref)
        (func (result i32 i64) (i32.const 1) (i64.const 2))
        (func (drop (i32.extend8_s (i32.trunc_sat_f32_s (f32.const 1)))))
        (func (drop (i32x4.add (v128.const i64x2 0 0) (v128.const i64x2 0 0))))
        (func (memory.copy (i32.const 0) (i32.const 1) (i32.const 1)))"#;
    assert!(load(&[MEMORY, ALLOCATOR, MARKER, fields]).is_ok());
}

#[test]
fn a_truncated_module_is_refused() {
    let mut bytes = wasm(&[MEMORY, ALLOCATOR, MARKER]);
    bytes.truncate(bytes.len() - 5);
    let error = CompiledModule::load(&bytes, &Limits::default(), None).unwrap_err();
    assert!(matches!(error, LoadError::Invalid(_)));
}

/// What the exported function with this body does, if that is nothing.
fn idle(body: &str) -> Option<Idle> {
    let result = if body.contains("i32") { "(result i32)" } else { "" };
    let wat = format!(
        r#"(module (import "m" "f" (func)) (func (drop (i32.const 1)))
             (func (export "callback") (param i32) {result} {body}))"#
    );
    let sections = Sections::read(&wat::parse_str(wat).unwrap()).unwrap();
    sections.exports[0].idle
}

#[test]
fn an_empty_body_and_a_constant_do_nothing() {
    assert_eq!(idle(""), Some(Idle::Silent));
    assert_eq!(idle("(local i64)"), Some(Idle::Silent));
    assert_eq!(idle("(i32.const -5)"), Some(Idle::Answers(-5)));
}

#[test]
fn what_has_any_other_operator_is_called() {
    let bodies = ["(call 0)", "(unreachable)", "(local.get 0) (i32.const 0) (i32.and)", "(loop)"];
    assert_eq!(bodies.map(idle), [None; 4]);
}

/// The size of the section stands for the bytes of its segments, which are not read one by one.
#[test]
fn segments_of_data_are_charged_with_what_stands_between_them() {
    let wat = r#"(module (memory 1) (data (i32.const 0) "abc") (data (i32.const 9) "defg"))"#;
    let sections = Sections::read(&wat::parse_str(wat).unwrap()).unwrap();
    assert_eq!(sections.data_segments, 2);
    assert!((7..=7 + 2 * 5 + 1).contains(&sections.data_bytes), "{}", sections.data_bytes);
}

#[test]
fn an_import_that_is_exported_again_is_called() {
    let wat = r#"(module (import "m" "f" (func $f)) (func) (export "callback" (func $f)))"#;
    let sections = Sections::read(&wat::parse_str(wat).unwrap()).unwrap();
    assert_eq!(sections.exports[0].idle, None);
}
