//! Signatures verified and made natively.

use crate::abi::enums::Status;
use crate::guest::memory::{Fault, Guest};
use crate::services::signature;

/// Fuel for a byte, which is hashed, or is a character of a key in PEM.
const BYTE_UNITS: u64 = 3;

fn charge(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<(), Fault> {
    let bytes = BYTE_UNITS.saturating_mul(arguments.len() as u64);
    guest.charge(signature::CALL_UNITS.saturating_add(bytes))
}

/// `verify_signature`, Envoy's: `VerifySignatureArguments` in, `VerifySignatureResult` out.
pub(super) fn verify(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    charge(guest, arguments)?;
    Ok(signature::verify(arguments, &guest.env.core.vm.keys))
}

/// Envoy's `sign`: `SignArguments` in, `SignResult` out.
pub(super) fn sign(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    // Charged before the key is parsed, because parsing takes time, too.
    charge(guest, arguments)?;
    let signing = signature::Signing::read(arguments).ok_or(Status::BadArgument)?;
    guest.charge(signing.units())?;
    Ok(signing.sign())
}

/// `wasmgate_verify_signature`: RSA-PSS and `EdDSA`, which Envoy's function cannot express.
pub(super) fn verify_jws(guest: &mut Guest<'_>, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    charge(guest, arguments)?;
    Ok(signature::verify_jws(arguments, &guest.env.core.vm.keys))
}
