//! Vectors that this project did not write: C2SP/wycheproof, `testvectors_v1` (Apache-2.0).
//!
//! They are read from `shared/vectors/wycheproof` beside the checkout. Without that folder the tests say so and
//! pass, unless `WASMGATE_REQUIRE_VECTORS` is set, as it is in CI.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jwt_auth::jws::{self, LastHeader};
use jwt_keys::algorithm::{ALGORITHMS, Algorithm};
use jwt_keys::key_set::KeySet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Vectors with which this policy does not agree, and why.
const EXCEPTIONS: [(u64, &str); 8] = [
    (346, "marked valid: the key's alg is PS256, the token's PS384"),
    (347, "marked valid: the key's alg is ES521, which no algorithm is named"),
    (350, "marked valid: the key's alg is PS256, the token's PS384"),
    (351, "marked valid: the key's alg is ES521, which no algorithm is named"),
    (367, "marked invalid: byte for byte the same token and key as 357, which is marked valid"),
    (370, "marked invalid: byte for byte the same token and key as 357, which is marked valid"),
    (372, "marked valid: a character outside the base64url alphabet"),
    (373, "marked valid: a character outside the base64url alphabet"),
];

#[test]
fn signatures_are_accepted_and_refused_as_the_vectors_say() {
    let Some(vectors) = vectors("json_web_signature_test.json") else { return };
    let outcomes = outcomes(&vectors);
    assert_eq!(outcomes.len(), 401);
    assert_eq!(disagreements(&outcomes), EXCEPTIONS.map(|(id, _)| id));
}

#[test]
fn the_two_invalid_vectors_that_are_accepted_are_those_of_a_valid_one() {
    let Some(vectors) = vectors("json_web_signature_test.json") else { return };
    let groups = vectors["testGroups"].as_array().unwrap();
    let vectors = groups.iter().flat_map(|group| group["tests"].as_array().unwrap());
    let token = |id: u64| vectors.clone().find(|vector| vector["tcId"] == id).map(|v| &v["jws"]);
    assert_eq!([token(367), token(370)], [token(357); 2]);
}

#[test]
fn keys_are_accepted_and_refused_as_the_vectors_say() {
    let Some(vectors) = vectors("json_web_key_test.json") else { return };
    let outcomes = outcomes(&vectors);
    assert_eq!(outcomes.len(), 26);
    assert_eq!(disagreements(&outcomes), Vec::<u64>::new());
}

fn disagreements(outcomes: &BTreeMap<u64, bool>) -> Vec<u64> {
    outcomes.iter().filter(|(_, agrees)| !**agrees).map(|(id, _)| *id).collect()
}

/// For each vector whether this policy agrees with it.
fn outcomes(vectors: &Value) -> BTreeMap<u64, bool> {
    let groups = vectors["testGroups"].as_array().unwrap();
    let mut outcomes = BTreeMap::new();
    for group in groups {
        let keys = group.get("public").unwrap_or(&group["private"]);
        for vector in group["tests"].as_array().unwrap() {
            let accepted = accepts(keys, vector["jws"].as_str().unwrap());
            let valid = vector["result"] == "valid";
            outcomes.insert(vector["tcId"].as_u64().unwrap(), accepted == valid);
        }
    }
    outcomes
}

/// Every algorithm that a key serves is allowed: what refuses a token must be the token or the key.
fn accepts(keys: &Value, token: &str) -> bool {
    let Ok(keys) = KeySet::from_json(keys) else { return false };
    let served: Vec<Algorithm> =
        ALGORITHMS.map(|(_, one)| one).into_iter().filter(|one| keys.serves(*one)).collect();
    jws::verify(token.as_bytes(), &served, &keys, &|_, _, _, _| None, &LastHeader::default())
        .is_ok()
}

fn vectors(file: &str) -> Option<Value> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/vectors/wycheproof");
    if let Ok(text) = std::fs::read_to_string(folder.join(file)) {
        return Some(serde_json::from_str(&text).unwrap());
    }
    let is_required = std::env::var_os("WASMGATE_REQUIRE_VECTORS").is_some();
    assert!(!is_required, "{file} is not in {}", folder.display());
    println!("skipped: {file} is not in {}", folder.display());
    None
}
