//! Foreign functions: the functions that `proxy_call_foreign_function` calls by name.
//!
//! To add one: a function in the file of its family, a line in [`BUILT_IN`], a row in the table of
//! the documentation.

#![allow(clippy::unnecessary_wraps, reason = "every function has the same shape")]

mod compression;
mod filter_state;
mod process;
mod signatures;

use crate::abi::enums::Status;
use crate::context::reentrancy;
use crate::guest::callouts;
use crate::guest::memory::{Fault, Guest};
use crate::types::capability::Capability;
use crate::types::foreign_function::{ForeignFunction, ForeignResult};
use crate::types::log_level::LogLevel;

/// A function of the host: it takes the arguments and returns the result.
type BuiltIn = fn(&mut Guest<'_>, &[u8]) -> Result<Vec<u8>, Fault>;

/// The functions of the host. The layer above cannot use their names.
const BUILT_IN: &[(&str, BuiltIn)] = &[
    ("clear_route_cache", process::clear_route_cache),
    ("compress", compression::compress),
    ("declare_property", filter_state::declare),
    ("get_log_level", process::get_log_level),
    ("inject_encoded_data_to_filter_chain_on_header", process::inject),
    ("set_envoy_filter_state", filter_state::set),
    ("sign", signatures::sign),
    ("uncompress", compression::uncompress),
    ("verify_signature", signatures::verify),
    ("wasmgate_verify_signature", signatures::verify_jws),
];

/// Fuel for a call of a function of the layer above, which is not metered.
const CALL_UNITS: u64 = 20_000;
/// Bytes of the longest result that a function of the layer above may give.
const RESULT: usize = 1 << 20;

/// The reserved names, sorted: those of the host's functions.
pub fn built_in_functions() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|(name, _)| *name)
}

/// Calls the function `name`.
pub(crate) fn call(guest: &mut Guest<'_>, name: &str, arguments: &[u8]) -> Result<Vec<u8>, Fault> {
    if let Some((_, built_in)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
        return built_in(guest, arguments);
    }
    let core = &guest.env.core;
    let found = core.services.foreign_function(name);
    if found.is_some() && !core.spec.capabilities.allows_foreign_function(name) {
        guest.env.denied(Capability::ForeignFunctions, name);
        return Err(Status::NotFound.into());
    }
    match found {
        Some(ForeignFunction::Synchronous(function)) => {
            guest.charge(CALL_UNITS)?;
            let result = reentrancy::guarded(|| function(arguments));
            checked(guest, name, result)
        }
        Some(ForeignFunction::Asynchronous) => callouts::call_foreign(guest, name, arguments),
        None => {
            let text = format!("the foreign function `{name}` is not available on this host");
            guest.env.log(LogLevel::Warn, text);
            Err(Status::NotFound.into())
        }
    }
}

fn checked(guest: &mut Guest<'_>, name: &str, result: ForeignResult) -> Result<Vec<u8>, Fault> {
    let problem = match result {
        Ok(bytes) if bytes.len() <= RESULT => return Ok(bytes),
        Ok(bytes) => format!("answered {} bytes, more than {RESULT}", bytes.len()),
        Err(problem) => problem,
    };
    guest.env.log(LogLevel::Error, format!("the foreign function `{name}` {problem}"));
    Err(Status::InternalFailure.into())
}
