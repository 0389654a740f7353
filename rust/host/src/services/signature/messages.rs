//! The messages of the foreign functions.

use std::borrow::Cow;

use crate::abi::protobuf;
use crate::services::signature::pem;

/// Envoy's `VerifySignatureArguments`: `{string hash_function = 1; bytes public_key = 2;
/// bytes signature = 3; bytes text = 4; string public_key_pem = 5}`, with one of the two keys.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) public_key: Cow<'a, [u8]>,
    pub(super) message: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) hash_function: &'a str,
}

impl<'a> Request<'a> {
    pub(super) fn read(args: &'a [u8]) -> Result<Self, &'static str> {
        let [hash_function, public_key, signature, message, pem] = protobuf::bytes_of(args)?;
        let public_key = one_key(public_key, pem)?;
        Ok(Self { public_key, message, signature, hash_function: text(hash_function)? })
    }
}

/// `{string algorithm = 1; bytes public_key = 2; bytes message = 3; bytes signature = 4}`.
#[derive(Debug, Default)]
pub(super) struct OwnRequest<'a> {
    pub(super) algorithm: &'a str,
    pub(super) public_key: &'a [u8],
    pub(super) message: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> OwnRequest<'a> {
    pub(super) fn read(args: &'a [u8]) -> Result<Self, &'static str> {
        let [algorithm, public_key, message, signature] = protobuf::bytes_of(args)?;
        Ok(Self { algorithm: text(algorithm)?, public_key, message, signature })
    }
}

/// Envoy's `VerifySignatureResult`: `{bool result = 1; string error = 2}`.
pub(super) fn answer(verdict: Result<(), &'static str>) -> Vec<u8> {
    let mut out = Vec::new();
    match verdict {
        Ok(()) => protobuf::write_true(1, &mut out),
        Err(reason) => protobuf::write_bytes(2, reason.as_bytes(), &mut out),
    }
    out
}

/// Envoy's `SignArguments`: `{string hash_function = 1; bytes private_key = 2; bytes text = 3;
/// string private_key_pem = 4}`, with one of the two keys.
pub(super) struct SignRequest<'a> {
    pub(super) hash_function: &'a str,
    pub(super) private_key: Cow<'a, [u8]>,
    pub(super) message: &'a [u8],
}

impl<'a> SignRequest<'a> {
    pub(super) fn read(args: &'a [u8]) -> Result<Self, &'static str> {
        let [hash_function, private_key, message, pem] = protobuf::bytes_of(args)?;
        let private_key = one_key(private_key, pem)?;
        Ok(Self { hash_function: text(hash_function)?, private_key, message })
    }
}

/// Envoy's `SignResult`: `{bool result = 1; bytes signature = 2; string error = 3}`.
pub(super) fn signed(signature: Result<Vec<u8>, &'static str>) -> Vec<u8> {
    let mut out = Vec::new();
    match signature {
        Ok(signature) => {
            protobuf::write_true(1, &mut out);
            protobuf::write_bytes(2, &signature, &mut out);
        }
        Err(reason) => protobuf::write_bytes(3, reason.as_bytes(), &mut out),
    }
    out
}

/// The key in DER, from whichever of the two fields has it.
fn one_key<'a>(der: &'a [u8], pem: &'a [u8]) -> Result<Cow<'a, [u8]>, &'static str> {
    match (der.is_empty(), pem.is_empty()) {
        (true, false) => pem::decode(pem).map(Cow::Owned).ok_or("the key is not PEM"),
        (false, false) => Err("there are two keys, one in DER and one in PEM"),
        (_, true) => Ok(Cow::Borrowed(der)),
    }
}

fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "a name in the arguments is not UTF-8")
}
