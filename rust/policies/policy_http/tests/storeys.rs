//! No files of a policy's crate import each other in a ring.

#[path = "../../../host/tests/imports/mod.rs"]
mod imports;

use imports::Imports;

#[test]
fn no_files_import_each_other() {
    let rings = [
        "policy_configuration",
        "policy_http",
        "jwt_keys",
        "jwt_settings",
        "jwt_auth",
        "rate_limit",
        "path_patterns",
        "rewrite",
    ]
    .map(|name| Imports::of(name).rings());
    assert_eq!(rings.concat(), Vec::<String>::new());
}

#[test]
fn an_import_is_found() {
    let found = Imports::of("jwt_keys").upward(&["jwk", "key"]);
    assert!(found.contains(&"jwk -> key".to_owned()), "{found:?}");
}
