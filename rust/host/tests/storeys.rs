//! The folders of the crate stand in one order, from the ground up: a file imports from its own folder
//! and from those below it, and no files import each other in a ring.

mod imports;

use imports::Imports;

const STOREYS: [&str; 16] = [
    "types",
    "abi",
    "wasm",
    "services",
    "plugin",
    "context",
    "properties",
    "guest",
    "foreign",
    "hostcalls",
    "instance",
    "thread",
    "host",
    "stream",
    "fuzzing",
    "worst",
];

#[test]
fn imports_point_down() {
    assert_eq!(Imports::of("host").upward(&STOREYS), Vec::<String>::new());
}

#[test]
fn no_files_import_each_other() {
    // The extension and the fuzzer are not tested by themselves.
    let rings = ["host", "python", "fuzz"].map(|name| Imports::of(name).rings());
    assert_eq!(rings.concat(), Vec::<String>::new());
}

#[test]
fn an_import_that_points_up_is_found() {
    let found = Imports::of("host").upward(&["stream", "types"]);
    assert!(found.contains(&"stream::state -> types::effects".to_owned()), "{found:?}");
}
