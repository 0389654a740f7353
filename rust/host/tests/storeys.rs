//! The folders of the crate stand in one order, from the ground up: a file imports from its own folder
//! and from those below it, and no files import each other in a ring.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod imports;

use std::path::Path;

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

fn imports() -> Imports {
    Imports::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

#[test]
fn imports_point_down() {
    assert_eq!(imports().upward(&STOREYS), Vec::<String>::new());
}

#[test]
fn no_files_import_each_other() {
    assert_eq!(imports().rings(), Vec::<String>::new());
}

#[test]
fn an_import_that_points_up_is_found() {
    let found = imports().upward(&["stream", "types"]);
    assert!(found.contains(&"stream::state -> types::effects".to_owned()), "{found:?}");
}
