//! The policy's configuration: what a user writes, checked once at start.

use crate::algorithm::{ALGORITHMS, Algorithm};
use crate::claims::Rules;
use crate::encoding::Encoding;
use crate::key_set::KeySet;
use crate::key_text::PLACEHOLDER;
use crate::placeholder::is_placeholder;
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
    #[serde(default)]
    issuer: Value,
    #[serde(default)]
    audience: Value,
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
    claims_encoding: Option<String>,
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
        let written: Written = policy_http::read(json, &[])?;
        let algorithms = algorithms(&written.algorithms)?;
        let mut keys = KeySet::read(&written.keys).map_err(|error| {
            let is_secret = written.keys.get("secret").is_some();
            format!("{}: {error}", if is_secret { "keys.secret" } else { "keys" })
        })?;
        if let Some(idle) = algorithms.iter().find(|algorithm| !keys.serves(**algorithm)) {
            return Err(format!("keys: {}", keys.why_none(*idle)));
        }
        keys.keep_for(&algorithms);
        let keys = keys.checked().map_err(|error| format!("keys: {error}"))?;
        check_headers(&written)?;
        check_realm(written.realm.as_deref())?;
        if written.leeway > MOST_LEEWAY {
            return Err(format!("leeway: {} s is more than {MOST_LEEWAY} s", written.leeway));
        }
        let encoding = match written.claims_encoding.as_deref().map(Encoding::from_name) {
            None => Encoding::default(),
            Some(encoding) => encoding.ok_or("claims_encoding: expected utf8 or percent")?,
        };
        let (claim_headers, header_claims) = written.claims_to_headers.into_iter().unzip();
        Ok(Self {
            algorithms,
            keys,
            rules: Rules {
                issuers: names("issuer", &written.issuer)?,
                audiences: names("audience", &written.audience)?,
                leeway: written.leeway * 1_000_000_000,
                user_claim: written.user_claim,
                header_claims,
                encoding,
            },
            user_header: written.user_header,
            claim_headers,
            forward: written.forward,
            realm: written.realm,
        })
    }
}

fn algorithms(written: &[String]) -> Result<Vec<Algorithm>, String> {
    let known = || format!("{}, Ed25519", ALGORITHMS.map(|(name, _)| name).join(", "));
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

fn names(key: &str, written: &Value) -> Result<Vec<String>, String> {
    let text = |name: &Value| name.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
    let names: Option<Vec<_>> = match written {
        Value::Null => return Ok(Vec::new()),
        Value::Array(names) if !names.is_empty() => names.iter().map(text).collect(),
        name => text(name).map(|name| vec![name]),
    };
    if names.iter().flatten().any(|name| is_placeholder(name)) {
        return Err(format!("{key}: {PLACEHOLDER}"));
    }
    names.ok_or_else(|| {
        format!("{key}: expected a string or a list of strings, or leave the key out")
    })
}

fn check_headers(written: &Written) -> Result<(), String> {
    let headers = written
        .claims_to_headers
        .keys()
        .map(|name| (format!("claims_to_headers.{}", name.escape_debug()), name));
    for (key, name) in headers.chain([("user_header".to_owned(), &written.user_header)]) {
        refuse_name(&key, name).map_err(|error| error.to_string())?;
        if name == "authorization" {
            return Err(format!("{key}: `authorization` is where the token is; choose another"));
        }
    }
    if written.claims_to_headers.contains_key(&written.user_header) {
        let name = &written.user_header;
        return Err(format!("claims_to_headers.{name}: it is the user header; choose another"));
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
