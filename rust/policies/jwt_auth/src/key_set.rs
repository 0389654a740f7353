//! The configured keys, and which of them a token may be verified with.

use crate::algorithm::{Algorithm, Hash};
use crate::der::served;
use crate::jwk;
use crate::key_text::{self, PLACEHOLDER};
use crate::material::PublicKey;
use crate::placeholder::is_placeholder;
use crate::secret::Secret;
use serde_json::Value;

/// A token without `kid` is tried with every key that fits, so their number bounds what it costs.
const MOST_KEYS: usize = 32;
/// Reasons in one refusal.
pub(crate) const MOST_REASONS: usize = 8;

/// A text of the configuration as it stands in a sentence.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_debug().to_string()
}

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
    /// What it is and what it serves, in words that hold nothing of the key.
    fn in_words(&self) -> String {
        let name = self.kid.as_deref().map_or(String::new(), |kid| format!(" `{}`", shown(kid)));
        let kind = match &self.material {
            Material::Secret(secret) => format!("a secret of {} bytes", secret.len()),
            Material::Public(key) => key.kind().to_owned(),
        };
        format!("key{name} is {kind} for {}", served(|algorithm| self.serves(algorithm)))
    }

    /// Whether the key may verify `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm) && self.material.serves(algorithm)
    }
}

/// The keys that were read, and why others were not.
#[derive(Debug, Default)]
pub struct Found {
    /// Those that can verify signatures.
    pub keys: Vec<Key>,
    /// A sentence for each key that was left out.
    pub left_out: Vec<String>,
}

/// The keys of one configuration.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    left_out: Vec<String>,
}

impl KeySet {
    /// The keys that the configuration gives: PEM text, JSON text, a JWK, a JWK Set, a map of PEM texts by their
    /// `kid`, or `{"secret": …}`.
    ///
    /// # Errors
    /// A sentence that names what is wrong with which key.
    pub fn from_json(written: &Value) -> Result<Self, String> {
        Self::read(written)?.checked()
    }

    /// The keys that the configuration gives, of which some may serve none of its algorithms.
    ///
    /// # Errors
    /// As [`Self::from_json`].
    pub fn read(written: &Value) -> Result<Self, String> {
        let found = match written {
            Value::String(text) => key_text::keys(text)?,
            Value::Object(members) if members.contains_key("secret") => {
                Found { keys: vec![secret(written)?], left_out: Vec::new() }
            }
            _ => jwk::keys(written)?,
        };
        Ok(Self { keys: found.keys, left_out: found.left_out })
    }

    /// The same keys, if a token can be told which one it needs.
    ///
    /// # Errors
    /// Too many keys, secrets beside public keys, two keys of one `kid`.
    pub fn checked(self) -> Result<Self, String> {
        let keys = &self.keys;
        if keys.len() > MOST_KEYS {
            return Err(format!(
                "{} keys were given; at most {MOST_KEYS} are accepted",
                keys.len()
            ));
        }
        let is_secret = |key: &Key| matches!(key.material, Material::Secret(_));
        if keys.iter().any(is_secret) && !keys.iter().all(is_secret) {
            return Err("secrets and public keys cannot stand in one set".to_owned());
        }
        let kids: Vec<&str> = keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        let twice = kids.iter().enumerate().find(|(index, kid)| kids[..*index].contains(kid));
        match twice {
            Some((_, kid)) => Err(format!("two keys have the kid `{}`", shown(kid))),
            None => Ok(self),
        }
    }

    /// Why keys were left out, a sentence each.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Leaves out the keys that serve none of the algorithms.
    pub fn keep_for(&mut self, algorithms: &[Algorithm]) {
        let left_out = &mut self.left_out;
        self.keys.retain(|key| {
            let is_used = algorithms.iter().any(|algorithm| key.serves(*algorithm));
            if !is_used {
                left_out.push(format!("{}, and no such algorithm is configured", key.in_words()));
            }
            is_used
        });
    }

    /// Why no key serves the algorithm.
    #[must_use]
    pub fn why_none(&self, algorithm: Algorithm) -> String {
        let needed = match algorithm {
            Algorithm::Hs(hash) => format!("a secret of {} bytes or more", hash.digest_len()),
            Algorithm::Rs(_) | Algorithm::Ps(_) => "an RSA key".to_owned(),
            Algorithm::Es(Hash::Sha256) => "a P-256 key".to_owned(),
            Algorithm::Es(Hash::Sha384) => "a P-384 key".to_owned(),
            Algorithm::Es(Hash::Sha512) => "a P-521 key".to_owned(),
            Algorithm::EdDsa => "an Ed25519 key".to_owned(),
        };
        let given: Vec<String> = self.keys.iter().map(Key::in_words).collect();
        let given = [given.as_slice(), self.left_out.as_slice()].concat();
        let given = given.iter().take(MOST_REASONS).map(String::as_str).collect::<Vec<_>>();
        format!(
            "none can be used with {}, which needs {needed}: {}",
            algorithm.name(),
            given.join("; ")
        )
    }

    /// Whether any key may verify `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.serves(algorithm))
    }

    /// The keys a token with that `kid` and algorithm may be verified with.
    ///
    /// A `kid` chooses among the keys that have one; keys without (PEM) fit every token.
    pub fn candidates<'s>(
        &'s self,
        kid: Option<&'s str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &'s Key> {
        self.keys.iter().filter(move |key| {
            let named = match (kid, key.kid.as_deref()) {
                (Some(wanted), Some(own)) => wanted == own,
                _ => true,
            };
            named && key.serves(algorithm)
        })
    }
}

fn secret(written: &Value) -> Result<Key, String> {
    let members = written.as_object().map_or(0, serde_json::Map::len);
    let text = written.get("secret").and_then(Value::as_str).filter(|_| members == 1);
    let text = text.ok_or("write {secret: …} with the secret as text and nothing else")?;
    if is_placeholder(text) {
        return Err(PLACEHOLDER.to_owned());
    }
    // A file ends with a line break that its writer did not mean as part of the secret.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let material = Material::Secret(Box::new(Secret::new(text.as_bytes())?));
    Ok(Key { kid: None, algorithm: None, material })
}
