//! The folders of the crate stand in one order, from the ground up: a file imports from its own folder
//! and from those below it, and no files import each other in a ring.

#[path = "../../host/tests/imports/mod.rs"]
mod imports;

use imports::Imports;

const STOREYS: [&str; 17] = [
    "sync",
    "queue",
    "refs",
    "report",
    "wheel",
    "net",
    "upstream",
    "callouts",
    "deployment",
    "mailbox",
    "notes",
    "core",
    "transaction",
    "downstream",
    "reactor",
    "upstreams",
    "plane",
];

#[test]
fn imports_point_down() {
    assert_eq!(Imports::of("dataplane").upward(&STOREYS), Vec::<String>::new());
}

#[test]
fn no_files_import_each_other() {
    assert_eq!(Imports::of("dataplane").rings(), Vec::<String>::new());
}
