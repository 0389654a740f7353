//! JSON Web Keys and sets of them (RFC 7517, RFC 7518 §6, RFC 8037 §2).

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::curve::Curve;
use crate::der::Certificate;
use crate::key::{Found, Key, MOST_REASONS, Material, shown};
use crate::material::PublicKey;
use crate::pem_keys;
use crate::placeholder::{PLACEHOLDER, is_placeholder};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Keys in a set, at most; each name is compared with every other.
const MOST_JWKS: usize = 256;

/// The keys of a JWK, of a JWK Set, or of a map of PEM texts by `kid`, as Google publishes them.
///
/// # Errors
/// The reason, as part of a configuration error. A key of a set that is not usable is left out
/// (RFC 7517 §5); a single key must be usable, and so must at least one key of a set.
pub fn keys(json: &Value) -> Result<Found, String> {
    let Value::Object(members) = json else {
        return Err("expected PEM text, a JWK, a JWK Set {keys: [...]}, a map of PEM texts by their kid, or \
                    {secret: ...}"
            .to_owned());
    };
    if members.contains_key("kty") {
        return Ok(Found { keys: vec![key(json)?], left_out: Vec::new() });
    }
    if let Some(set) = members.get("keys") {
        let set = set.as_array().ok_or("`keys` of a JWK Set must be a list of JWKs")?;
        check_names(set)?;
        let named = set.iter().enumerate().map(|(index, json)| {
            let kid = text(json, "kid").map_or(String::new(), |kid| format!(" `{}`", shown(kid)));
            (format!("key {index}{kid}"), key(json))
        });
        return usable(named);
    }
    if members.values().any(|value| value.as_str().is_some_and(|text| text.contains("-----BEGIN ")))
    {
        return usable(
            members.iter().map(|(kid, value)| (format!("key `{}`", shown(kid)), named(kid, value))),
        );
    }
    Err(not_a_key(members))
}

/// Refuses two keys of one type and one `kid` (RFC 7517 §4.5), also if one of them is not usable: a token would be
/// verified with the wrong one.
fn check_names(set: &[Value]) -> Result<(), String> {
    if set.len() > MOST_JWKS {
        return Err(format!("the set has {} keys; at most {MOST_JWKS} are read", set.len()));
    }
    let mut names: Vec<(&str, &str)> = Vec::new();
    for json in set.iter().filter(|json| check_use(json).is_ok()) {
        let (Some(kid), Some(kty)) = (text(json, "kid"), text(json, "kty")) else { continue };
        if names.contains(&(kid, kty)) {
            return Err(format!("two keys have the kid `{}`", shown(kid)));
        }
        names.push((kid, kty));
    }
    Ok(())
}

/// The usable keys; an error if there are none.
fn usable(keys: impl Iterator<Item = (String, Result<Key, String>)>) -> Result<Found, String> {
    let mut found = Found::default();
    for (name, key) in keys {
        match key {
            Ok(key) => found.keys.push(key),
            Err(reason) => found.left_out.push(format!("{name}: {reason}")),
        }
    }
    if !found.keys.is_empty() {
        return Ok(found);
    }
    match found.left_out.len() {
        0 => Err("the JWK Set is empty; no key can verify a signature".to_owned()),
        count => {
            let reasons = &found.left_out[..count.min(MOST_REASONS)];
            Err(format!("none of the {count} keys of the set can be used: {}", reasons.join("; ")))
        }
    }
}

/// The key of a PEM text with its `kid`.
fn named(kid: &str, pem: &Value) -> Result<Key, String> {
    let pem = pem.as_str().ok_or("it is not text")?;
    let found = pem_keys::keys(pem)?;
    let is_one = found.keys.len() == 1;
    let key = found.keys.into_iter().next().filter(|_| is_one);
    let key = key.ok_or("the text holds several keys; give each a kid of its own")?;
    Ok(Key { kid: Some(kid.to_owned()), ..key })
}

fn not_a_key(members: &Map<String, Value>) -> String {
    let reason = if members.contains_key("jwks_uri") {
        "the OpenID configuration was given; write what is at its `jwks_uri`"
    } else if members.contains_key("file") {
        "{file: ...} is read in gateway.yaml alone; write Path(\"...\") in Python"
    } else if members.is_empty() {
        "the mapping is empty; was the file filled?"
    } else {
        "a JWK needs a `kty`, a JWK Set `keys`, and a map of keys by their kid PEM texts"
    };
    reason.to_owned()
}

