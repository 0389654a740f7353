//! What the IANA registries of special-purpose addresses say about an address (RFC 6890).
//!
//! The tables are those of the registries for IPv4 and IPv6, as the tests have them with their source:
//! blocks that are not "Globally Reachable" (False, N/A or empty), and the reachable blocks within them.
//! IPv6 is public in `2000::/3` alone, the only range that is allocated as global unicast (RFC 4291 §2.4),
//! so the registry's other blocks need no row.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of addresses: its first one, and how many bits its addresses share.
#[derive(Clone, Copy)]
struct Block<A>(A, u32);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u32) -> Block<Ipv4Addr> {
    Block(Ipv4Addr::new(a, b, c, d), bits)
}

/// A block whose first address has nothing but zeros behind these groups.
const fn v6<const N: usize>(first: [u16; N], bits: u32) -> Block<Ipv6Addr> {
    let mut all = [0; 8];
    let mut at = 0;
    while at < N {
        all[at] = first[at];
        at += 1;
    }
    let [at_0, at_1, at_2, at_3, at_4, at_5, at_6, at_7] = all;
    Block(Ipv6Addr::new(at_0, at_1, at_2, at_3, at_4, at_5, at_6, at_7), bits)
}

const NOT_REACHABLE_4: [Block<Ipv4Addr>; 15] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(240, 0, 0, 0, 4),
    v4(224, 0, 0, 0, 4), // multicast, of a registry of its own
];
const REACHABLE_4: [Block<Ipv4Addr>; 2] = [v4(192, 0, 0, 9, 32), v4(192, 0, 0, 10, 32)];
const NOT_REACHABLE_6: [Block<Ipv6Addr>; 4] =
    [v6([0x2001], 23), v6([0x2001, 0xdb8], 32), v6([0x2002], 16), v6([0x3fff], 20)];
const REACHABLE_6: [Block<Ipv6Addr>; 7] = [
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128),
    v6([0x2001, 3], 32),
    v6([0x2001, 4, 0x112], 48),
    v6([0x2001, 0x20], 28),
    v6([0x2001, 0x30], 28),
];
const GLOBAL_UNICAST: Block<Ipv6Addr> = v6([0x2000], 3);

// Link-local, multicast, broadcast and "this network": no server listens on these addresses.
const UNFIT_4: [Block<Ipv4Addr>; 4] =
    [v4(0, 0, 0, 0, 8), v4(169, 254, 0, 0, 16), v4(224, 0, 0, 0, 4), v4(255, 255, 255, 255, 32)];
const UNFIT_6: [Block<Ipv6Addr>; 3] = [v6([], 128), v6([0xfe80], 10), v6([0xff00], 8)];

/// RFC 4291 §2.5.5.2: the system connects over IPv4.
const MAPPED: Block<Ipv6Addr> = v6([0, 0, 0, 0, 0, 0xffff], 96);
/// RFC 6052 §2.1.
const NAT64: Block<Ipv6Addr> = v6([0x64, 0xff9b], 96);
/// RFC 8215.
const NAT64_LOCAL: Block<Ipv6Addr> = v6([0x64, 0xff9b, 1], 48);
/// RFC 4291 §2.5.5.1.
const COMPATIBLE: Block<Ipv6Addr> = v6([], 96);
/// RFC 7915, formerly RFC 2765 §2.1.
const TRANSLATED: Block<Ipv6Addr> = v6([0, 0, 0, 0, 0xffff], 96);
/// RFC 4380 §4.
const TEREDO: Block<Ipv6Addr> = v6([0x2001], 32);
/// RFC 3056 §2.
const SIX_TO_FOUR: Block<Ipv6Addr> = v6([0x2002], 16);
/// RFC 5214 §6.1: the first half of an interface identifier.
const ISATAP: [u32; 2] = [0x0000_5efe, 0x0200_5efe];

impl Block<Ipv4Addr> {
    fn has(self, ip: Ipv4Addr) -> bool {
        (u32::from(ip) ^ u32::from(self.0)) >> (32 - self.1) == 0
    }
}

impl Block<Ipv6Addr> {
    fn has(self, ip: Ipv6Addr) -> bool {
        (u128::from(ip) ^ u128::from(self.0)) >> (128 - self.1) == 0
    }
}

/// True if an address is globally reachable (RFC 6890), not in a private network.
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_4(ip),
        IpAddr::V6(ip) if MAPPED.has(ip) || NAT64.has(ip) => is_public_4(low(ip)),
        IpAddr::V6(ip) => {
            let listed = NOT_REACHABLE_6.iter().any(|block| block.has(ip))
                && !REACHABLE_6.iter().any(|block| block.has(ip));
            GLOBAL_UNICAST.has(ip) && !listed && embedded_in(ip).into_iter().all(is_public_4)
        }
    }
}

fn is_public_4(ip: Ipv4Addr) -> bool {
    REACHABLE_4.iter().any(|block| block.has(ip))
        || !NOT_REACHABLE_4.iter().any(|block| block.has(ip))
}

/// True if an address is link-local, multicast, broadcast or unspecified.
pub(super) fn is_unfit(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => UNFIT_4.iter().any(|block| block.has(ip)),
        IpAddr::V6(ip) => UNFIT_6.iter().any(|block| block.has(ip)),
    }
}

/// The IPv4 addresses to which a packet for an IPv6 address may be translated.
pub(super) fn embedded(ip: IpAddr) -> Vec<IpAddr> {
    match ip {
        IpAddr::V4(_) => Vec::new(),
        IpAddr::V6(ip) => embedded_in(ip).into_iter().map(IpAddr::V4).collect(),
    }
}

fn embedded_in(ip: Ipv6Addr) -> Vec<Ipv4Addr> {
    let number = u128::from(ip);
    if SIX_TO_FOUR.has(ip) {
        return vec![at(number, 80)];
    }
    if TEREDO.has(ip) {
        return vec![at(number, 64), at(!number, 0)];
    }
    if NAT64_LOCAL.has(ip) {
        return of_local_prefix(number);
    }
    let compatible = COMPATIBLE.has(ip) && number > 1; // 0 and 1 are `::` and `::1`
    let isatap = ISATAP.map(Ipv4Addr::from).contains(&at(number, 32));
    if compatible || isatap || [MAPPED, NAT64, TRANSLATED].iter().any(|block| block.has(ip)) {
        return vec![low(ip)];
    }
    Vec::new()
}

/// The IPv4 addresses after a prefix of 48, 56, 64 and 96 bits (RFC 6052 §2.2). Bits 64 to 71 are skipped.
fn of_local_prefix(number: u128) -> Vec<Ipv4Addr> {
    let tail = number & ((1 << 80) - 1);
    let without_gap = (tail >> 64) << 56 | tail & ((1 << 56) - 1);
    vec![at(without_gap, 40), at(without_gap, 32), at(without_gap, 24), at(number, 0)]
}

/// The 32 bits above so many.
#[allow(clippy::cast_possible_truncation, reason = "they are the lowest 32 bits")]
fn at(number: u128, above: u32) -> Ipv4Addr {
    Ipv4Addr::from((number >> above) as u32)
}

fn low(ip: Ipv6Addr) -> Ipv4Addr {
    at(u128::from(ip), 0)
}
