//! The client whose bucket a request takes a token from.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::Hasher;
use std::net::{IpAddr, Ipv6Addr};

/// The attribute that identifies a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The source address of the connection.
    Address,
    /// The user that `jwt_auth` set.
    User,
    /// The value of a request header.
    Header(String),
}

impl By {
    /// Appends bytes that differ for every value.
    pub fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Address => to.push(1),
            Self::User => to.push(2),
            Self::Header(name) => {
                to.push(3);
                to.extend_from_slice(name.as_bytes());
            }
        }
    }
}

/// The client of a request. Two kinds never share a bucket, even if their bytes are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// An address.
    Address(Vec<u8>),
    /// A user.
    User(Vec<u8>),
    /// A header's value.
    Header(Vec<u8>),
}

impl Identity {
    /// The client at `source`, in the form `address:port`.
    ///
    /// The first 64 bits of an IPv6 address identify the client: a site has at least a /64 (RFC 6177).
    #[must_use]
    pub fn of_address(source: &[u8]) -> Self {
        let text = String::from_utf8_lossy(source);
        let host = text.rsplit_once(':').map_or(&*text, |(host, _)| host);
        let parsed = host.trim_start_matches('[').trim_end_matches(']').parse();
        Self::Address(match parsed.map(|address: IpAddr| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => address.octets().to_vec(),
            Ok(IpAddr::V6(address)) => network(address).to_vec(),
            Err(_) => source.to_vec(),
        })
    }

    /// A keyed hash that selects the entry and the bucket in it. Without `seed` a client cannot choose its value.
    #[must_use]
    pub fn hash(&self, seed: &[u8; 16]) -> u128 {
        let mut hasher = SipHasher13::new_with_key(seed);
        let (kind, text) = match self {
            Self::Address(text) => (1, text),
            Self::User(text) => (2, text),
            Self::Header(text) => (3, text),
        };
        hasher.write(text);
        hasher.write(&[kind]);
        hasher.finish128().as_u128()
    }
}

fn network(address: Ipv6Addr) -> [u8; 8] {
    let [a, b, c, d, ..] = address.segments().map(u16::to_be_bytes);
    [a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_ignored() {
        let first = Identity::of_address(b"192.0.2.1:1000");
        assert_eq!(first, Identity::of_address(b"192.0.2.1:2000"));
        assert_ne!(first, Identity::of_address(b"192.0.2.2:1000"));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let first = Identity::of_address(b"[2001:db8:0:1::1]:1000");
        assert_eq!(first, Identity::of_address(b"[2001:db8:0:1:ffff::]:1000"));
        assert_ne!(first, Identity::of_address(b"[2001:db8:0:2::1]:1000"));
    }

    #[test]
    fn an_ipv4_address_inside_ipv6_is_that_address() {
        let expected = Identity::of_address(b"192.0.2.1:1");
        assert_eq!(Identity::of_address(b"[::ffff:192.0.2.1]:1"), expected);
    }

    #[test]
    fn equal_texts_of_different_kinds_have_different_hashes() {
        let seed = [7; 16];
        let user = Identity::User(b"a".to_vec()).hash(&seed);
        assert_ne!(user, Identity::Header(b"a".to_vec()).hash(&seed));
    }

    #[test]
    fn another_seed_gives_another_hash() {
        let user = Identity::User(b"a".to_vec());
        assert_ne!(user.hash(&[7; 16]), user.hash(&[8; 16]));
    }
}
