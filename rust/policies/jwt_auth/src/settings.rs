//! The policy's configuration: what a user writes, checked once at start.

use crate::algorithm::{ALGORITHMS, Algorithm};
use crate::claims::Rules;
use crate::key_set::KeySet;
use policy_http::{refuse_name, refuse_value};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

const MOST_LEEWAY: u64 = 3600;
const DEFAULT_USER_HEADER: &str = "x-auth-user";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    algorithms: Vec<String>,
    keys: Value,
    issuer: Option<Names>,
    audience: Option<Names>,
    #[serde(default)]
    leeway: u64,
    #[serde(default = "default_user_claim")]
    user_claim: String,
    #[serde(default = "default_user_header")]
    user_header: String,
    #[serde(default)]
    claims_to_headers: BTreeMap<String, String>,
    #[serde(default = "default_forward")]
    forward: bool,
    realm: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "text or a list of texts")]
enum Names {
    One(String),
    Many(Vec<String>),
}

fn default_user_claim() -> String {
    "sub".to_owned()
}

fn default_user_header() -> String {
    DEFAULT_USER_HEADER.to_owned()
}

fn default_forward() -> bool {
    true
}

/// A configuration that passed every check.
#[derive(Debug)]
pub struct Settings {
    /// The only algorithms a token may use.
    pub algorithms: Vec<Algorithm>,
    /// The only keys a token may be signed with.
    pub keys: KeySet,
    /// What the claims must say.
    pub rules: Rules,
    /// The header that names the user to the server behind.
    pub user_header: String,
    /// Headers made of claims, in the order of [`Rules::header_claims`].
    pub claim_headers: Vec<String>,
    /// Whether the token itself goes on to the server behind.
    pub forward: bool,
    /// `realm` of the challenges.
    pub realm: Option<String>,
}

impl Settings {
    /// Reads the configuration from JSON.
    ///
    /// # Errors
    /// A sentence that names the key and what to try.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let written: Written =
            serde_json::from_slice(json).map_err(|error| format!("configuration: {error}"))?;
        let algorithms = algorithms(&written.algorithms)?;
        let keys = KeySet::from_json(&written.keys).map_err(|error| format!("keys: {error}"))?;
        if let Some(idle) = algorithms.iter().find(|algorithm| !keys.serves(**algorithm)) {
            return Err(format!(
                "keys: none can be used with {}{}",
                idle.name(),
                what_to_try(*idle)
            ));
        }
        check_headers(&written)?;
        check_realm(written.realm.as_deref())?;
        if written.leeway > MOST_LEEWAY {
            return Err(format!("leeway: {} s is more than {MOST_LEEWAY} s", written.leeway));
        }
        let (claim_headers, header_claims) = written.claims_to_headers.into_iter().unzip();
        Ok(Self {
            algorithms,
            keys,
            rules: Rules {
                issuers: names("issuer", written.issuer)?,
                audiences: names("audience", written.audience)?,
                leeway: written.leeway * 1_000_000_000,
                user_claim: written.user_claim,
                header_claims,
            },
            user_header: written.user_header,
            claim_headers,
            forward: written.forward,
            realm: written.realm,
        })
    }
}

fn algorithms(written: &[String]) -> Result<Vec<Algorithm>, String> {
    let known = || ALGORITHMS.map(|(name, _)| name).join(", ");
    let read = |name: &String| {
        Algorithm::from_name(name).ok_or_else(|| {
            format!("algorithms: `{}` is not one of {}", name.escape_debug(), known())
        })
    };
    let algorithms = written.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let symmetric = algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
    if algorithms.is_empty() {
        return Err(format!("algorithms: name at least one of {}", known()));
    }
    if symmetric != 0 && symmetric != algorithms.len() {
        return Err("algorithms: HS algorithms cannot stand beside others; use two policies".into());
    }
    Ok(algorithms)
}

fn what_to_try(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Hs(hash) => format!("; its secret needs {} bytes or more", hash.digest_len()),
        _ => "; check the type of the key and its `alg`".to_owned(),
    }
}

fn names(key: &str, written: Option<Names>) -> Result<Vec<String>, String> {
    let names = match written {
        None => return Ok(Vec::new()),
        Some(Names::One(name)) => vec![name],
        Some(Names::Many(names)) => names,
    };
    if names.is_empty() || names.iter().any(String::is_empty) {
        return Err(format!("{key}: write a text or a list of texts, or leave the key out"));
    }
    Ok(names)
}

fn check_headers(written: &Written) -> Result<(), String> {
    let headers = written.claims_to_headers.keys().map(|name| ("claims_to_headers", name));
    for (key, name) in headers.chain([("user_header", &written.user_header)]) {
        refuse_name(key, name).map_err(|error| error.to_string())?;
        if name == "authorization" {
            return Err(format!("{key}: `authorization` is where the token is; choose another"));
        }
    }
    if written.claims_to_headers.contains_key(&written.user_header) {
        return Err(format!("claims_to_headers: `{}` is the user header", written.user_header));
    }
    Ok(())
}

fn check_realm(realm: Option<&str>) -> Result<(), String> {
    let Some(realm) = realm else { return Ok(()) };
    refuse_value("realm", realm).map_err(|error| error.to_string())?;
    if realm.is_ascii() && !realm.contains(['"', '\\']) {
        return Ok(());
    }
    Err("realm: write ASCII text without \" and \\".to_owned())
}
