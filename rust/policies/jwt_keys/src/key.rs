//! One configured key, and the algorithms that it serves.

use crate::algorithm::Algorithm;
use crate::der::served;
use crate::material::PublicKey;
use crate::secret::Secret;

/// Reasons in one error, at most.
pub(crate) const MOST_REASONS: usize = 8;

/// The first 64 characters of a text, for an error.
pub(crate) fn shown(text: &str) -> String {
    policy_configuration::shown(&text.chars().take(64).collect::<String>())
}

/// The material that verifies a signature.
#[derive(Debug)]
pub enum Material {
    /// For HMAC.
    Secret(Box<Secret>),
    /// For every other algorithm.
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

/// A key with the restrictions of its JWK.
#[derive(Debug)]
pub struct Key {
    /// `kid` of the JWK; PEM has none.
    pub kid: Option<String>,
    /// `alg` of the JWK; the key then serves this algorithm alone.
    pub algorithm: Option<Algorithm>,
    /// The key itself.
    pub material: Material,
}

impl Key {
    /// Its kind and the algorithms that it serves; no part of the key material.
    pub(crate) fn description(&self) -> String {
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

/// The keys of a configuration, and why others were left out.
#[derive(Debug, Default)]
pub struct Found {
    /// Keys that can verify signatures.
    pub keys: Vec<Key>,
    /// The reason for each key that was left out.
    pub left_out: Vec<String>,
}
