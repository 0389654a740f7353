//! What a route says of the host.

use crate::http::authority::Authority;

/// Hosts, without case, port and the dot that ends a full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HostPattern {
    Any,
    Exact(Vec<u8>),
    /// `*.example`: every name below `example`, at any depth; kept as `.example`.
    Below(Vec<u8>),
}

impl HostPattern {
    /// Reads a name, an address, `*.` and a name, or `*`.
    pub fn parse(host: &str) -> Option<Self> {
        if host == "*" {
            return Some(Self::Any);
        }
        let (name, below) = host.strip_prefix("*.").map_or((host, false), |name| (name, true));
        match Authority::parse(name.as_bytes()) {
            Ok(Authority { port: Some(_), .. }) | Err(_) => None,
            Ok(authority) if below => Some(Self::Below([b".", &*authority.key()].concat())),
            Ok(authority) => Some(Self::Exact(authority.key().into_owned())),
        }
    }

    /// True for a host, as [`Authority::key`] gives it.
    pub fn matches(&self, host: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => host == name,
            Self::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_without_a_port() {
        for host in ["a:80", "*.", "a b", "", "a.*", "*.*", "**"] {
            assert_eq!(None, HostPattern::parse(host), "{host}");
        }
        for (pattern, host, expected) in [
            ("*", "a", true),
            ("*", "", true),
            ("API.example.", "api.example", true),
            ("api.example", "x.api.example", false),
            ("*.API.example", "x.api.example", true),
            ("*.example", "a.b.example", true),
            ("*.example", "example", false),
            ("*.example", ".example", false),
            ("[::1]", "[::1]", true),
        ] {
            let found = HostPattern::parse(pattern).unwrap().matches(host.as_bytes());
            assert_eq!(expected, found, "{pattern} {host}");
        }
    }
}
