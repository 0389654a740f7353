//! The address of the client, and the fields that tell it to the upstream: `X-Forwarded-*`, `Forwarded` (RFC 7239)
//! and `Via` (RFC 9110 §7.6.3).
//!
//! An untrusted peer is the client: the gateway replaces its forwarding fields by its own. A trusted
//! peer is a proxy: the gateway appends to its lists and forwards its other fields.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use wasmgate_host::HeaderMap;

use crate::http::fields::Role;
use crate::http::networks::Networks;
use crate::http::peer::{Peer, address};
use crate::http::version::Version;

/// What one request says about the hops before this one.
#[derive(Debug)]
pub(crate) struct Forwarding<'a> {
    /// None also if the peer has no address (a Unix socket): such a peer is never trusted.
    peer: Option<(&'a Peer, IpAddr)>,
    trusted: bool,
    forwarded_for: Vec<u8>,
    forwarded: Vec<u8>,
}

impl<'a> Forwarding<'a> {
    pub fn new(peer: Option<&'a Peer>, proxies: &Networks) -> Self {
        let peer = peer.and_then(|peer| Some((peer, peer.address()?)));
        let trusted = peer.is_some_and(|(_, address)| proxies.contains(address));
        Self { peer, trusted, forwarded_for: Vec::new(), forwarded: Vec::new() }
    }

    /// Takes in a field of a proxy; true if it is forwarded unchanged.
    pub fn add(&mut self, role: Role, value: &[u8]) -> bool {
        match role {
            Role::ForwardedFor if self.trusted => append(&mut self.forwarded_for, value),
            Role::Forwarded if self.trusted => append(&mut self.forwarded, value),
            Role::ProxyHeader => return self.trusted,
            _ => {}
        }
        false
    }

    /// The client: from the right, the first address that is not a trusted proxy. If a proxy wrote
    /// something that is not an address, that proxy is taken for the client.
    pub fn client(&self, proxies: &Networks) -> Option<(Arc<str>, u16)> {
        let (peer, address) = self.peer?;
        let mut client = (address, peer.port());
        let mut hops = self.forwarded_for.rsplit(|b| *b == b',').map(<[u8]>::trim_ascii);
        while proxies.contains(client.0) {
            let Some(hop) = hops.next().and_then(hop_address) else {
                break;
            };
            client = hop;
        }
        let (host, port) = client;
        let host = if host == address { peer.host().clone() } else { host.to_string().into() };
        Some((host, port))
    }

    /// Writes the fields for the upstream; `port` is that of the authority.
    pub fn write(
        mut self,
        map: &mut HeaderMap,
        scheme: &str,
        authority: &[u8],
        port: Option<u16>,
        version: Version,
    ) {
        if let Some((peer, address)) = self.peer {
            if !self.forwarded.is_empty() {
                let element = element(address, scheme, authority);
                append(&mut self.forwarded, element.as_bytes());
                map.push(b"forwarded", &self.forwarded);
            }
            append(&mut self.forwarded_for, peer.host().as_bytes());
            map.push(b"x-forwarded-for", &self.forwarded_for);
        }
        let mut say = |name: &[u8], value: &[u8]| {
            if !(self.trusted && map.get(name).is_some()) {
                map.push(name, value);
            }
        };
        say(b"x-forwarded-proto", scheme.as_bytes());
        if !authority.is_empty() {
            say(b"x-forwarded-host", authority);
        }
        match port {
            Some(port) => say(b"x-forwarded-port", port.to_string().as_bytes()),
            None if scheme == "https" => say(b"x-forwarded-port", b"443"),
            None => say(b"x-forwarded-port", b"80"),
        }
        map.push(b"via", version.via());
    }
}

