//! Keys of PEM blocks: public keys and certificates, and the error for any other block.

use crate::der::{self, Certificate};
use crate::key::{Found, Key, Material};
use crate::material::PublicKey;
use crate::pem;

const PRIVATE: &str =
    "a private key was given; write its public key: openssl pkey -in key.pem -pubout";
/// Ends of the labels of other blocks, with the error for each.
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

/// Reads the keys of PEM text. Unusable blocks are left out if another one is usable; private keys are always refused.
///
/// # Errors
/// The reason for the first block.
pub fn keys(text: &str) -> Result<Found, String> {
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
        (true, None) => Err("the text has no PEM block".to_owned()),
        (false, _) => Ok(found),
    }
}

/// `issuers` are those of earlier certificates: in a chain the issuer's certificate follows, and it does not sign tokens.
fn from_block(block: &pem::Block<'_>, issuers: &mut Vec<Vec<u8>>) -> Result<PublicKey, String> {
    match block.label {
        "PUBLIC KEY" => der::spki(&block.der()?),
        "RSA PUBLIC KEY" => der::pkcs1(&block.der()?),
        "CERTIFICATE" | "X509 CERTIFICATE" => {
            let bytes = block.der()?;
            let certificate = Certificate::read(&bytes)
                .ok_or("the PEM block CERTIFICATE does not hold an X.509 certificate")?;
            if issuers.iter().any(|issuer| issuer == certificate.subject) {
                return Err(
                    "a certificate signed the one before it, and does not sign tokens".to_owned()
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
        || {
            format!(
                "a PEM block {} is not a public key; write PUBLIC KEY or CERTIFICATE",
                policy_configuration::shown(label)
            )
        },
        |(_, reason)| (*reason).to_owned(),
    )
}
