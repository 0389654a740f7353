//! Tokens of every algorithm, signed by another implementation, and what must not be accepted of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use jwt_auth::foreign::Call;
use jwt_auth::jws::{self, LastHeader};
use jwt_auth::refusal::Refusal;
use jwt_keys::algorithm::{ALGORITHMS, Algorithm, Hash};
use jwt_keys::key::Material;
use jwt_keys::key_set::KeySet;
use serde_json::{Value, json};
use sha2::Sha256;

const CLAIMS: &str = r#"{"sub":"ada","exp":2000000000}"#;
const HS256: Algorithm = Algorithm::Hs(Hash::Sha256);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// An algorithm with a key and a token of it, from tokens.json.
struct Sample {
    algorithm: Algorithm,
    keys: Value,
    token: String,
}

fn samples() -> Vec<Sample> {
    let read: Vec<Value> = serde_json::from_str(include_str!("tokens.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    read.into_iter()
        .map(|sample| Sample {
            algorithm: Algorithm::from_name(&text(&sample["alg"])).unwrap(),
            token: text(&sample["token"]),
            keys: sample["keys"].clone(),
        })
        .collect()
}

fn verify(token: &str, algorithm: Algorithm, keys: &Value) -> Result<Vec<u8>, Refusal> {
    let keys = KeySet::from_json(keys).unwrap();
    jws::verify(token.as_bytes(), &[algorithm], &keys, &|_, _, _, _| None, &LastHeader::default())
}

/// A token over SECRET with that header, whatever it says.
fn signed(header: &str, secret: &str) -> String {
    let text = [header, CLAIMS].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(&text);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn verify_header(header: &str) -> Result<Vec<u8>, Refusal> {
    verify(&signed(header, SECRET), HS256, &json!({"secret": SECRET}))
}

#[test]
fn the_host_gets_a_key_as_its_file_has_it() {
    for Sample { algorithm, keys, .. } in samples() {
        let read = KeySet::from_json(&keys).unwrap();
        let Material::Public(key) = &read.candidates(None, algorithm).next().unwrap().material
        else {
            continue;
        };
        let lines = keys.as_str().unwrap().lines().filter(|line| !line.starts_with('-'));
        assert_eq!(key.spki, STANDARD.decode(lines.collect::<String>()).unwrap(), "{algorithm:?}");
    }
}

#[test]
fn a_token_of_every_algorithm_is_verified() {
    let samples = samples();
    assert_eq!(samples.len(), ALGORITHMS.len());
    for Sample { algorithm, keys, token } in samples {
        let claims = verify(&token, algorithm, &keys).map(|claims| claims.len());
        assert_eq!(claims, Ok(r#"{"sub": "ada", "exp": 2000000000}"#.len()), "{algorithm:?}");
    }
}

#[test]
fn a_changed_character_anywhere_is_refused() {
    for Sample { algorithm, keys, token } in samples() {
        for place in (0..token.len()).step_by(13).chain([token.len() - 1]) {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(verify(&changed, algorithm, &keys).is_err(), "{algorithm:?}: {changed}");
        }
    }
}

#[test]
fn a_token_of_another_key_is_refused() {
    let samples = samples();
    let of = |name| samples.iter().find(|one| one.algorithm.name() == name).unwrap();
    let (token, other) = (&of("RS256").token, &of("RS384").keys);
    assert_eq!(verify(token, of("RS256").algorithm, other), Err(Refusal::Signature));
}

#[test]
fn the_host_is_asked_with_a_call_for_every_public_key() {
    for Sample { algorithm, keys, token } in samples() {
        if algorithm.is_symmetric() {
            continue;
        }
        let keys = KeySet::from_json(&keys).unwrap();
        let host = |algorithm, key: &_, message: &_, signature: &_| {
            Some(Call::new(algorithm, key, message, signature).is_some())
        };
        assert!(
            jws::verify(token.as_bytes(), &[algorithm], &keys, &host, &LastHeader::default())
                .is_ok()
        );
        let outcome = jws::verify(
            token.as_bytes(),
            &[algorithm],
            &keys,
            &|_, _, _, _| Some(false),
            &LastHeader::default(),
        );
        assert_eq!(outcome, Err(Refusal::Signature), "{algorithm:?}");
    }
}

#[test]
fn an_algorithm_that_is_not_configured_is_refused_though_the_key_fits() {
    for Sample { algorithm, keys, token } in samples() {
        let another = ALGORITHMS.iter().find(|(_, one)| *one != algorithm).unwrap().1;
        assert_eq!(verify(&token, another, &keys), Err(Refusal::Algorithm));
    }
}

#[test]
fn an_hmac_with_the_public_key_as_its_secret_is_refused() {
    let sample = samples().into_iter().find(|one| one.algorithm.name() == "RS256").unwrap();
    let forged = signed(r#"{"alg":"HS256"}"#, sample.keys.as_str().unwrap());
    assert_eq!(verify(&forged, sample.algorithm, &sample.keys), Err(Refusal::Algorithm));
    assert_eq!(verify(&forged, HS256, &sample.keys), Err(Refusal::UnknownKey));
}

#[test]
fn headers_that_ask_for_more_than_a_signature_are_refused() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""b64":false"#,
        r#""zip":"DEF""#,
        r#""enc":"A128GCM""#,
        r#""cty":"jwt""#,
    ] {
        let outcome = verify_header(&format!(r#"{{"alg":"HS256",{member}}}"#));
        assert_eq!(outcome, Err(Refusal::Unsupported), "{member}");
    }
}

#[test]
fn a_key_in_the_header_changes_nothing() {
    let header = r#"{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"https://a.example/"}"#;
    assert_eq!(verify_header(header), Ok(CLAIMS.into()));
}

#[test]
fn headers_that_are_not_well_formed_are_refused() {
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        "[]",
        "{}",
        r#"{"alg":1}"#,
        r#"{"alg":"HS256","kid":1}"#,
    ] {
        assert_eq!(verify_header(header), Err(Refusal::Malformed), "{header}");
    }
}

#[test]
fn none_in_any_spelling_is_refused() {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let token = signed(&format!(r#"{{"alg":"{name}"}}"#), SECRET);
        let unsigned = &token[..=token.rfind('.').unwrap()];
        for token in [token.as_str(), unsigned] {
            let outcome = verify(token, HS256, &json!({"secret": SECRET}));
            assert_eq!(outcome, Err(Refusal::Algorithm), "{name}");
        }
    }
}

#[test]
fn other_numbers_of_parts_are_refused() {
    let token = signed(r#"{"alg":"HS256"}"#, SECRET);
    for token in [format!("{token}."), format!("{token}.YQ.YQ"), "a.b".into(), ".".into()] {
        let outcome = verify(&token, HS256, &json!({"secret": SECRET}));
        assert_eq!(outcome, Err(Refusal::Malformed), "{token}");
    }
}

#[test]
fn a_kid_chooses_the_key() {
    let other = "fedcba9876543210fedcba9876543210";
    let jwk = |kid: &str, secret: &str| json!({"kty": "oct", "kid": kid, "k": URL_SAFE_NO_PAD.encode(secret)});
    let set = json!({"keys": [jwk("old", other), jwk("new", SECRET)]});
    let outcome = |header: &str| verify(&signed(header, SECRET), HS256, &set);
    assert_eq!(outcome(r#"{"alg":"HS256","kid":"new"}"#), Ok(CLAIMS.into()));
    assert_eq!(outcome(r#"{"alg":"HS256"}"#), Ok(CLAIMS.into()));
    assert_eq!(outcome(r#"{"alg":"HS256","kid":"old"}"#), Err(Refusal::Signature));
    assert_eq!(outcome(r#"{"alg":"HS256","kid":"new "}"#), Err(Refusal::UnknownKey));
}

#[test]
fn a_header_that_was_read_before_leads_to_the_same_answers() {
    let keys = KeySet::from_json(&json!({"secret": SECRET})).unwrap();
    let last = LastHeader::default();
    let verify =
        |token: &str| jws::verify(token.as_bytes(), &[HS256], &keys, &|_, _, _, _| None, &last);
    let known = signed(r#"{"alg":"HS256"}"#, SECRET);
    for _ in 0..2 {
        assert_eq!(verify(&known), Ok(CLAIMS.as_bytes().to_vec()));
    }
    assert_eq!(verify(&signed(r#"{"alg":"HS256"}"#, "another secret")), Err(Refusal::Signature));
    assert_eq!(verify(&signed(r#"{"alg":"none"}"#, SECRET)), Err(Refusal::Algorithm));
    assert_eq!(verify(&signed(r#"{"alg":"HS256","crit":[]}"#, SECRET)), Err(Refusal::Unsupported));
    assert_eq!(verify(&known), Ok(CLAIMS.as_bytes().to_vec()));
}

#[test]
fn a_token_of_other_than_three_parts_is_malformed() {
    let known = signed(r#"{"alg":"HS256"}"#, SECRET);
    let (two, _) = known.rsplit_once('.').unwrap();
    for token in [two, &format!("{known}."), &format!("{known}.e30"), "", ".", "..", "e30..."] {
        let outcome = verify(token, HS256, &json!({"secret": SECRET}));
        assert_eq!(outcome, Err(Refusal::Malformed), "{token}");
    }
}
