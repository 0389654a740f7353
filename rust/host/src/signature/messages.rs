//! The messages of the two foreign functions.

use super::protobuf;

/// Envoy's `VerifySignatureArguments`: `{string hash_function = 1; bytes public_key = 2;
/// bytes signature = 3; bytes text = 4}`. Its fifth, a key in PEM, is not read: modules have DER.
#[derive(Debug, Default)]
pub(super) struct Request<'a> {
    pub(super) public_key: &'a [u8],
    pub(super) message: &'a [u8],
    pub(super) signature: &'a [u8],
    pub(super) hash_function: &'a str,
}

impl<'a> Request<'a> {
    pub(super) fn read(args: &'a [u8]) -> Result<Self, &'static str> {
        let [hash_function, public_key, signature, message] = four_fields(args)?;
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
        let [algorithm, public_key, message, signature] = four_fields(args)?;
        Ok(Self { algorithm: text(algorithm)?, public_key, message, signature })
    }
}

/// Envoy's `VerifySignatureResult`: `{bool result = 1; string error = 2}`.
pub(super) fn answer(verdict: Result<(), &'static str>) -> Vec<u8> {
    let mut out = Vec::new();
    match verdict {
        Ok(()) => protobuf::write_true(1, &mut out),
        Err(reason) => protobuf::write_short_text(2, reason, &mut out),
    }
    out
}

/// Fields 1 to 4; what is absent is empty, and the last of several counts, as in proto3.
fn four_fields(args: &[u8]) -> Result<[&[u8]; 4], &'static str> {
    let mut fields = [&[][..]; 4];
    protobuf::read(args, |number, value| {
        let slot = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        if let Some(field) = slot.and_then(|slot| fields.get_mut(slot)) {
            *field = value;
        }
    })?;
    Ok(fields)
}

fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "a name in the arguments is not UTF-8")
}
