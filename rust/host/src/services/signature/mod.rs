//! Signatures verified and made natively for guests, as foreign functions.
//!
//! `verify_signature` and `sign` are Envoy's (source/extensions/common/wasm/foreign.cc): RSA PKCS#1 v1.5 and
//! ECDSA. `wasmgate_verify_signature` is ours, for what Envoy's cannot express: RSA-PSS and `EdDSA`.

mod algorithm;
mod keys;
mod messages;
mod pem;
mod signing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

use crate::services::signature::algorithm::{Algorithm, Hash, KeyKind};
pub(crate) use crate::services::signature::keys::KeyCache;
use crate::services::signature::messages::{OwnRequest, Request, SignRequest};
use crate::services::signature::signing::PrivateKey;

/// Fuel for one call beside its bytes. RSA of 2048 bits takes 20 us, P-521 and RSA of 8192 bits
/// about 250 us; this lets a callback try every key of a key set and still ends a loop of calls.
pub(crate) const CALL_UNITS: u64 = 200_000;

/// Envoy's `verify_signature`. Arguments that cannot be used are answered with a result that says so.
pub(crate) fn verify(arguments: &[u8], keys: &KeyCache) -> Vec<u8> {
    messages::answer(Request::read(arguments).and_then(|request| {
        let Request { public_key, message, signature, hash_function } = request;
        verify_signature(&public_key, message, signature, hash_function, keys)
    }))
}

/// A request to sign, with its key parsed.
pub(crate) struct Signing<'a> {
    key: PrivateKey,
    hash: &'a str,
    message: &'a [u8],
}

impl<'a> Signing<'a> {
    /// Envoy's `SignArguments`; none if they are not a message, or the key is not a private key.
    pub(crate) fn read(arguments: &'a [u8]) -> Option<Self> {
        let SignRequest { hash_function, private_key, message } =
            SignRequest::read(arguments).ok()?;
        Some(Self { key: PrivateKey::parse(&private_key)?, hash: hash_function, message })
    }

    /// Fuel for the signature beside its bytes.
    pub(crate) fn units(&self) -> u64 {
        self.key.units()
    }

    /// Envoy's `SignResult`.
    pub(crate) fn sign(&self) -> Vec<u8> {
        let hash = Hash::named(self.hash).ok_or(UNKNOWN_HASH);
        messages::signed(hash.and_then(|hash| self.key.sign(hash, self.message)))
    }
}

/// Our `wasmgate_verify_signature`; as [`verify`].
pub(crate) fn verify_jws(arguments: &[u8], keys: &KeyCache) -> Vec<u8> {
    messages::answer(OwnRequest::read(arguments).and_then(|request| {
        let OwnRequest { algorithm, public_key, message, signature } = request;
        verify_jws_signature(algorithm, public_key, message, signature, keys)
    }))
}

/// Verifies an RSA PKCS#1 v1.5 or an ECDSA (ASN.1) signature, whichever the key is for.
///
/// # Errors
/// Why it is not verified, for the guest's log.
fn verify_signature(
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
    hash: &str,
    keys: &KeyCache,
) -> Result<(), &'static str> {
    let hash = Hash::named(hash).ok_or(UNKNOWN_HASH)?;
    let algorithm = match KeyKind::of(public_key).ok_or(UNKNOWN_KEY)? {
        KeyKind::Rsa => Algorithm::RsaPkcs1(hash),
        KeyKind::Ec(curve) => Algorithm::Ecdsa(curve, hash),
        KeyKind::Ed25519 => return Err("an Ed25519 key needs wasmgate_verify_signature"),
    };
    verify_with(algorithm, public_key, message, signature, keys)
}

/// Verifies a signature of the JWA algorithms PS256, PS384, PS512 (RFC 7518) and `EdDSA`
/// (RFC 8037, Ed25519 alone).
fn verify_jws_signature(
    name: &str,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
    keys: &KeyCache,
) -> Result<(), &'static str> {
    let kind = KeyKind::of(public_key).ok_or(UNKNOWN_KEY)?;
    let algorithm = match (name, kind) {
        ("PS256", KeyKind::Rsa) => Algorithm::RsaPss(Hash::Sha256),
        ("PS384", KeyKind::Rsa) => Algorithm::RsaPss(Hash::Sha384),
        ("PS512", KeyKind::Rsa) => Algorithm::RsaPss(Hash::Sha512),
        ("EdDSA", KeyKind::Ed25519) => Algorithm::Ed25519,
        ("PS256" | "PS384" | "PS512" | "EdDSA", _) => {
            return Err("the public key is of another kind than the algorithm");
        }
        _ => return Err("the algorithm is not one of PS256, PS384, PS512, EdDSA"),
    };
    verify_with(algorithm, public_key, message, signature, keys)
}

const UNKNOWN_HASH: &str = "the hash function is not one of sha256, sha384, sha512";
const UNKNOWN_KEY: &str =
    "the public key is not a SubjectPublicKeyInfo (DER) of RSA, P-256, P-384, P-521 or Ed25519";

fn verify_with(
    algorithm: Algorithm,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
    keys: &KeyCache,
) -> Result<(), &'static str> {
    let key = keys.parsed(algorithm, public_key).ok_or("the public key cannot be parsed")?;
    key.verify_sig(message, signature).map_err(|_| "the signature is not valid for this key")
}
