//! The configured keys, and the choice of keys for a token.

use crate::algorithm::{Algorithm, Hash};
use crate::jwk;
use crate::key::{Found, Key, MOST_REASONS, Material, shown};
use crate::key_text;
use crate::placeholder::{PLACEHOLDER, is_placeholder};
use crate::secret::Secret;
use serde_json::Value;

/// Keys of a configuration, at most: a token without `kid` is verified with every matching key.
const MOST_KEYS: usize = 32;
/// The keys of one configuration.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    left_out: Vec<String>,
}

impl KeySet {
    /// Reads and checks the keys: PEM text, JSON text, a JWK, a JWK Set, a map of PEM texts by `kid`, or `{"secret": …}`.
    ///
    /// # Errors
    /// The reason, with the key that it is about.
    pub fn from_json(written: &Value) -> Result<Self, String> {
        Self::read(written)?.checked()
    }

    /// Reads the keys, without the check of [`Self::checked`].
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

    /// Checks that a token selects its keys without doubt.
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
            return Err("secrets and public keys cannot be in one set; use two policies".to_owned());
        }
        let kids: Vec<&str> = keys.iter().filter_map(|key| key.kid.as_deref()).collect();
        let twice = kids.iter().enumerate().find(|(index, kid)| kids[..*index].contains(kid));
        match twice {
            Some((_, kid)) => Err(format!("two keys have the kid `{}`", shown(kid))),
            None => Ok(self),
        }
    }

    /// The reason for each key that was left out.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Removes keys that serve none of the algorithms.
    pub fn keep_for(&mut self, algorithms: &[Algorithm]) {
        let left_out = &mut self.left_out;
        self.keys.retain(|key| {
            let is_used = algorithms.iter().any(|algorithm| key.serves(*algorithm));
            if !is_used {
                left_out
                    .push(format!("{}, and no such algorithm is configured", key.description()));
            }
            is_used
        });
    }

    /// The error for an algorithm without a key.
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
        let given: Vec<String> = self.keys.iter().map(Key::description).collect();
        let given = [given.as_slice(), self.left_out.as_slice()].concat();
        let given = given.iter().take(MOST_REASONS).map(String::as_str).collect::<Vec<_>>();
        format!(
            "none can be used with {}, which needs {needed}: {}",
            algorithm.name(),
            given.join("; ")
        )
    }

    /// Whether a key serves `algorithm`.
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.serves(algorithm))
    }

    /// The keys for a token with this `kid` and algorithm.
    ///
    /// A `kid` selects among keys that have one; keys without `kid` (PEM) match every token.
    #[inline]
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
    let text = text.ok_or("write {secret: …} with the secret as text and no other key")?;
    if is_placeholder(text) {
        return Err(PLACEHOLDER.to_owned());
    }
    // A file ends with a line break, which is not part of the secret.
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    let material = Material::Secret(Box::new(Secret::new(text.as_bytes())?));
    Ok(Key { kid: None, algorithm: None, material })
}
