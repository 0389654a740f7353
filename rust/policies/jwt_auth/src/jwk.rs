//! JSON Web Keys and sets of them (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::key_set::{Key, Material};
use crate::material::{Curve, PublicKey};
use crate::secret::Secret;
use serde_json::Value;

/// The keys in a JWK or a JWK Set, without those that are not for signatures.
///
/// # Errors
/// A sentence for the person who configured them. A key that is meant for encryption or is of a type that
/// nothing here uses is left out of a set, but a lone key must be usable.
pub fn keys(json: &Value) -> Result<Vec<Key>, String> {
    let Some(set) = json.get("keys") else {
        return key(json).and_then(|key| Ok(vec![key.ok_or("the JWK is not for signatures")?]));
    };
    let set = set.as_array().ok_or("`keys` of a JWK Set must be an array")?;
    let mut found = Vec::new();
    for (index, json) in set.iter().enumerate() {
        found.extend(key(json).map_err(|error| format!("key {index} of the set: {error}"))?);
    }
    Ok(found)
}

fn key(json: &Value) -> Result<Option<Key>, String> {
    let kty = text(json, "kty").ok_or("a JWK needs a `kty`")?;
    if !is_for_verifying(json) || !["RSA", "EC", "OKP", "oct"].contains(&kty) {
        return Ok(None);
    }
    let algorithm = match text(json, "alg").map(Algorithm::from_name) {
        Some(None) => return Ok(None),
        known => known.flatten(),
    };
    let material = match kty {
        "RSA" => public(PublicKey::rsa(&bytes(json, "n")?, &bytes(json, "e")?)?),
        "EC" => public(elliptic(json)?),
        "OKP" if text(json, "crv") == Some("Ed25519") => {
            public(PublicKey::ed25519(&bytes(json, "x")?)?)
        }
        "oct" => Material::Secret(Box::new(Secret::new(&bytes(json, "k")?)?)),
        _ => return Ok(None),
    };
    if let Some(algorithm) = algorithm.filter(|algorithm| !material.serves(*algorithm)) {
        return Err(format!("its `alg` {} does not fit the key", algorithm.name()));
    }
    Ok(Some(Key { kid: text(json, "kid").map(str::to_owned), algorithm, material }))
}

fn public(key: PublicKey) -> Material {
    Material::Public(Box::new(key))
}

/// RFC 7517 §4.2 and §4.3. A private or shared key in a file may list "sign" beside or instead of "verify".
fn is_for_verifying(json: &Value) -> bool {
    let operation = |name: &Value| matches!(name.as_str(), Some("verify" | "sign"));
    let by_use = json.get("use").is_none_or(|value| value == "sig");
    let by_operations = json
        .get("key_ops")
        .is_none_or(|value| value.as_array().is_some_and(|names| names.iter().any(operation)));
    by_use && by_operations
}

fn elliptic(json: &Value) -> Result<PublicKey, String> {
    let curve = match text(json, "crv") {
        Some("P-256") => Curve::P256,
        Some("P-384") => Curve::P384,
        Some("P-521") => Curve::P521,
        _ => return Err("`crv` of an EC key must be P-256, P-384 or P-521".to_owned()),
    };
    let (x, y) = (bytes(json, "x")?, bytes(json, "y")?);
    if x.len() != curve.coordinate_len() || y.len() != curve.coordinate_len() {
        return Err("`x` and `y` do not have the length of the curve".to_owned());
    }
    PublicKey::ec(curve, &[&[4], x.as_slice(), y.as_slice()].concat())
}

fn text<'j>(json: &'j Value, name: &str) -> Option<&'j str> {
    json.get(name).and_then(Value::as_str)
}

fn bytes(json: &Value, name: &str) -> Result<Vec<u8>, String> {
    text(json, name)
        .and_then(|text| base64url::decode(text.as_bytes()))
        .ok_or_else(|| format!("`{name}` must be base64url without padding"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn oct() -> Value {
        json!({"kty": "oct", "kid": "a", "k": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"})
    }

    fn with(mut json: Value, name: &str, value: impl Into<Value>) -> Value {
        json[name] = value.into();
        json
    }

    #[test]
    fn a_key_for_encryption_is_left_out_of_a_set() {
        let set = json!({"keys": [with(oct(), "use", "enc"), oct()]});
        assert_eq!(keys(&set).map(|keys| keys.len()), Ok(1));
    }

    #[test]
    fn a_lone_key_for_encryption_is_refused() {
        let error = keys(&with(oct(), "key_ops", json!(["encrypt"]))).unwrap_err();
        assert_eq!(error, "the JWK is not for signatures");
    }

    #[test]
    fn an_algorithm_of_another_key_type_is_refused() {
        let error = keys(&with(oct(), "alg", "RS256")).unwrap_err();
        assert_eq!(error, "its `alg` RS256 does not fit the key");
    }

    #[test]
    fn a_key_of_an_unknown_type_is_left_out_of_a_set() {
        let set = json!({"keys": [{"kty": "AKP", "alg": "ML-DSA-44"}, oct()]});
        assert_eq!(keys(&set).map(|keys| keys.len()), Ok(1));
    }
}
