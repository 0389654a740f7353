//! Address ranges in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3), for trusted proxies.

use std::net::IpAddr;

/// A set of address ranges.
#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug)]
struct Network {
    bits: u128,
    prefix: u32,
}

/// A text that is neither an address nor a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an address range; write it like 10.0.0.0/8, 192.0.2.7 or fd00::/8")]
pub struct BadNetwork(pub String);

impl Networks {
    /// Reads ranges like `10.0.0.0/8`, or addresses, which are ranges of one.
    ///
    /// # Errors
    /// [`BadNetwork`] names the first text that is not a network, also one with bits set after its prefix.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, BadNetwork> {
        let read =
            |text: &S| network(text.as_ref()).ok_or_else(|| BadNetwork(text.as_ref().into()));
        texts.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// True if `address` is in one of the ranges; an IPv4 address may come mapped into IPv6.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        self.0.iter().any(|network| (bits ^ network.bits) & mask(network.prefix) == 0)
    }
}

/// Every address as an IPv6 one, so that one comparison serves both families.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn mask(prefix: u32) -> u128 {
    u128::MAX.checked_shl(128 - prefix).unwrap_or(0)
}

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix: u32 = match prefix {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None => width,
    };
    let host_bits = width.checked_sub(prefix)?;
    let network = Network { bits: bits(address), prefix: 128 - host_bits };
    (network.bits & !mask(network.prefix) == 0).then_some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_their_ranges() {
        let networks =
            Networks::parse(&["10.0.0.0/8", "192.0.2.7", "fd00::/8", "2001:db8::1"]).unwrap();
        for (address, expected) in [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.1.1", true),
            ("fdff::1", true),
            ("fe00::1", false),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
        ] {
            assert_eq!(expected, networks.contains(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_empty_prefix_holds_its_whole_family() {
        let v4 = Networks::parse(&["0.0.0.0/0"]).unwrap();
        assert!(v4.contains([203, 0, 113, 1].into()));
        assert!(!v4.contains("2001:db8::1".parse().unwrap()));
        let all = Networks::parse(&["::/0"]).unwrap();
        assert!(all.contains([203, 0, 113, 1].into()));
    }

    #[test]
    fn what_is_no_range_is_named() {
        for text in [
            "",
            "x",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "::/129",
            "10.0.0.0/",
            "::/4294967295",
            "10.0.0.0/+8",
        ] {
            assert_eq!(Some(BadNetwork(text.into())), Networks::parse(&[text]).err());
        }
    }
}
