//! The common parts of hostcalls that make callouts: checks of the guest's arguments and of its
//! capabilities, and the record of the callout.

use std::sync::Arc;
use std::time::Duration;

use crate::abi::answers::AnswerCallback;
use crate::abi::enums::Status;
use crate::abi::pairs;
use crate::context::callouts::{CalloutError, Requester};
use crate::context::delivery::Kind;
use crate::context::instance_state::ContextKind;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::types::callout::CalloutRequest;
use crate::types::capability::Capability;
use crate::types::fields::is_field;
use crate::types::headers::HeaderMap;
use crate::types::log_level::LogLevel;

/// Fuel for a callout besides its bytes: the layer above performs it.
const CALLOUT_UNITS: u64 = 10_000;
/// The default timeout of a callout.
const TIMEOUT: Duration = Duration::from_secs(10);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);
/// Maximum length in bytes of the name of an upstream, a service, a method or a user.
const NAME: usize = 1024;
/// Fuel for each byte of a name, which is decoded as text and compared.
const NAME_UNITS: u64 = 4;

/// The timeout for the guest's number of milliseconds; 0 is the default.
pub(crate) fn timeout(milliseconds: u32) -> Duration {
    let timeout = Duration::from_millis(milliseconds.into());
    if timeout.is_zero() { TIMEOUT } else { timeout.min(LONGEST_TIMEOUT) }
}

/// Reads a name as text.
pub(crate) fn name(guest: &mut Guest<'_>, at: u32, size: u32) -> Result<String, Fault> {
    Ok(String::from_utf8_lossy(&name_bytes(guest, at, size)?).into_owned())
}

/// Reads a name as bytes.
pub(crate) fn name_bytes(guest: &mut Guest<'_>, at: u32, size: u32) -> Result<Vec<u8>, Fault> {
    let name = guest.read_some(at, size, NAME)?;
    guest.charge(name.len() as u64 * NAME_UNITS)?;
    Ok(name)
}

/// The upstream in the capability `net` that the guest's name refers to.
pub(crate) fn upstream(guest: &mut Guest<'_>, named: &str) -> Option<String> {
    let found = guest.env.core.spec.capabilities.upstream(named).map(str::to_owned);
    if found.is_none() {
        guest.env.denied(Capability::Net, named);
    }
    found
}

/// Reads a body, a message or a query; `None` above the limit `body`, which is logged.
pub(crate) fn body(guest: &mut Guest<'_>, at: u32, size: u32) -> Result<Option<Vec<u8>>, Fault> {
    guest.check(at, size)?;
    if size as usize > guest.env.core.spec.limits.body {
        refuse(guest, "its limit `body` allows no more bytes");
        return Ok(None);
    }
    guest.read(at, size).map(Some)
}

/// Reads fields; `None` above the limits or if a field is invalid, which is logged. A malformed map is
/// empty, as in Envoy.
pub(crate) fn fields(
    guest: &mut Guest<'_>,
    at: u32,
    size: u32,
) -> Result<Option<HeaderMap>, Fault> {
    guest.check(at, size)?;
    let limits = &guest.env.core.spec.limits;
    let (headers, header_bytes) = (limits.headers, limits.header_bytes);
    let most = limits.pairs();
    if size as usize > most {
        refuse(guest, "its limits `headers` and `header_bytes` allow no more");
        return Ok(None);
    }
    let bytes = guest.read(at, size)?;
    guest.charge(bytes.len() as u64)?;
    let map = pairs::decode(&bytes).unwrap_or_default();
    if map.len() > headers || map.byte_len() > header_bytes {
        refuse(guest, "its limits `headers` and `header_bytes` allow no more");
        return Ok(None);
    }
    let bad = map.iter().find(|(name, value)| {
        let bare = name.strip_prefix(b":").unwrap_or(name);
        !is_field(bare, value)
    });
    if let Some((name, _)) = bad {
        let text = format!("`{}` is not a valid field", name.escape_ascii());
        refuse(guest, &text);
        return Ok(None);
    }
    Ok(Some(map))
}

/// Records a callout and writes its id to the guest.
pub(crate) fn begin(
    guest: &mut Guest<'_>,
    kind: Kind,
    request: CalloutRequest,
    number_at: u32,
) -> Answer {
    let number = open(guest, kind, request)?;
    guest.write_u32(number_at, number)
}

/// Records a callout of the effective context's stream, or of no stream if that stream is ending.
pub(super) fn open(
    guest: &mut Guest<'_>,
    kind: Kind,
    request: CalloutRequest,
) -> Result<u32, Fault> {
    guest.charge(CALLOUT_UNITS)?;
    let requester = requester(guest);
    let number = guest.env.calls.open(&requester, kind, request);
    let number = number.map_err(|why| refused(guest, &why))?;
    guest.env.core.services.statistics(&requester.policy).called_out();
    Ok(number)
}

/// The effective plugin and its stream.
fn requester(guest: &Guest<'_>) -> Requester {
    let env = &*guest.env;
    let (core, effective) = (&env.core, env.effective);
    let (root, stream) = match env.contexts.get(&effective) {
        Some(ContextKind::Stream { root, .. }) => {
            (*root, (!env.calls.stream_ended).then_some(effective))
        }
        Some(ContextKind::Root) | None => (effective, None),
    };
    let (policy, byte_limit) = (Arc::clone(&core.name), core.spec.limits.body);
    Requester { plugin: core.id, policy, root, stream, byte_limit }
}

/// The root context of the effective plugin.
pub(crate) fn root(guest: &Guest<'_>) -> u32 {
    requester(guest).root
}

/// Records a further message, or the close, of a gRPC stream.
pub(crate) fn add(guest: &mut Guest<'_>, number: u32, request: CalloutRequest) -> Answer {
    guest.charge(CALLOUT_UNITS)?;
    let requester = requester(guest);
    guest.env.calls.add(&requester, number, request).map_err(|why| refused(guest, &why))
}

pub(crate) fn refused(guest: &mut Guest<'_>, why: &CalloutError) -> Fault {
    refuse(guest, &why.text());
    Status::InternalFailure.into()
}

/// Logs why a callout is refused.
pub(crate) fn refuse(guest: &mut Guest<'_>, why: &str) {
    guest.env.log(LogLevel::Warn, format!("could not make a callout: {why}"));
}

/// Calls an asynchronous foreign function that the capabilities allow; it responds in
/// `proxy_on_foreign_function`. The result is the id of the call, as 4 bytes, little-endian: the
/// callback's `function_id`.
pub(crate) fn call_foreign(
    guest: &mut Guest<'_>,
    name: &str,
    arguments: &[u8],
) -> Result<Vec<u8>, Fault> {
    let request = CalloutRequest::Foreign { name: name.to_owned(), arguments: arguments.to_vec() };
    let number = open(guest, Kind::Single(AnswerCallback::Foreign), request)?;
    Ok(number.to_le_bytes().to_vec())
}
