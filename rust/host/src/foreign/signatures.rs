//! Signatures verified and made natively.

use crate::abi::Status;
use crate::guest::{Fault, Guest};
use crate::signature;

/// `verify_signature`, Envoy's: `VerifySignatureArguments` in, `VerifySignatureResult` out.
pub(super) fn verify(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    guest.charge(signature::CALL_UNITS)?;
    Ok(signature::verify(arguments, &guest.env.core.vm.keys))
}

/// Envoy's `sign`: `SignArguments` in, `SignResult` out.
pub(super) fn sign(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    // Before the key is parsed, which computes, too.
    guest.charge(signature::CALL_UNITS)?;
    let signing = signature::Signing::read(arguments).ok_or(Status::BadArgument)?;
    guest.charge(signing.units())?;
    Ok(signing.sign())
}

/// `wasmgate_verify_signature`: RSA-PSS and `EdDSA`, for which Envoy's has no words.
pub(super) fn verify_jws(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    guest.charge(signature::CALL_UNITS)?;
    Ok(signature::verify_jws(arguments, &guest.env.core.vm.keys))
}
