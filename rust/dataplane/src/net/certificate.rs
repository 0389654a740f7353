//! The certificate and the private key that clients are shown, and what may be wrong with them.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, Error, InconsistentKeys, ServerConfig};

use crate::net::trusted::validity;

const SWAPPED: &str =
    "the two files may be swapped: --tls-certificate has the certificate, --tls-key its key";
const ANEW: &str = "copy the file anew, from the first BEGIN line to the last END line";
const KEYS: &str =
    "make a key of ECDSA (P-256, P-384 or P-521), Ed25519, or RSA with 2048 bits or more";

/// What TLS connections of clients have in common: a certificate and its key.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    warnings: Vec<String>,
}

/// One of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemFile {
    /// The certificate, with those that lead to its issuer behind it.
    Chain,
    /// The private key.
    Key,
}

/// Why a certificate and a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadCertificate {
    /// Where the mistake is.
    pub file: PemFile,
    /// What it is.
    pub problem: String,
    /// What to do.
    pub hint: &'static str,
}

impl fmt::Display for BadCertificate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = match self.file {
            PemFile::Chain => "certificate",
            PemFile::Key => "private key",
        };
        write!(out, "the {file}: {}", self.problem)
    }
}

impl Certificate {
    /// Reads a certificate, with those that lead to its issuer behind it, and a private key, both in
    /// PEM (RFC 7468).
    ///
    /// # Errors
    /// What cannot be read, or does not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, BadCertificate> {
        let provider = Arc::new(default_provider());
        let certificates = certificates(chain)?;
        let key = private_key(key)?;
        let key = provider
            .key_provider
            .load_private_key(key)
            .map_err(|error| bad_key(format!("the private key cannot be used ({error})"), KEYS))?;
        let warnings = expired(&certificates, now());
        let certified = CertifiedKey::new(certificates, key);
        if let Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = certified.keys_match()
        {
            return Err(mismatch(&certified));
        }
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| bad_key(error.to_string(), KEYS))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), warnings })
    }

    /// What clients may not like about it: a time that is over, or has not come.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

fn bad_chain(problem: impl Into<String>, hint: &'static str) -> BadCertificate {
    BadCertificate { file: PemFile::Chain, problem: problem.into(), hint }
}

fn bad_key(problem: impl Into<String>, hint: &'static str) -> BadCertificate {
    BadCertificate { file: PemFile::Key, problem: problem.into(), hint }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BadCertificate> {
    let certificates = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| bad_chain(format!("its PEM is damaged ({error})"), ANEW))?;
    if certificates.is_empty() {
        let labels = labels(pem);
        return Err(if pem.trim_ascii().is_empty() {
            bad_chain("the file is empty", "write the certificate into it, in PEM")
        } else if labels.is_empty() {
            bad_chain(
                "it is not PEM: no line begins with -----BEGIN",
                "convert it: openssl x509 -inform der -in FILE -out FILE.pem, or openssl pkcs12",
            )
        } else if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
            bad_chain("it has a private key and no certificate", SWAPPED)
        } else {
            let found = labels.join(", ");
            bad_chain(
                format!("it has no certificate (BEGIN CERTIFICATE), but: {found}"),
                "name the file with the certificate that a CA signed, not its request or its key",
            )
        });
    }
    for (index, certificate) in certificates.iter().enumerate() {
        let Err(error) = ParsedCertificate::try_from(certificate) else { continue };
        // One of an issuer may be of another version: that is for clients to judge.
        let damaged = matches!(error, Error::InvalidCertificate(CertificateError::BadEncoding));
        if index == 0 || damaged {
            let number = index + 1;
            return Err(bad_chain(
                format!("certificate {number} in it is not one of X.509 version 3 ({error})"),
                "have it made anew; `openssl req -x509` makes one for a trial",
            ));
        }
    }
    Ok(certificates)
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, BadCertificate> {
    let labels = labels(pem);
    let encrypted = labels.iter().any(|label| label == "ENCRYPTED PRIVATE KEY")
        || pem.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED);
    if encrypted {
        return Err(bad_key(
            "the private key is encrypted, and a server that starts by itself has no passphrase",
            "decrypt it: openssl pkey -in FILE -out FILE.key (readable only by the gateway)",
        ));
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| {
        if pem.trim_ascii().is_empty() {
            bad_key("the file is empty", "write the certificate's private key into it, in PEM")
        } else if labels.is_empty() {
            bad_key(
                "it is not PEM: no line begins with -----BEGIN",
                "convert it: openssl pkey -inform der -in FILE -out FILE.key",
            )
        } else if labels.iter().any(|label| label.ends_with("PRIVATE KEY")) {
            bad_key(format!("its PEM is damaged ({error})"), ANEW)
        } else if labels.iter().any(|label| label == "CERTIFICATE") {
            bad_key("it has a certificate and no private key", SWAPPED)
        } else {
            let found = labels.join(", ");
            bad_key(
                format!("it has no private key (BEGIN PRIVATE KEY), but: {found}"),
                "name the file with the private key that the certificate was made for",
            )
        }
    })
}