fn key(json: &Value) -> Result<Key, String> {
    if !json.is_object() {
        return Err("a JWK must be a mapping".to_owned());
    }
    let kty = text(json, "kty").ok_or("a JWK needs a `kty`")?;
    check_use(json)?;
    let algorithm = text(json, "alg").map(|name| {
        let known = Algorithm::from_name(name);
        known.ok_or_else(|| {
            format!("its `alg` {} is not a supported signature algorithm", shown(name))
        })
    });
    let algorithm = algorithm.transpose()?;
    if kty != "oct" && json.get("d").is_some() {
        return Err(
            "a private key was given; leave out `d` and the other private members".to_owned()
        );
    }
    let material = match (kty, text(json, "crv")) {
        ("RSA" | "EC" | "OKP", _) if is_certificate_alone(json) => public(certified(json, kty)?),
        ("RSA", _) => public(PublicKey::rsa(&bytes(json, "n")?, &bytes(json, "e")?)?),
        ("EC", _) => public(elliptic(json)?),
        ("OKP", Some("Ed25519")) => public(PublicKey::ed25519(&bytes(json, "x")?)?),
        ("OKP", curve) => return Err(wrong_curve(curve, "Ed25519")),
        ("oct", _) => Material::Secret(Box::new(shared_secret(json)?)),
        (kty, _) => return Err(format!("its `kty` {} is not RSA, EC, OKP or oct", shown(kty))),
    };
    if let Some(algorithm) = algorithm.filter(|algorithm| !material.serves(*algorithm)) {
        return Err(format!("its `alg` {} does not fit the key", algorithm.name()));
    }
    Ok(Key { kid: text(json, "kid").map(str::to_owned), algorithm, material })
}

fn shared_secret(json: &Value) -> Result<Secret, String> {
    if text(json, "k").is_some_and(is_placeholder) {
        return Err(PLACEHOLDER.to_owned());
    }
    Secret::new(&bytes(json, "k")?)
}

/// Whether the JWK has its key in `x5c` alone, without the members of RFC 7518 §6.
fn is_certificate_alone(json: &Value) -> bool {
    json.get("x5c").is_some() && ["n", "e", "x", "y"].iter().all(|name| json.get(name).is_none())
}

/// The key of the first certificate (RFC 7517 §4.7); certificates are in base64, not base64url.
fn certified(json: &Value, kty: &str) -> Result<PublicKey, String> {
    let first = json.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
    let der = first.and_then(|text| STANDARD.decode(text).ok());
    let der = der.ok_or("`x5c` must be a list of certificates in base64")?;
    let certificate = Certificate::read(&der).ok_or("`x5c` does not hold an X.509 certificate")?;
    let key = certificate.key()?;
    if key.kty() == kty {
        Ok(key)
    } else {
        Err(format!("`x5c` holds {}, not `kty` {kty}", key.kind()))
    }
}

fn wrong_curve(curve: Option<&str>, known: &str) -> String {
    match curve {
        Some(curve) => format!("its curve {} is not {known}", shown(curve)),
        None => format!("`crv` is missing; it must be {known}"),
    }
}

fn public(key: PublicKey) -> Material {
    Material::Public(Box::new(key))
}

/// Refuses a key that is not for signatures (RFC 7517 §4.2, §4.3). A shared key may list "sign" instead of "verify".
fn check_use(json: &Value) -> Result<(), String> {
    if let Some(other) = json.get("use").filter(|value| *value != "sig") {
        let named = shown(other.as_str().unwrap_or("..."));
        return Err(format!("its `use` is {named}, so it does not verify signatures"));
    }
    let operation = |name: &Value| matches!(name.as_str(), Some("verify" | "sign"));
    match json.get("key_ops") {
        Some(operations)
            if !operations.as_array().is_some_and(|names| names.iter().any(operation)) =>
        {
            Err("its `key_ops` have no verify, so it does not verify signatures".to_owned())
        }
        _ => Ok(()),
    }
}

fn elliptic(json: &Value) -> Result<PublicKey, String> {
    let curve = match text(json, "crv") {
        Some("P-256") => Curve::P256,
        Some("P-384") => Curve::P384,
        Some("P-521") => Curve::P521,
        curve => return Err(wrong_curve(curve, "P-256, P-384 or P-521")),
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
    let text = text(json, name).ok_or_else(|| format!("`{name}` is missing, or not text"))?;
    base64url::decode(text.as_bytes()).ok_or_else(|| {
        let is_base64 = text.contains(['+', '/', '=']);
        let found = if is_base64 { "; it is base64, with +, / or =" } else { "" };
        format!("`{name}` must be base64url without padding{found}")
    })
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
        assert_eq!(keys(&set).map(|found| found.keys.len()), Ok(1));
    }

    #[test]
    fn a_lone_key_for_encryption_is_refused() {
        let error = keys(&with(oct(), "key_ops", json!(["encrypt"]))).unwrap_err();
        assert_eq!(error, "its `key_ops` have no verify, so it does not verify signatures");
    }

    #[test]
    fn an_algorithm_of_another_key_type_is_refused() {
        let error = keys(&with(oct(), "alg", "RS256")).unwrap_err();
        assert_eq!(error, "its `alg` RS256 does not fit the key");
    }

    #[test]
    fn a_key_of_an_unknown_type_is_left_out_of_a_set() {
        let set = json!({"keys": [{"kty": "AKP", "alg": "ML-DSA-44"}, oct()]});
        assert_eq!(keys(&set).map(|found| found.keys.len()), Ok(1));
    }
}
