//! Foreign function interface: `verify_signature` (Envoy's) and `wasmgate_verify_signature` (ours).

use super::http_calls::absent;
use crate::abi::Status;
use crate::guest::{Answer, Guest};
use crate::signature;

/// Longer names are no function's.
const NAME: usize = 256;

/// `proxy_call_foreign_function`.
pub(super) fn call(
    guest: &mut Guest<'_>,
    name: u32,
    name_size: u32,
    arguments: u32,
    arguments_size: u32,
    result_at: u32,
    size_at: u32,
) -> Answer {
    let name = guest.read_some(name, name_size, NAME)?;
    let arguments = guest.read(arguments, arguments_size)?;
    let name = String::from_utf8_lossy(&name).into_owned();
    let Some(result) = signature::foreign(&name, &arguments, guest.env.core.host.keys()) else {
        return absent(guest, &format!("the foreign function `{name}`"), Status::NotFound);
    };
    guest.charge(signature::CALL_UNITS)?;
    guest.give(&result, result_at, size_at)
}
