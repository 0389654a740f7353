//! The `:authority` of the forwarded request (RFC 3986 §3.2).

use policy_configuration::shown;

/// Whether `text` is `host` or `host:port`.
#[must_use]
pub fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(is_name_byte),
    };
    is_host && port.is_none_or(|port| is_port(port) && port.parse::<u16>().is_ok())
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Refuses text that is not `host` or `host:port`.
///
/// # Errors
/// A sentence with the right spelling.
pub fn check(text: &str) -> Result<(), String> {
    if is_authority(text) {
        return Ok(());
    }
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or(bare);
    let port = text.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.is_empty());
    let spelling = if text.starts_with('$') || text.contains('{') {
        "variables are not expanded, write the name itself".to_owned()
    } else if !text.is_ascii() {
        "write the name in ASCII, as xn--...".to_owned()
    } else if bare != text && is_authority(bare) {
        format!("write {bare}")
    } else if port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())) {
        "a port is at most 65535".to_owned()
    } else {
        "leave out the scheme and the path".to_owned()
    };
    Err(format!("`{}` is neither a host nor host:port; {spelling}", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_port_are_authorities() {
        for text in ["orders", "orders.internal:8080", "192.0.2.1", "[2001:db8::1]", "[::1]:80"] {
            assert!(is_authority(text), "{text}");
        }
    }

    #[test]
    fn text_that_is_not_a_host_is_refused_with_the_right_spelling() {
        for (text, expected) in [
            ("https://a.example/", "write a.example"),
            ("http://a.example:8080", "write a.example:8080"),
            ("a.example/v1", "write a.example"),
            ("$host", "variables are not expanded, write the name itself"),
            ("{{ host }}", "variables are not expanded, write the name itself"),
            ("bücher.example", "write the name in ASCII, as xn--..."),
            ("a.example:99999", "a port is at most 65535"),
            ("a b", "leave out the scheme and the path"),
        ] {
            let named = format!("`{text}` is neither a host nor host:port; {expected}");
            assert_eq!(check(text), Err(named));
        }
    }

    #[test]
    fn other_text_is_not_an_authority() {
        for text in ["", ":80", "a b", "a/b", "user@a", "a:", "a:99999", "a:b", "[::1", "a\r\nb"] {
            assert!(!is_authority(text), "{text}");
        }
    }
}
