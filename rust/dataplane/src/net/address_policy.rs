//! Which addresses the name of a callout's upstream may resolve to.
//!
//! The owner of a public name can point it at any address, also at this machine and its private network,
//! and can change it between two look-ups (DNS rebinding). So each resolved address is checked, and the
//! client connects to the checked address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::net::address_space::{embedded, is_public, is_unfit};

/// Names that are not delegated in the public DNS: RFC 6761, RFC 6762, RFC 8375, ICANN's reservation of
/// "internal", and names that ICANN will not delegate because private networks use them.
const INTERNAL: [&str; 11] = [
    ".localhost",
    ".internal",
    ".local",
    ".home.arpa",
    ".test",
    ".corp",
    ".home",
    ".lan",
    ".intranet",
    ".private",
    ".svc",
];

/// Metadata services of clouds beside 169.254.169.254, which is link-local: they give credentials.
const METADATA: [IpAddr; 7] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

/// Checks that `name` may resolve to `address`.
///
/// A name that only a private network can have may resolve to private addresses and to this machine; any
/// other name only to public addresses. Of an IPv6 address that embeds an IPv4 address both are checked.
/// Link-local, multicast and unspecified addresses and the metadata services of clouds are refused for
/// every name.
///
/// # Errors
/// Why the address is refused, in words.
pub fn check_address(name: &str, address: IpAddr) -> Result<(), String> {
    let never = |ip: &IpAddr| is_unfit(*ip) || METADATA.contains(ip);
    if never(&address) || embedded(address).iter().any(never) {
        return Err(format!(
            "{name} resolves to {address}, a link-local, multicast, unspecified or metadata address, \
             which is refused for every name"
        ));
    }
    if !is_public(address) && !is_internal(name) {
        return Err(format!(
            "{name} resolves to {address}, which is not public; to allow it, put a cluster or the \
             address itself in `net`"
        ));
    }
    Ok(())
}

fn is_internal(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let name = lower.trim_end_matches('.');
    !name.contains('.') || INTERNAL.iter().any(|suffix| name.ends_with(suffix))
}

/// The addresses, if the name may resolve to all of them: one that mixes public and private addresses is an
/// attempt to reach the private one.
pub(crate) fn checked(name: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, String> {
    found.iter().try_for_each(|address| check_address(name, address.ip()))?;
    Ok(found)
}
