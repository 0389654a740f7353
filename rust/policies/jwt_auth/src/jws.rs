//! JSON Web Signatures in compact form (RFC 7515 §5.2, §7.1).

use crate::algorithm::Algorithm;
use crate::base64url;
use crate::key_set::{KeySet, Material};
use crate::material::PublicKey;
use crate::members::Members;
use crate::refusal::Refusal;

/// Checks `signature` (JWS form) over `message`; `None` when it cannot and the guest must do it itself.
pub type HostVerify<'h> = dyn Fn(Algorithm, &PublicKey, &[u8], &[u8]) -> Option<bool> + 'h;

/// The payload of `token`, if a key of `keys` signed it with one of the `allowed` algorithms.
///
/// # Errors
/// The [`Refusal`] that says which rule the token breaks.
pub fn verify(
    token: &[u8],
    allowed: &[Algorithm],
    keys: &KeySet,
    host: &HostVerify<'_>,
) -> Result<Vec<u8>, Refusal> {
    let parts = Parts::split(token)?;
    let header = Header::parse(&parts.header)?;
    if !allowed.contains(&header.algorithm) {
        return Err(Refusal::Algorithm);
    }
    let mut refusal = Refusal::UnknownKey;
    for key in keys.candidates(header.kid.as_deref(), header.algorithm) {
        let valid = match &key.material {
            Material::Secret(secret) => {
                secret.verify(header.algorithm, parts.signed, &parts.signature)
            }
            Material::Public(key) => verify_public(key, header.algorithm, &parts, host),
        };
        if valid {
            return Ok(parts.payload);
        }
        refusal = Refusal::Signature;
    }
    Err(refusal)
}

fn verify_public(
    key: &PublicKey,
    algorithm: Algorithm,
    parts: &Parts<'_>,
    host: &HostVerify<'_>,
) -> bool {
    parts.signature.len() == key.signature_len()
        && host(algorithm, key, parts.signed, &parts.signature)
            .unwrap_or_else(|| key.verify(algorithm, parts.signed, &parts.signature))
}

struct Parts<'t> {
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// Header and payload as sent, with the dot between: what the signature is over.
    signed: &'t [u8],
}

impl<'t> Parts<'t> {
    /// Exactly three parts; five would be an encrypted token (RFC 7516 §7.1).
    fn split(token: &'t [u8]) -> Result<Self, Refusal> {
        let mut parts = token.split(|&byte| byte == b'.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Malformed);
        };
        let decode = |text| base64url::decode(text).ok_or(Refusal::Malformed);
        Ok(Self {
            header: decode(header)?,
            payload: decode(payload)?,
            signature: decode(signature)?,
            signed: &token[..=header.len() + payload.len()],
        })
    }
}

struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
}

impl Header {
    /// Keys and addresses of keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are not looked at: keys come
    /// from the configuration.
    fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let members = Members::parse(json).ok_or(Refusal::Malformed)?;
        // No extension is understood, so every `crit` is refused (RFC 7515 §4.1.11), and with it
        // `b64` (RFC 7797 §6); `enc` and `zip` belong to encryption.
        if ["crit", "b64", "enc", "zip"].iter().any(|name| members.get(name).is_some()) {
            return Err(Refusal::Unsupported);
        }
        // `cty` JWT means a token inside the token (RFC 7519 §5.2).
        let text = |name| members.get(name).map(|value| value.text().ok_or(Refusal::Malformed));
        if text("cty").transpose()?.is_some_and(|cty| cty.eq_ignore_ascii_case("JWT")) {
            return Err(Refusal::Unsupported);
        }
        let algorithm = text("alg").ok_or(Refusal::Malformed)??;
        let algorithm = Algorithm::from_name(&algorithm).ok_or(Refusal::Algorithm)?;
        Ok(Self { algorithm, kid: text("kid").transpose()? })
    }
}
