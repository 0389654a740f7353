//! Configurations: what is accepted, and that a refusal names the key and what to try.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jwt_settings::settings::Settings;
use serde_json::{Value, json};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const P256: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEL7nN1XPX4BlvT0Y+KG8+/ysov8MZ\n\
    boHnllHRFclAVH677uaPPeWuiXx6t93Ou9oMoieABVlaPGUxLyezoVwmiA==\n-----END PUBLIC KEY-----\n";

fn hs256(mut extra: Value) -> Value {
    extra["algorithms"] = json!(["HS256"]);
    extra["keys"] = json!({"secret": SECRET});
    extra
}

fn refusal(configuration: &Value) -> String {
    Settings::from_json(configuration.to_string().as_bytes()).unwrap_err()
}

#[test]
fn algorithms_and_keys_are_enough() {
    let settings = Settings::from_json(hs256(json!({})).to_string().as_bytes()).unwrap();
    assert_eq!(settings.user_header, "x-auth-user");
    assert_eq!(settings.rules.user_claim, "sub");
    assert!(settings.forward);
}

#[test]
fn headers_are_named_in_any_case() {
    let json = hs256(json!({"user_header": "X-User", "claims_to_headers": {"X-Tenant": "tenant"}}));
    let settings = Settings::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(
        (settings.user_header.as_str(), settings.claim_headers.as_slice()),
        ("x-user", ["x-tenant".to_owned()].as_slice())
    );
    assert_eq!(settings.rules.header_claims, ["tenant"]);
}

#[test]
fn one_name_or_a_list_of_names_may_be_written() {
    for audience in [json!("orders"), json!(["orders"])] {
        let json = hs256(json!({ "audience": audience })).to_string();
        let settings = Settings::from_json(json.as_bytes()).unwrap();
        assert_eq!(settings.rules.audiences, ["orders"]);
    }
}

#[test]
fn the_line_break_at_the_end_of_a_secret_file_is_not_part_of_it() {
    let json = json!({"algorithms": ["HS256"], "keys": {"secret": format!("{}\n", &SECRET[..31])}});
    assert_eq!(
        refusal(&json),
        "keys: none can be used with HS256, which needs a secret of 32 bytes or more: key is a \
         secret of 31 bytes for no algorithm"
    );
}

#[test]
fn wrong_configurations_are_refused_by_name() {
    for (extra, expected) in [
        (
            json!({"audiences": "a"}),
            "audiences: unknown key; expected one of algorithms, keys, issuer",
        ),
        (json!({"audience": 1}), "audience: expected a string, got 1; write it in quotes: \"1\""),
        (json!({"audience": []}), "audience: the list is empty; leave the key out, or write"),
        (json!({"audience": [{}]}), "audience: expected a string or a list of strings; write each"),
        (json!({"issuer": ""}), "issuer: the text is empty; leave the key out, or write a name"),
        (json!({"claims_encoding": "latin1"}), "claims_encoding: expected utf8 or percent"),
        (json!({"leeway": 3601}), "leeway: 3601 s is too long; write at most 3600"),
        (json!({"leeway": -1}), "leeway: expected a whole number, 0 or more, got -1; write digits"),
        (json!({"realm": "a\"b"}), "realm: it has characters outside ASCII"),
        (json!({"realm": "a\r\nb"}), "realm: `a\\r\\nb` has a control character"),
        (json!({"user_header": "X User"}), "user_header: `X User` is not a field name"),
        (json!({"user_header": "Authorization"}), "user_header: `authorization` has the token"),
        (json!({"user_header": "authorization"}), "user_header: `authorization` has the token"),
        (json!({"user_header": "content-length"}), "user_header: `content-length` frames"),
        (json!({"claims_to_headers": {":path": "a"}}), "claims_to_headers.:path: `:path` is a"),
        (
            json!({"claims_to_headers": {"X-Auth-User": "a"}}),
            "claims_to_headers.X-Auth-User: it is",
        ),
        (
            json!({"claims_to_headers": {"X-A": "a", "x-a": "b"}}),
            "claims_to_headers.x-a: another key names the same header; write it once",
        ),
    ] {
        let refusal = refusal(&hs256(extra));
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn wrong_algorithms_are_refused_by_name() {
    for (algorithms, expected) in [
        (json!([]), "algorithms: the list is empty; write at least one of HS256"),
        (json!(["none"]), "algorithms: `none` is not one of HS256"),
        (
            json!(["rs256"]),
            "algorithms: `rs256` is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, \
             PS512, ES256, ES384, ES512, EdDSA, Ed25519; write RS256",
        ),
        (json!(["HS256", "RS256"]), "algorithms: HS algorithms cannot be combined with others"),
    ] {
        let refusal = refusal(&json!({"algorithms": algorithms, "keys": {"secret": SECRET}}));
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn wrong_keys_are_refused_by_name() {
    let jwk = |kid: &str| json!({"kty": "oct", "kid": kid, "k": "A".repeat(43)});
    let private = P256.replace("PUBLIC", "PRIVATE");
    let rsa = json!({"kty": "RSA", "n": "_".repeat(172), "e": "AQAB"});
    for (keys, expected) in [
        (json!("s3cret"), "keys: the text is neither PEM nor a JWK; write a shared secret as"),
        (json!(7), "keys: expected PEM text, a JWK, a JWK Set"),
        (json!({"secret": P256}), "keys.secret: the secret looks like a key file"),
        (json!({"secret": SECRET, "kid": "a"}), "keys.secret: write {secret: …}"),
        (json!({"keys": [jwk("a"), jwk("a")]}), "keys: two keys have the kid `a`"),
        (json!({"keys": []}), "keys: the JWK Set is empty"),
        (
            json!({"keys": [{"kty": "oct", "k": "A==="}]}),
            "keys: none of the 1 keys of the set can be used: key 0: `k` must be base64url without \
             padding; it is base64, with +, / or =",
        ),
        (json!(private), "keys: a private key was given"),
        (
            json!(P256.replace("PUBLIC KEY", "CERTIFICATE")),
            "keys: the PEM block CERTIFICATE does not hold an X.509 certificate",
        ),
        (json!(P256.replace("MFkw", "MFkx")), "keys: the PEM block PUBLIC KEY does not hold"),
        (json!(P256.replace("boHnll", "BoHnll")), "keys: the EC key is not a point"),
        (rsa, "keys: the RSA key has 1032 bits; 2048 to 8192 are accepted"),
        (
            json!(P256),
            "keys: none can be used with HS256, which needs a secret of 32 bytes or more: key is a P-256",
        ),
    ] {
        let refusal = refusal(&json!({"algorithms": ["HS256"], "keys": keys}));
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

#[test]
fn a_key_of_the_wrong_type_for_the_algorithm_is_refused() {
    let refusal = refusal(&json!({"algorithms": ["ES384"], "keys": P256}));
    assert_eq!(
        refusal,
        "keys: none can be used with ES384, which needs a P-384 key: key is a P-256 key for ES256"
    );
}

#[test]
fn pem_and_json_text_are_both_read() {
    let set = r#"{"keys": [{"kty": "oct", "k": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    for (algorithm, keys) in [("ES256", P256), ("HS256", set)] {
        let json = json!({"algorithms": [algorithm], "keys": keys}).to_string();
        assert!(Settings::from_json(json.as_bytes()).is_ok());
    }
}