fn append(list: &mut Vec<u8>, value: &[u8]) {
    if !list.is_empty() {
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(value);
}

/// RFC 7239 §4; a valid authority holds no quote, so it can be quoted as it is.
fn element(peer: IpAddr, scheme: &str, authority: &[u8]) -> String {
    let host = String::from_utf8_lossy(authority);
    let node = match peer {
        IpAddr::V4(peer) => peer.to_string(),
        IpAddr::V6(peer) => format!("\"[{peer}]\""),
    };
    format!("for={node};host=\"{host}\";proto={scheme}")
}

/// `address`, `address:port`, `[address]` or `[address]:port`; port 0 stands for "not said".
fn hop_address(text: &[u8]) -> Option<(IpAddr, u16)> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(found) = address(text) {
        return Some((found, 0));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, rest) = rest.split_once(']')?;
        let port = if rest.is_empty() { 0 } else { rest.strip_prefix(':')?.parse().ok()? };
        return Some((IpAddr::V6(inside.parse::<Ipv6Addr>().ok()?).to_canonical(), port));
    }
    let (host, port) = text.split_once(':')?;
    Some((address(host)?, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::role;

    const PEER: &str = "10.0.0.9";

    fn tell(peer: &str, trusted: &[&str], fields: &[(&str, &str)]) -> (Vec<String>, String) {
        let proxies = Networks::parse(trusted).unwrap();
        let peer = Peer::new(peer, 5000);
        let mut forwarding = Forwarding::new(Some(&peer), &proxies);
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            if forwarding.add(role(name.as_bytes()), value.as_bytes()) {
                map.push(name.as_bytes(), value.as_bytes());
            }
        }
        let client = forwarding
            .client(&proxies)
            .map_or_else(String::new, |(host, port)| format!("{host} {port}"));
        forwarding.write(&mut map, "http", b"api.example:8080", Some(8080), Version::Http11);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (map.iter().map(|(n, v)| format!("{}: {}", text(n), text(v))).collect(), client)
    }

    #[test]
    fn words_of_an_untrusted_peer_are_overwritten() {
        let fields = [
            ("X-Forwarded-For", "6.6.6.6"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil"),
            ("X-Forwarded-User", "admin"),
            ("X-Real-IP", "6.6.6.6"),
            ("Forwarded", "for=6.6.6.6"),
        ];
        let (told, client) = tell(PEER, &[], &fields);
        let expected = [
            "x-forwarded-for: 10.0.0.9",
            "x-forwarded-proto: http",
            "x-forwarded-host: api.example:8080",
            "x-forwarded-port: 8080",
            "via: 1.1 wasmgate",
        ];
        assert_eq!(expected.map(str::to_owned).to_vec(), told);
        assert_eq!("10.0.0.9 5000", client);
    }

    #[test]
    fn words_of_a_trusted_peer_go_on_and_its_lists_grow() {
        let fields = [
            ("x-forwarded-for", "6.6.6.6, 203.0.113.7"),
            ("x-forwarded-for", "10.0.0.8"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "shop.example"),
            ("forwarded", "for=203.0.113.7"),
        ];
        let (told, client) = tell(PEER, &["10.0.0.0/8"], &fields);
        let expected = [
            "x-forwarded-proto: https",
            "x-forwarded-host: shop.example",
            "forwarded: for=203.0.113.7, for=10.0.0.9;host=\"api.example:8080\";proto=http",
            "x-forwarded-for: 6.6.6.6, 203.0.113.7, 10.0.0.8, 10.0.0.9",
            "x-forwarded-port: 8080",
            "via: 1.1 wasmgate",
        ];
        assert_eq!(expected.map(str::to_owned).to_vec(), told);
        assert_eq!("203.0.113.7 0", client);
    }

    #[test]
    fn the_client_is_the_first_untrusted_hop_from_the_right() {
        for (forwarded_for, expected) in [
            ("", "10.0.0.9 5000"),
            ("10.0.0.1, 10.0.0.2", "10.0.0.1 0"),
            ("203.0.113.7:4711", "203.0.113.7 4711"),
            ("[2001:db8::1]:4711, 10.0.0.2", "2001:db8::1 4711"),
            ("2001:db8::1", "2001:db8::1 0"),
            ("6.6.6.6, unknown, 10.0.0.2", "10.0.0.2 0"),
            ("203.0.113.7, ,", "10.0.0.9 5000"),
        ] {
            let fields = [("x-forwarded-for", forwarded_for)];
            assert_eq!(expected, tell(PEER, &["10.0.0.0/8"], &fields).1, "{forwarded_for}");
        }
    }

    #[test]
    fn a_peer_without_an_address_is_not_trusted() {
        let (told, client) = tell("testclient", &["0.0.0.0/0"], &[("x-forwarded-for", "6.6.6.6")]);
        assert_eq!("x-forwarded-proto: http", told[0]);
        assert_eq!("", client);
    }

    #[test]
    fn addresses_mapped_into_ipv6_and_zones_are_understood() {
        assert_eq!("10.0.0.9 5000", tell("::ffff:10.0.0.9", &[], &[]).1);
        assert_eq!("x-forwarded-for: fe80::1", tell("fe80::1%eth0", &[], &[]).0[0]);
    }
}
