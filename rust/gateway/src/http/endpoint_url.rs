//! The URL of an endpoint: scheme, host and port (RFC 3986 §3), for all callers.

use std::net::Ipv6Addr;

/// An endpoint's URL in its parts, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl {
    /// True for `https`.
    pub secure: bool,
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port that is written.
    pub written_port: Option<u16>,
}

/// Why a text is not the URL of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpointUrl {
    /// Not scheme, host and port.
    #[error("must be http://host:port or https://host:port")]
    Form,
    /// A byte that no URL has, such as a space.
    #[error("must be http://host:port or https://host:port, in ASCII and without spaces")]
    Characters,
    /// A port that is not from 1 to 65535.
    #[error("must have a port from 1 to 65535")]
    Port,
    /// A user or a password.
    #[error("must be http://host:port or https://host:port, without a user or a password")]
    UserInfo,
    /// A path, a query or a fragment.
    #[error("must be http://host:port or https://host:port, without a path: see prefix_rewrite")]
    Path,
}

impl BadEndpointUrl {
    /// What to write instead.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Form | Self::Characters => "write an endpoint such as http://127.0.0.1:9001",
            Self::Port => "write a port from 1 to 65535",
            Self::UserInfo => "let a policy set the authorization header instead",
            Self::Path => "take the path out, and write it to the route: prefix_rewrite",
        }
    }
}

impl EndpointUrl {
    /// Reads a URL like `http://127.0.0.1:9001`; one slash may follow.
    ///
    /// # Errors
    /// Why the text is not one.
    pub fn parse(url: &str) -> Result<Self, BadEndpointUrl> {
        if !url.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(BadEndpointUrl::Characters);
        }
        // RFC 3986 §3.1, §3.2.2: schemes and hosts have no case.
        let url = url.to_ascii_lowercase();
        let (scheme, rest) = url.split_once("://").ok_or(BadEndpointUrl::Form)?;
        let secure = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(BadEndpointUrl::Form),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(BadEndpointUrl::UserInfo);
        }
        let (host, port) = split_port(authority).ok_or(BadEndpointUrl::Form)?;
        let written_port = port.map(read_port).transpose()?;
        let host = read_host(host).ok_or(BadEndpointUrl::Form)?.to_owned();
        if !matches!(path, "" | "/") {
            return Err(BadEndpointUrl::Path);
        }
        Ok(Self { secure, host, written_port })
    }

    /// The port to connect to; that of the scheme, if none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.written_port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// Host and port as they are written.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, written_port, .. } = self;
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        written_port.map_or(host.clone(), |port| format!("{host}:{port}"))
    }
}

impl std::fmt::Display for EndpointUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    match authority.split_at(end) {
        (host, "") => Some((host, None)),
        (host, rest) => Some((host, Some(rest.strip_prefix(':')?))),
    }
}

fn read_port(digits: &str) -> Result<u16, BadEndpointUrl> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BadEndpointUrl::Form);
    }
    digits.parse().ok().filter(|port| *port > 0).ok_or(BadEndpointUrl::Port)
}

/// The host without brackets: an address, or a name of DNS (RFC 1035 §2.3.4; underscores are used).
fn read_host(host: &str) -> Option<&str> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok().then_some(address);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (host.len() <= 253 && name.split('.').all(is_label)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The same table as in tests/config/endpoint_urls.py.
    #[test]
    fn urls_are_read() {
        for (url, written, host, port, secure) in [
            ("http://127.0.0.1:9001", "http://127.0.0.1:9001", "127.0.0.1", 9001, false),
            ("https://orders.internal", "https://orders.internal", "orders.internal", 443, true),
            ("http://[::1]:80/", "http://[::1]:80", "::1", 80, false),
            (
                "HTTP://Orders_1.Example.",
                "http://orders_1.example.",
                "orders_1.example.",
                80,
                false,
            ),
        ] {
            let read = EndpointUrl::parse(url).unwrap();
            assert_eq!(
                (written, host, port, secure),
                (&*read.to_string(), &*read.host, read.port(), read.secure)
            );
        }
    }

    #[test]
    fn other_texts_are_refused_with_a_reason() {
        let long = format!("http://{}", "a".repeat(64));
        for (url, expected) in [
            ("", BadEndpointUrl::Form),
            ("127.0.0.1:9001", BadEndpointUrl::Form),
            ("ftp://a", BadEndpointUrl::Form),
            ("http://", BadEndpointUrl::Form),
            ("http://.", BadEndpointUrl::Form),
            ("http://-a", BadEndpointUrl::Form),
            ("http://a..b", BadEndpointUrl::Form),
            ("http://a~b", BadEndpointUrl::Form),
            ("http://a:", BadEndpointUrl::Form),
            ("http://a:b", BadEndpointUrl::Form),
            ("http://a:+1", BadEndpointUrl::Form),
            ("http://a:1:2", BadEndpointUrl::Form),
            ("http://::1", BadEndpointUrl::Form),
            ("http://[::1", BadEndpointUrl::Form),
            ("http://[::1]x", BadEndpointUrl::Form),
            ("http://[a]", BadEndpointUrl::Form),
            (&long, BadEndpointUrl::Form),
            ("http://a b", BadEndpointUrl::Characters),
            ("http://a\n:80", BadEndpointUrl::Characters),
            ("http://caf\u{e9}", BadEndpointUrl::Characters),
            ("http://a:0", BadEndpointUrl::Port),
            ("http://a:65536", BadEndpointUrl::Port),
            ("http://[::1]:99999999999", BadEndpointUrl::Port),
            ("http://u@a", BadEndpointUrl::UserInfo),
            ("http://u:p@a:80", BadEndpointUrl::UserInfo),
            ("http://a/base", BadEndpointUrl::Path),
            ("http://a//", BadEndpointUrl::Path),
            ("http://a?b", BadEndpointUrl::Path),
            ("http://a#b", BadEndpointUrl::Path),
        ] {
            assert_eq!(Err(expected), EndpointUrl::parse(url), "{url}");
        }
    }
}
