//! The folders of the crate stand in one order, from the ground up: a file imports from its own folder
//! and from those below it, and no files import each other in a ring.

#[path = "../../host/tests/imports/mod.rs"]
mod imports;

use imports::Imports;

const STOREYS: [&str; 6] = ["http", "websocket", "cluster", "routing", "exchange", "connection"];

#[test]
fn imports_point_down() {
    assert_eq!(Imports::of("gateway").upward(&STOREYS), Vec::<String>::new());
}

#[test]
fn no_files_import_each_other() {
    assert_eq!(Imports::of("gateway").rings(), Vec::<String>::new());
}

#[test]
fn an_import_that_points_up_is_found() {
    let found = Imports::of("gateway").upward(&["exchange", "http"]);
    assert!(found.contains(&"exchange::failure -> http::problem".to_owned()), "{found:?}");
}
