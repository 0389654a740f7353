//! Shared secrets for HMAC (RFC 7518 §3.2).

use crate::algorithm::{Algorithm, Hash};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

/// Beginnings of public key files. A public key as an HMAC secret lets anyone sign (CVE-2016-10555, CVE-2024-33663).
const PUBLIC_KEY_MARKS: [&str; 6] =
    ["-----BEGIN", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "---- BEGIN"];

/// A secret with the HMAC state of each hash.
#[derive(Clone)]
pub struct Secret {
    len: usize,
    sha256: Hmac<Sha256>,
    sha384: Hmac<Sha384>,
    sha512: Hmac<Sha512>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.len)
    }
}

impl Secret {
    /// A secret from its bytes.
    ///
    /// # Errors
    /// The reason, as part of a configuration error: the bytes look like a public or private key file.
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("the secret is empty; was the file or the variable filled?".to_owned());
        }
        if looks_like_a_key_file(bytes) {
            return Err("the secret looks like a key file (PEM, SSH or JWK); a public key is not \
                        a secret, write it as `keys` with an RS, PS, ES or EdDSA algorithm"
                .to_owned());
        }
        let refused = |_| "the secret cannot be used for HMAC".to_owned();
        Ok(Self {
            len: bytes.len(),
            sha256: Hmac::new_from_slice(bytes).map_err(refused)?,
            sha384: Hmac::new_from_slice(bytes).map_err(refused)?,
            sha512: Hmac::new_from_slice(bytes).map_err(refused)?,
        })
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes; [`Self::new`] refuses such a secret.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether `algorithm` is an HMAC whose digest is not longer than the secret (RFC 7518 §3.2).
    #[must_use]
    pub fn serves(&self, algorithm: Algorithm) -> bool {
        matches!(algorithm, Algorithm::Hs(hash) if hash.digest_len() <= self.len)
    }

    /// Whether `code` is the MAC of `message`, compared in constant time.
    #[must_use]
    pub fn verify(&self, algorithm: Algorithm, message: &[u8], code: &[u8]) -> bool {
        let outcome = match algorithm {
            Algorithm::Hs(Hash::Sha256) => {
                self.sha256.clone().chain_update(message).verify_slice(code)
            }
            Algorithm::Hs(Hash::Sha384) => {
                self.sha384.clone().chain_update(message).verify_slice(code)
            }
            Algorithm::Hs(Hash::Sha512) => {
                self.sha512.clone().chain_update(message).verify_slice(code)
            }
            _ => return false,
        };
        outcome.is_ok()
    }
}

fn looks_like_a_key_file(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let is_jwk = || {
        serde_json::from_str::<serde_json::Value>(text)
            .is_ok_and(|json| json.get("kty").is_some() || json.get("keys").is_some())
    };
    PUBLIC_KEY_MARKS.iter().any(|mark| text.trim_start().starts_with(mark))
        || text.contains("-----BEGIN ")
        || is_jwk()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_are_refused_as_secrets() {
        for text in [
            "-----BEGIN PUBLIC KEY-----\nMIIB",
            "  ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA a@b",
            "ecdsa-sha2-nistp256 AAAAE2VjZHNh",
            r#"{"kty":"RSA","n":"AQ","e":"AQAB"}"#,
            r#" {"keys":[]}"#,
        ] {
            assert!(Secret::new(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_secret_serves_no_hash_longer_than_itself() {
        let secret = Secret::new(&[7; 48]).unwrap();
        let served = [Hash::Sha256, Hash::Sha384, Hash::Sha512]
            .map(|hash| secret.serves(Algorithm::Hs(hash)));
        assert_eq!(served, [true, true, false]);
    }

    #[test]
    fn a_truncated_code_is_refused() {
        let secret = Secret::new(&[7; 32]).unwrap();
        let code = secret.sha256.clone().chain_update(b"m").finalize().into_bytes();
        let algorithm = Algorithm::Hs(Hash::Sha256);
        assert!(secret.verify(algorithm, b"m", &code));
        assert!(!secret.verify(algorithm, b"m", &code[..31]));
    }
}
