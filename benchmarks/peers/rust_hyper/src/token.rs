//! RS256 tokens (RFC 7519) of one issuer.

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::header::HeaderValue;
use serde::Deserialize;
use std::error::Error;

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "orders";

/// What a token that verified says.
pub struct Grant {
    pub user: HeaderValue,
    /// Seconds since 1970.
    pub until: f64,
}

#[derive(Deserialize)]
struct Header<'t> {
    alg: &'t str,
}

#[derive(Deserialize)]
struct Claims<'t> {
    iss: &'t str,
    #[serde(borrow)]
    aud: Audience<'t>,
    sub: &'t str,
    exp: f64,
    nbf: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience<'t> {
    One(&'t str),
    #[serde(borrow)]
    Several(Vec<&'t str>),
}

impl Audience<'_> {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => *one == wanted,
            Self::Several(several) => several.contains(&wanted),
        }
    }
}

/// The issuer's key, parsed once.
pub struct Verifier(ParsedPublicKey);

impl Verifier {
    /// # Errors
    /// If `pem` is no `PUBLIC KEY` of RSA.
    pub fn new(pem: &str) -> Result<Self, Box<dyn Error>> {
        let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(text)?;
        Ok(Self(ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)?))
    }

    /// Returns what the token grants, or nothing if it does not hold at `now`.
    pub fn verify(&self, token: &[u8], now: f64) -> Option<Grant> {
        let token = std::str::from_utf8(token).ok()?;
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let header = URL_SAFE_NO_PAD.decode(header).ok()?;
        if serde_json::from_slice::<Header>(&header).ok()?.alg != "RS256" {
            return None;
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        self.0.verify_sig(signed.as_bytes(), &signature).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        let claims: Claims = serde_json::from_slice(&payload).ok()?;
        let holds = claims.iss == ISSUER
            && claims.aud.has(AUDIENCE)
            && now < claims.exp
            && claims.nbf.is_none_or(|begin| begin <= now);
        holds
            .then(|| HeaderValue::from_str(claims.sub).ok())
            .flatten()
            .map(|user| Grant { user, until: claims.exp })
    }
}