/// RFC 1421 §4.6.1.1: the older form of an encrypted key.
const ENCRYPTED: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// What a text in PEM has, by its BEGIN lines.
fn labels(pem: &[u8]) -> Vec<String> {
    let lines = pem.split(|byte| matches!(byte, b'\r' | b'\n'));
    let label = |line: &[u8]| {
        let line = line.trim_ascii().strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
        Some(line.escape_ascii().to_string())
    };
    lines.filter_map(label).collect()
}

/// Says why a key is not that of a certificate.
fn mismatch(certified: &CertifiedKey) -> BadCertificate {
    let fits = |certificate: &CertificateDer<'static>| {
        let alone = CertifiedKey::new(vec![certificate.clone()], Arc::clone(&certified.key));
        alone.keys_match().is_ok()
    };
    match certified.cert.iter().position(fits) {
        Some(index) => bad_chain(
            format!("the private key belongs to certificate {} in it, not to the first", index + 1),
            "write the server's own certificate first, then that of its issuer, and so on",
        ),
        None => bad_key(
            "the private key does not belong to the certificate",
            "name the key that the certificate was made for: a renewed one often comes with a new key",
        ),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Says which certificates have a time that is over, or has not come.
fn expired(certificates: &[CertificateDer<'_>], now: u64) -> Vec<String> {
    let days = |seconds: u64| match seconds / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    };
    let said = |(index, certificate): (usize, &CertificateDer<'_>)| {
        let (from, until) = validity(certificate)?;
        let number = index + 1;
        if until < now {
            Some(format!("certificate {number} in it expired {} ago", days(now - until)))
        } else if from > now {
            Some(format!(
                "certificate {number} in it is not valid for another {}",
                days(from - now)
            ))
        } else {
            None
        }
    };
    certificates.iter().enumerate().filter_map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_those_of_begin_lines() {
        let pem = b"text\r\n-----BEGIN EC PARAMETERS-----\nBg==\n-----END EC PARAMETERS-----\n\
            -----BEGIN PRIVATE KEY-----\nx -----BEGIN PUBLIC KEY-----\n-----BEGIN \xff-----";
        assert_eq!(labels(pem), ["EC PARAMETERS", "PRIVATE KEY", r"\xff"]);
    }

    #[test]
    fn what_is_in_neither_file_is_named() {
        for (pem, expected) in [
            (&b""[..], "the file is empty"),
            (b" \n", "the file is empty"),
            (b"0\x82\x01", "it is not PEM"),
            (b"-----BEGIN PUBLIC KEY-----\n", "it has no"),
            (b"-----BEGIN PRIVATE KEY-----\n!\n", "damaged"),
            (
                b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
                "it has a certificate",
            ),
        ] {
            let problem = private_key(pem).unwrap_err();
            assert!(problem.problem.contains(expected), "{problem}");
            assert_eq!(problem.file, PemFile::Key);
        }
        for pem in [&b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"[..], ENCRYPTED] {
            assert!(private_key(pem).unwrap_err().problem.contains("encrypted"));
        }
    }
}
