//! Hostcalls of Higress's dialect 0.2.100 besides Redis (higress-group/proxy-wasm-cpp-host, `exports.cc`).
//!
//! An endpoint is chosen by the cluster's `lb_policy` when the request leaves the chain, so a policy can
//! neither list nor choose endpoints. Higress's SDK passes the status to the policy as an error.

use crate::abi::enums::Status;
use crate::guest::memory::{Answer, Guest};
use crate::types::log_level::LogLevel;

fn absent(guest: &mut Guest<'_>, name: &str) -> Answer {
    guest.env.log(LogLevel::Warn, format!("{name} is not available on this host"));
    Err(Status::NotFound.into())
}

/// `proxy_get_upstream_hosts`.
pub(super) fn get_upstream_hosts(guest: &mut Guest<'_>, _hosts_at: u32, _size_at: u32) -> Answer {
    absent(guest, "proxy_get_upstream_hosts")
}

/// `proxy_set_upstream_override_host`.
pub(super) fn set_upstream_override_host(
    guest: &mut Guest<'_>,
    _host: u32,
    _host_size: u32,
) -> Answer {
    absent(guest, "proxy_set_upstream_override_host")
}
