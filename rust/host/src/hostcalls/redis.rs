//! Redis calls of dialect 0.2.100 (higress-group/proxy-wasm-go-sdk, `proxywasm/internal`).
//!
//! The name of a service may have options, such as `?db=1` for a database other than 0.

use crate::abi::answers::AnswerCallback;
use crate::abi::enums::Status;
use crate::context::delivery::Kind;
use crate::guest::callouts as asking;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::types::callout::{CalloutRequest, Login};

/// `proxy_redis_init`: sets the credentials and the timeout for a server. It does not connect yet.
#[allow(clippy::too_many_arguments, reason = "the ABI's parameters")]
pub(super) fn init(
    guest: &mut Guest<'_>,
    service: u32,
    service_size: u32,
    username: u32,
    username_size: u32,
    password: u32,
    password_size: u32,
    timeout: u32,
) -> Answer {
    let named = asking::name(guest, service, service_size)?;
    let username = asking::name(guest, username, username_size)?;
    let password = asking::name(guest, password, password_size)?;
    let upstream = server(guest, &named)?;
    let (login, timeout) = (Login { username, password }, asking::timeout(timeout));
    let root = asking::root(guest);
    let noted = guest.env.calls.log_in(root, upstream, login, timeout);
    noted.map_err(|why| asking::refused(guest, &why))
}

/// `proxy_redis_call`: `BAD_ARGUMENT` for a service that is unknown, not allowed or not initialized.
/// The query is sent as it is.
pub(super) fn call(
    guest: &mut Guest<'_>,
    service: u32,
    service_size: u32,
    query: u32,
    query_size: u32,
    call_at: u32,
) -> Answer {
    guest.check(call_at, 4)?;
    let named = asking::name(guest, service, service_size)?;
    let query = asking::body(guest, query, query_size)?;
    let upstream = server(guest, &named)?;
    let known = guest.env.calls.login(asking::root(guest), &upstream);
    let Some((upstream, login, timeout)) = known else {
        asking::refuse(guest, "proxy_redis_init comes before proxy_redis_call");
        return Err(Status::BadArgument.into());
    };
    let query = query.ok_or(Status::BadArgument)?;
    let request = CalloutRequest::Redis { upstream, login, query, timeout };
    asking::begin(guest, Kind::Single(AnswerCallback::Redis), request, call_at)
}

/// The allowed upstream with its database. Other options of Higress, such as `buffer_flush_timeout`,
/// tune Envoy's client and are ignored here.
fn server(guest: &mut Guest<'_>, named: &str) -> Result<String, Fault> {
    let (name, options) = named.split_once('?').unwrap_or((named, ""));
    let database = options.split('&').find_map(|option| option.strip_prefix("db="));
    let upstream = asking::upstream(guest, name).ok_or(Status::BadArgument)?;
    match database.map(str::parse::<u16>) {
        None | Some(Ok(0)) => Ok(upstream),
        Some(Ok(number)) => Ok(format!("{upstream}?db={number}")),
        Some(Err(_)) => {
            asking::refuse(guest, "a Redis database has a number");
            Err(Status::BadArgument.into())
        }
    }
}
