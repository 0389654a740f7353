//! JSON Web Signatures in compact form (RFC 7515 §5.2, §7.1).

use crate::members::Members;
use crate::refusal::Refusal;
use jwt_keys::algorithm::Algorithm;
use jwt_keys::base64url;
use jwt_keys::key::Material;
use jwt_keys::key_set::KeySet;
use jwt_keys::material::PublicKey;
use memchr::memchr;
use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

/// Verifies `signature` (JWS form) of `message`; `None` if the host cannot, and the guest has to.
pub type HostVerify<'h> = dyn Fn(Algorithm, &PublicKey, &[u8], &[u8]) -> Option<bool> + 'h;

/// The payload of `token`, if a key of `keys` signed it with one of the `allowed` algorithms. `last` is the header
/// of the last token that verified.
///
/// # Errors
/// The [`Refusal`] for the rule that the token breaks.
pub fn verify(
    token: &[u8],
    allowed: &[Algorithm],
    keys: &KeySet,
    host: &HostVerify<'_>,
    last: &LastHeader,
) -> Result<Vec<u8>, Refusal> {
    let parts = Parts::split(token)?;
    let known = last.read(parts.header);
    let header = match &known {
        Some(header) => Rc::clone(header),
        None => Rc::new(Header::parse(&decode(parts.header)?)?),
    };
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
            if known.is_none() {
                last.write(parts.header, Rc::clone(&header));
            }
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

fn decode(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    base64url::decode(text).ok_or(Refusal::Malformed)
}

struct Parts<'t> {
    /// As sent, in base64url.
    header: &'t [u8],
    payload: Vec<u8>,
    signature: Vec<u8>,
    /// The JWS signing input: header and payload as sent, with the dot between (RFC 7515 §5.1).
    signed: &'t [u8],
}

impl<'t> Parts<'t> {
    /// Exactly three parts; an encrypted token has five (RFC 7516 §7.1). A third dot is refused as a character outside
    /// the base64url alphabet.
    fn split(token: &'t [u8]) -> Result<Self, Refusal> {
        let header = memchr(b'.', token).ok_or(Refusal::Malformed)?;
        let behind = &token[header + 1..];
        let payload = memchr(b'.', behind).ok_or(Refusal::Malformed)?;
        Ok(Self {
            header: &token[..header],
            payload: decode(&behind[..payload])?,
            signature: decode(&behind[payload + 1..])?,
            signed: &token[..=header + payload],
        })
    }
}

/// The header of the last token that verified, as it was sent and as it was read. An issuer writes the same one into
/// every token, and reading it costs as much as reading the claims.
#[derive(Debug, Default)]
pub struct LastHeader(RefCell<Option<ReadHeader>>);

#[derive(Debug)]
struct ReadHeader {
    sent: Box<[u8]>,
    header: Rc<Header>,
}

impl LastHeader {
    fn read(&self, sent: &[u8]) -> Option<Rc<Header>> {
        let last = self.0.borrow();
        let read = last.as_ref().filter(|last| *last.sent == *sent)?;
        Some(Rc::clone(&read.header))
    }

    fn write(&self, sent: &[u8], header: Rc<Header>) {
        *self.0.borrow_mut() = Some(ReadHeader { sent: sent.into(), header });
    }
}

#[derive(Debug)]
struct Header {
    algorithm: Algorithm,
    kid: Option<String>,
}

impl Header {
    /// Keys and URLs of keys in the header (`jwk`, `jku`, `x5c`, `x5u`) are ignored: keys come from the configuration.
    fn parse(json: &[u8]) -> Result<Self, Refusal> {
        let members = Members::parse(json).ok_or(Refusal::Malformed)?;
        // No extension is supported, so every `crit` is refused (RFC 7515 §4.1.11), and with it `b64` (RFC 7797 §6);
        // `enc` and `zip` belong to encryption.
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
        Ok(Self { algorithm, kid: text("kid").transpose()?.map(Cow::into_owned) })
    }
}
