//! Keys that are given as text: PEM, JSON, and what is given in their place.

use crate::der::{self, Certificate};
use crate::jwk;
use crate::key_set::{Found, Key, Material};
use crate::material::PublicKey;
use crate::pem;
use crate::placeholder::is_placeholder;
use serde_json::Value;

const PRIVATE: &str =
    "a private key was given; write its public key: openssl pkey -in key.pem -pubout";
const SSH: &str =
    "an SSH key was given; write its public key as PEM: ssh-keygen -e -m PKCS8 -f key.pub";
/// What other blocks are, by the end of their label.
const OTHER_BLOCKS: [(&str, &str); 7] = [
    (
        "OPENSSH PRIVATE KEY",
        "a private key was given; write its public key: ssh-keygen -e -m PKCS8 -f key",
    ),
    ("PRIVATE KEY", PRIVATE),
    (
        "CERTIFICATE REQUEST",
        "a request for a certificate was given; write its key: openssl req -in request.pem -pubkey -noout",
    ),
    (
        "TRUSTED CERTIFICATE",
        "a certificate with openssl's own data was given; write it without: openssl x509 -in cert.pem",
    ),
    ("PKCS7", "PKCS #7 was given; write its certificates: openssl pkcs7 -in file.p7b -print_certs"),
    (
        "PGP PUBLIC KEY BLOCK",
        "a PGP key was given; keys of tokens are RSA, EC or Ed25519 in PEM or JWK",
    ),
    ("PARAMETERS", "the text holds parameters without a key"),
];
/// What a text that is neither PEM nor JSON begins with.
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

/// The keys in a text.
///
/// # Errors
/// A sentence for the person who configured it, which says what the text is.
pub fn keys(text: &str) -> Result<Found, String> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err("the text is empty; was the file or the variable filled?".to_owned());
    }
    if text.starts_with(['{', '[']) && !is_placeholder(text) {
        let json: Value = serde_json::from_slice(text.as_bytes())
            .map_err(|error| format!("the text begins like JSON and cannot be read: {error}"))?;
        return jwk::keys(&json);
    }
    if text.contains("-----BEGIN ") {
        return in_pem(text);
    }
    Err(not_a_key(text))
}

/// The keys in PEM. Blocks that cannot be used are left out if another can, but private keys are refused: they have
/// no place here.
///
/// # Errors
/// The reason for the first block.
pub fn in_pem(text: &str) -> Result<Found, String> {
    if text.contains("\\n") || text.contains("\\r") {
        return Err(
            "its line breaks are written as two characters, \\n; write real ones (in YAML in \
                    double quotes or behind |)"
                .to_owned(),
        );
    }
    let blocks = pem::blocks(text)?;
    if let Some(private) = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY")) {
        return Err(unusable(private.label));
    }
    let (mut found, mut issuers) = (Found::default(), Vec::new());
    for block in &blocks {
        match from_block(block, &mut issuers) {
            Ok(key) => {
                let material = Material::Public(Box::new(key));
                found.keys.push(Key { kid: None, algorithm: None, material });
            }
            Err(reason) => found.left_out.push(reason),
        }
    }
    match (found.keys.is_empty(), found.left_out.first()) {
        (true, Some(reason)) => Err(reason.clone()),
        (true, None) => Err("the text holds no PEM block".to_owned()),
        (false, _) => Ok(found),
    }
}

/// `issuers` are those of the certificates before: what comes behind a certificate of a chain is who signed it, and
/// not who signs tokens.
fn from_block(block: &pem::Block<'_>, issuers: &mut Vec<Vec<u8>>) -> Result<PublicKey, String> {
    match block.label {
        "PUBLIC KEY" => der::spki(&block.der()?),
        "RSA PUBLIC KEY" => der::pkcs1(&block.der()?),
        "CERTIFICATE" | "X509 CERTIFICATE" => {
            let bytes = block.der()?;
            let certificate = Certificate::read(&bytes)
                .ok_or("the PEM block CERTIFICATE holds no X.509 certificate")?;
            if issuers.iter().any(|issuer| issuer == certificate.subject) {
                return Err(
                    "a certificate signed the one before it, and signs no tokens".to_owned()
                );
            }
            issuers.push(certificate.issuer.to_vec());
            certificate.key()
        }
        label => Err(unusable(label)),
    }
}

fn unusable(label: &str) -> String {
    let known = OTHER_BLOCKS.iter().find(|(end, _)| label.ends_with(end));
    known.map_or_else(
        || format!("a PEM block {} is no public key", label.escape_debug()),
        |(_, reason)| (*reason).to_owned(),
    )
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
        "a token was given; write the key of who signs them"
    } else if text.len() > 40 && text.starts_with('M') && text.bytes().all(is_base64) {
        "a key without its PEM lines was given; write -----BEGIN PUBLIC KEY----- in a line before it and \
         -----END PUBLIC KEY----- in one behind"
    } else if is_line && (ends_as_a_file || text.contains(['/', '\\'])) {
        FILE
    } else {
        "the text is neither PEM nor a JWK; write a shared secret as {secret: ...} and a file as \
         {file: ...} in gateway.yaml, Path(\"...\") in Python"
    };
    reason.to_owned()
}

/// What is said of a secret or a key that was to come from a variable.
pub const PLACEHOLDER: &str = "the text looks like a placeholder that was not expanded; in gateway.yaml write {file: ...}, or ${NAME} with \
     the variable set, and in Python os.environ[\"NAME\"]";
