//! The configured keys, and which of them a token may be verified with.

use crate::algorithm::Algorithm;
use crate::jwk;
use crate::material::{Curve, PublicKey};
use crate::pem;
use crate::secret::Secret;
use rsa::pkcs1::RsaPublicKeyRef;
use rsa::pkcs8::spki::SubjectPublicKeyInfoRef;
use serde_json::Value;

/// A token without `kid` is tried with every key that fits, so their number bounds what it costs.
const MOST_KEYS: usize = 32;

const RSA_OID: &str = "1.2.840.113549.1.1.1";
const EC_OID: &str = "1.2.840.10045.2.1";
const ED25519_OID: &str = "1.3.101.112";
const CURVES: [(&str, Curve); 3] = [
    ("1.2.840.10045.3.1.7", Curve::P256),
    ("1.3.132.0.34", Curve::P384),
    ("1.3.132.0.35", Curve::P521),
];

/// What a signature is checked against.
#[derive(Debug)]
pub enum Material {
    /// For HMAC.
    Secret(Box<Secret>),
    /// For everything else.
    Public(Box<PublicKey>),
}

impl Material {
    /// Whether the key is of the type, and long enough, for `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Secret(secret) => secret.serves(algorithm),
            Self::Public(key) => key.serves(algorithm),
        }
    }
}

/// A key with what its owner said about its use.
#[derive(Debug)]
pub struct Key {
    /// `kid` of the JWK; PEM has none.
    pub kid: Option<String>,
    /// `alg` of the JWK: then the only algorithm the key is used with.
    pub algorithm: Option<Algorithm>,
    /// The key itself.
    pub material: Material,
}

impl Key {
    /// Whether the key may verify `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.material.serves(algorithm)
    }
}

/// The keys of one configuration.
#[derive(Debug)]
pub struct KeySet(Vec<Key>);

impl KeySet {
    /// The keys that the configuration gives: PEM text, JSON text, a JWK, a JWK Set or `{"secret": …}`.
    ///
    /// # Errors
    /// A sentence that names what is wrong with which key.
    pub fn from_json(written: &Value) -> Result<Self, String> {
        let keys = match written {
            Value::String(text) => from_text(text)?,
            Value::Object(members) if members.contains_key("secret") => vec![secret(written)?],
            Value::Object(_) => jwk::keys(written)?,
            _ => return Err("write PEM text, a JWK, a JWK Set, or {secret: …}".to_owned()),
        };
        check(&keys)?;
        Ok(Self(keys))
    }

    /// Whether any key may verify `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.0.iter().any(|key| key.serves(algorithm))
    }

    /// The keys a token with that `kid` and algorithm may be verified with.
    ///
    /// A `kid` chooses among the keys that have one; keys without (PEM) fit every token.
    pub fn candidates<'s>(
        &'s self,
        kid: Option<&'s str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'s Key> {
        self.0.iter().filter(move |key| {
            let named = match (kid, key.kid.as_deref()) {
                (Some(wanted), Some(own)) => wanted == own,
                _ => true,
            };
            named && key.serves(algorithm)
        })
    }
}

fn check(keys: &[Key]) -> Result<(), String> {
    if keys.is_empty() {
        return Err("no key that can verify a signature was found".to_owned());
    }
    if keys.len() > MOST_KEYS {
        return Err(format!("{} keys were given; at most {MOST_KEYS} are accepted", keys.len()));
    }
    let is_secret = |key: &Key| matches!(key.material, Material::Secret(_));
    if keys.iter().any(is_secret) && !keys.iter().all(is_secret) {
        return Err("secrets and public keys cannot stand in one set".to_owned());
    }
    let mut kids: Vec<&str> = keys.iter().filter_map(|key| key.kid.as_deref()).collect();
    kids.sort_unstable();
    match kids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two keys have the kid `{}`", pair[0].escape_debug())),
        None => Ok(()),
    }
}

fn secret(written: &Value) -> Result<Key, String> {
    let members = written.as_object().map_or(0, serde_json::Map::len);
    let text = written.get("secret").and_then(Value::as_str).filter(|_| members == 1);
    let text = text.ok_or("write {secret: …} with the secret as text and nothing else")?;
    // A file ends with a line break that its writer did not mean as part of the secret.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let material = Material::Secret(Box::new(Secret::new(text.as_bytes())?));
    Ok(Key { kid: None, algorithm: None, material })
}

fn from_text(text: &str) -> Result<Vec<Key>, String> {
    if let Ok(json @ Value::Object(_)) = serde_json::from_str(text) {
        return jwk::keys(&json);
    }
    let blocks = pem::blocks(text)?;
    if blocks.is_empty() {
        return Err("the text is neither PEM nor a JWK; write a shared secret as {secret: …} and \
                    a file as {file: …}"
            .to_owned());
    }
    blocks.iter().map(from_block).collect()
}

fn from_block(block: &pem::Block<'_>) -> Result<Key, String> {
    let key = match block.label {
        "PUBLIC KEY" => from_spki(&block.der)?,
        "RSA PUBLIC KEY" => from_pkcs1(&block.der)?,
        "CERTIFICATE" => {
            return Err("a certificate was given; write its public key: \
                        openssl x509 -in cert.pem -pubkey -noout"
                .to_owned());
        }
        label if label.ends_with("PRIVATE KEY") => {
            return Err("a private key was given; write its public key: \
                        openssl pkey -in key.pem -pubout"
                .to_owned());
        }
        label => return Err(format!("a PEM block {label} is no public key")),
    };
    Ok(Key { kid: None, algorithm: None, material: Material::Public(Box::new(key)) })
}

fn from_spki(der: &[u8]) -> Result<PublicKey, String> {
    let unreadable = || "the PEM block PUBLIC KEY holds no SubjectPublicKeyInfo".to_owned();
    let spki = SubjectPublicKeyInfoRef::try_from(der).map_err(|_| unreadable())?;
    let bits = spki.subject_public_key.as_bytes().ok_or_else(unreadable)?;
    match spki.algorithm.oid.to_string().as_str() {
        RSA_OID => from_pkcs1(bits),
        ED25519_OID => PublicKey::ed25519(bits),
        EC_OID => {
            let oid = spki.algorithm.parameters_oid().map_err(|_| unreadable())?.to_string();
            let curve = CURVES.iter().find(|(known, _)| *known == oid);
            let (_, curve) = curve.ok_or("the EC key must be on P-256, P-384 or P-521")?;
            PublicKey::ec(*curve, bits)
        }
        oid => Err(format!("keys of type {oid} are not supported; RSA, EC and Ed25519 are")),
    }
}

fn from_pkcs1(der: &[u8]) -> Result<PublicKey, String> {
    let key =
        RsaPublicKeyRef::try_from(der).map_err(|_| "the PEM block holds no RSA public key")?;
    PublicKey::rsa(key.modulus.as_bytes(), key.public_exponent.as_bytes())
}
