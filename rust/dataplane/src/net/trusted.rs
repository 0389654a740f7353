//! Which certificates of upstreams are taken: those that a trusted one has signed, and one that is
//! trusted itself.
//!
//! `openssl req -x509` makes a self-signed certificate that says it may sign others. Servers inside of a
//! house often show such a one, and OpenSSL takes it where it is trusted by name; the rules of the Web PKI
//! do not (RFC 5280 §6.1 starts below the trust anchor).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// The rules of the Web PKI, and the certificates that are trusted as they are.
#[derive(Debug)]
pub(crate) struct Trusted {
    pub(crate) rules: Arc<WebPkiServerVerifier>,
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        behind: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let judged = self.rules.verify_server_cert(shown, behind, name, ocsp, now);
        if judged.is_ok() || !self.certificates.contains(shown) {
            return judged;
        }
        verify_server_name(&ParsedCertificate::try_from(shown)?, name)?;
        let Some((from, until)) = validity(shown) else {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        };
        match now.as_secs() {
            now if now < from => Err(Error::InvalidCertificate(CertificateError::NotValidYet)),
            now if now > until => Err(Error::InvalidCertificate(CertificateError::Expired)),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.supported_verify_schemes()
    }
}

/// From when to when a certificate is valid, in seconds since 1970 (RFC 5280 §4.1).
pub(crate) fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut rest, _) = element(certificate)?;
    // version (optional), serialNumber, signature, issuer, then validity
    if rest.first() == Some(&0xa0) {
        rest = element(rest)?.2;
    }
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (tag, from, rest) = element(validity)?;
    let (until_tag, until, _) = element(rest)?;
    Some((seconds(tag, from)?, seconds(until_tag, until)?))
}

/// The first element of DER: its tag, its content, and what follows (X.690 §8.1).
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// A time of a certificate, in UTC (RFC 5280 §4.1.2.5): `YYMMDDHHMMSSZ` for 1950 to 2049, else with
/// four digits of the year.
fn seconds(tag: u8, text: &[u8]) -> Option<u64> {
    let digits: Vec<u64> = text
        .strip_suffix(b"Z")?
        .iter()
        .map(|digit| digit.is_ascii_digit().then(|| u64::from(digit - b'0')))
        .collect::<Option<_>>()?;
    let number = |at: usize| Some(digits.get(at)? * 10 + digits.get(at + 1)?);
    let (year, at) = match tag {
        0x17 => (number(0).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        0x18 => (number(0)? * 100 + number(2)?, 4),
        _ => return None,
    };
    let (month, day) = (number(at)?, number(at + 2)?);
    let (hour, minute, second) = (number(at + 4)?, number(at + 6)?, number(at + 8)?);
    // Days since 1970, with the year beginning in March (the last day of it is the odd one).
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    let days = days.checked_sub(719_469)?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970() {
        for (tag, text, expected) in [
            (0x17, "700101000000Z", Some(0)),
            (0x17, "240229120000Z", Some(1_709_208_000)),
            (0x17, "491231235959Z", Some(2_524_607_999)),
            (0x18, "20500101000000Z", Some(2_524_608_000)),
            (0x17, "500101000000Z", None),
            (0x17, "7001010000Z", None),
            (0x17, "70010100000xZ", None),
            (0x0c, "700101000000Z", None),
        ] {
            assert_eq!(seconds(tag, text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_cut_is_no_element() {
        assert_eq!(element(&[0x30, 2, 1, 2, 3]), Some((0x30, &[1, 2][..], &[3][..])));
        assert_eq!(element(&[0x30, 0x81, 1, 7]), Some((0x30, &[7][..], &[][..])));
        for cut in [&[][..], &[0x30], &[0x30, 2, 1], &[0x30, 0x82, 1], &[0x30, 0x85, 1, 1, 1, 1, 1]]
        {
            assert_eq!(element(cut), None);
        }
    }
}
