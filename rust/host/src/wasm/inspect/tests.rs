//! What a module says about itself.

use super::*;

fn inspected(wat: &str) -> Inspection {
    inspect(&wat::parse_str(wat).unwrap()).unwrap()
}

#[test]
fn the_abi_is_the_exported_one() {
    let inspection = inspected(r#"(module (func (export "proxy_abi_version_0_2_0")))"#);
    assert_eq!(inspection.abi, Some("0.2.0"));
}

#[test]
fn a_module_that_would_not_load_can_be_looked_at() {
    let inspection = inspected("(module)");
    assert_eq!((inspection.abi, inspection.problem), (None, Some(LoadError::NoAbi)));
}

#[test]
fn callbacks_are_the_exported_functions_of_the_abi() {
    let inspection = inspected(
        r#"(module (func (export "proxy_on_request_headers")) (func (export "malloc"))
             (global (export "proxy_on_fire") i32 (i32.const 0)))"#,
    );
    assert_eq!(inspection.callbacks, ["proxy_on_request_headers"]);
}

#[test]
fn imports_are_listed_once_with_what_the_host_knows() {
    let inspection = inspected(
        r#"(module
             (import "env" "proxy_done" (func (result i32)))
             (import "env" "proxy_done" (func (result i32)))
             (import "env" "proxy_log" (func))
             (import "env" "heap" (memory 1)))"#,
    );
    let seen: Vec<_> = inspection
        .imports
        .iter()
        .map(|import| (import.name.as_str(), import.kind, import.known))
        .collect();
    assert_eq!(
        seen,
        [
            ("proxy_done", "function", true),
            ("proxy_log", "function", false),
            ("heap", "memory", false)
        ]
    );
}

#[test]
fn imports_say_which_capabilities_it_can_ask_for() {
    let inspection = inspected(
        r#"(module
             (import "env" "proxy_http_call" (func))
             (import "other" "proxy_define_metric" (func))
             (import "wasi_unstable" "path_open" (func))
             (import "wasi_unstable" "fd_readdir" (func)))"#,
    );
    assert_eq!(
        inspection.asks,
        [
            (Capability::Net, vec!["proxy_http_call"]),
            (Capability::Read, vec!["path_open", "fd_readdir"])
        ]
    );
}

#[test]
fn what_reaches_outside_is_a_function_of_the_host() {
    for name in REACHES.iter().flat_map(|(_, functions)| *functions) {
        let known = ["env", "wasi_unstable"].map(|module| signatures::find(module, name).is_some());
        assert!(known.contains(&true), "{name}");
    }
}

#[test]
fn initialize_is_preferred_to_start() {
    let inspection =
        inspected(r#"(module (func (export "_start")) (func (export "_initialize")))"#);
    assert_eq!(inspection.start, Some("_initialize"));
}

#[test]
fn a_start_section_is_named() {
    assert_eq!(inspected("(module (func $s) (start $s))").start, Some("start section"));
}

#[test]
fn memory_is_given_in_bytes() {
    assert_eq!(inspected("(module (memory 2 3))").memory, Some((131_072, Some(196_608))));
}

#[test]
fn custom_sections_are_named() {
    let inspection = inspected(r#"(module (@custom "notes" "hello"))"#);
    assert_eq!(inspection.custom_sections, ["notes"]);
}

#[test]
fn producers_are_read() {
    let inspection =
        inspected(r#"(module (@producers (language "Rust" "") (processed-by "rustc" "1.96.0")))"#);
    let line = |field: &str, name: &str, version: &str| {
        (field.to_owned(), name.to_owned(), version.to_owned())
    };
    assert_eq!(
        inspection.producers,
        [line("language", "Rust", ""), line("processed-by", "rustc", "1.96.0")]
    );
}

#[test]
fn target_features_are_read() {
    let inspection =
        inspected(r#"(module (@custom "target_features" "\02+\07simd128-\08sign-ext"))"#);
    assert_eq!(inspection.target_features, ["+simd128", "-sign-ext"]);
}

#[test]
fn damaged_target_features_are_ignored() {
    let inspection = inspected(r#"(module (@custom "target_features" "\05+\7f"))"#);
    assert!(inspection.target_features.is_empty());
}

#[test]
fn text_is_not_wasm() {
    assert!(matches!(inspect(b"(module)"), Err(LoadError::NotWasm { .. })));
}
