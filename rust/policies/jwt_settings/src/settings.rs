//! The policy's configuration, checked once at start.

use crate::encoding::Encoding;
use crate::rules::Rules;
use jwt_keys::algorithm::{ALGORITHMS, Algorithm};
use jwt_keys::key_set::KeySet;
use jwt_keys::placeholder::{PLACEHOLDER, is_placeholder};
use policy_configuration::shown;
use policy_http::{refuse_value, writable_name};
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
    /// The algorithms that a token may use.
    pub algorithms: Vec<Algorithm>,
    /// The keys that verify tokens.
    pub keys: KeySet,
    /// What is required of the claims.
    pub rules: Rules,
    /// The header that names the user to the upstream.
    pub user_header: String,
    /// Headers of claims, in the order of [`Rules::header_claims`].
    pub claim_headers: Vec<String>,
    /// Whether the token is forwarded to the upstream.
    pub forward: bool,
    /// `realm` of the challenges.
    pub realm: Option<String>,
}

impl Settings {
    /// Reads the configuration from JSON.
    ///
    /// # Errors
    /// A sentence that names the key and what to write instead.
    pub fn from_json(json: &[u8]) -> Result<Self, String> {
        let written: Written = policy_configuration::read(json, &[])?;
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
        check_realm(written.realm.as_deref())?;
        if written.leeway > MOST_LEEWAY {
            return Err(format!(
                "leeway: {} s is too long; write at most {MOST_LEEWAY}",
                written.leeway
            ));
        }
        let encoding = match written.claims_encoding.as_deref().map(Encoding::from_name) {
            None => Encoding::default(),
            Some(encoding) => encoding.ok_or(
                "claims_encoding: expected utf8 or percent; write utf8 to send values unchanged",
            )?,
        };
        let user_header = header("user_header", &written.user_header)?;
        let (claim_headers, header_claims) =
            claim_headers(written.claims_to_headers, &user_header)?;
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
            user_header,
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
            let upper = name.to_ascii_uppercase();
            let meant = Algorithm::from_name(&upper).map(|_| format!("; write {upper}"));
            format!(
                "algorithms: `{}` is not one of {}{}",
                shown(name),
                known(),
                meant.unwrap_or_default()
            )
        })
    };
    let algorithms = written.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let symmetric = algorithms.iter().filter(|algorithm| algorithm.is_symmetric()).count();
    if algorithms.is_empty() {
        return Err(format!("algorithms: the list is empty; write at least one of {}", known()));
    }
    if symmetric != 0 && symmetric != algorithms.len() {
        return Err(
            "algorithms: HS algorithms cannot be combined with others; use two policies".into()
        );
    }
    Ok(algorithms)
}

fn names(key: &str, written: &Value) -> Result<Vec<String>, String> {
    let entries = match written {
        Value::Null => return Ok(Vec::new()),
        Value::Array(entries) => entries.as_slice(),
        entry => std::slice::from_ref(entry),
    };
    let text = |entry: &Value| match entry {
        Value::String(name) if name.is_empty() => {
            Err(format!("{key}: the text is empty; leave the key out, or write a name"))
        }
        Value::String(name) if is_placeholder(name) => Err(format!("{key}: {PLACEHOLDER}")),
        Value::String(name) => Ok(name.clone()),
        Value::Number(number) => {
            Err(format!("{key}: expected a string, got {number}; write it in quotes: \"{number}\""))
        }
        _ => Err(format!("{key}: expected a string or a list of strings; write each in quotes")),
    };
    if entries.is_empty() {
        return Err(format!("{key}: the list is empty; leave the key out, or write [name]"));
    }
    entries.iter().map(text).collect()
}

/// The header of each claim in lower case, and the claims in the same order.
fn claim_headers(
    written: BTreeMap<String, String>,
    user_header: &str,
) -> Result<(Vec<String>, Vec<String>), String> {
    let (mut headers, mut claims) = (Vec::new(), Vec::new());
    for (written, claim) in written {
        let key = format!("claims_to_headers.{}", shown(&written));
        let name = header(&key, &written)?;
        if name == user_header {
            return Err(format!("{key}: it is the user header; write another name"));
        }
        if headers.contains(&name) {
            return Err(format!("{key}: another key names the same header; write it once"));
        }
        headers.push(name);
        claims.push(claim);
    }
    Ok((headers, claims))
}

/// The name in lower case, of a header that the policy may write.
fn header(key: &str, written: &str) -> Result<String, String> {
    let name = writable_name(key, written).map_err(|error| error.to_string())?;
    if name == "authorization" {
        return Err(format!("{key}: `authorization` has the token; write another name"));
    }
    Ok(name)
}

fn check_realm(realm: Option<&str>) -> Result<(), String> {
    let Some(realm) = realm else { return Ok(()) };
    refuse_value("realm", realm).map_err(|error| error.to_string())?;
    if realm.is_ascii() && !realm.contains(['"', '\\']) {
        return Ok(());
    }
    Err("realm: it has characters outside ASCII, \" or \\; write it without".to_owned())
}
