//! Keys in text: PEM and JSON, and the error for any other text.

use crate::jwk;
use crate::key::Found;
use crate::pem_keys;
use crate::placeholder::{PLACEHOLDER, is_placeholder};
use serde_json::Value;

const SSH: &str =
    "an SSH key was given; write its public key as PEM: ssh-keygen -e -m PKCS8 -f key.pub";
/// Beginnings of texts that are neither PEM nor JSON, with the error for each.
const OTHER_TEXTS: [(&str, &str); 9] = [
    ("ssh-", SSH),
    ("ecdsa-sha2-", SSH),
    ("sk-", SSH),
    ("---- BEGIN SSH2", SSH),
    (
        "PuTTY-User-Key-File",
        "a private key was given, as PuTTY writes it; write its public key as PEM",
    ),
    ("<", "an HTML or XML page was given; was an error page saved in place of the keys?"),
    ("https://", FETCH),
    ("http://", FETCH),
    ("-----END", "the PEM block has no BEGIN line"),
];
const FETCH: &str =
    "an address was given, and keys are not fetched; save what is there and name the file";
const FILE: &str = "a path was given; write {file: ...} in gateway.yaml, Path(\"...\") in Python";

/// Reads the keys of a text.
///
/// # Errors
/// The reason, as part of a configuration error: it names what the text is.
pub fn keys(text: &str) -> Result<Found, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err("the text is empty; was the file or the variable filled?".to_owned());
    }
    if text.starts_with(['{', '[']) && !is_placeholder(text) {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| format!("the text begins like JSON and cannot be read: {error}"))?;
        return jwk::keys(&json);
    }
    if text.contains("-----BEGIN ") {
        return pem_keys::keys(text);
    }
    Err(not_a_key(text))
}

fn not_a_key(text: &str) -> String {
    if let Some((_, reason)) = OTHER_TEXTS.iter().find(|(start, _)| text.starts_with(start)) {
        return (*reason).to_owned();
    }
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n \t".contains(&byte);
    let is_line = !text.contains(char::is_whitespace);
    let ends_as_a_file =
        [".pem", ".key", ".pub", ".crt", ".cer", ".der", ".json", ".jwk", ".jwks", ".p12", ".pfx"]
            .iter()
            .any(|end| text.to_ascii_lowercase().ends_with(end));
    let reason = if is_placeholder(text) {
        PLACEHOLDER
    } else if text.contains(['\0', '\u{fffd}']) || text.starts_with("0\u{82}") {
        "the text is binary; a key in DER is written as PEM: openssl pkey -pubin -inform DER -in key.der"
    } else if text.contains("BEGIN ") {
        "the line with BEGIN needs five hyphens on either side: -----BEGIN PUBLIC KEY-----"
    } else if text.starts_with("ey") && text.split('.').count() == 3 {
        "a token was given; write the key that verifies it"
    } else if text.len() > 40 && text.starts_with('M') && text.bytes().all(is_base64) {
        "a key without its PEM lines was given; write -----BEGIN PUBLIC KEY----- in a line before it and \
         -----END PUBLIC KEY----- in a line after it"
    } else if is_line && (ends_as_a_file || text.contains(['/', '\\'])) {
        FILE
    } else {
        "the text is neither PEM nor a JWK; write a shared secret as {secret: ...} and a file as \
         {file: ...} in gateway.yaml, Path(\"...\") in Python"
    };
    reason.to_owned()
}
