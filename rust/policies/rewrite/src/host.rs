//! The authority that a request is sent on with (RFC 3986 §3.2).

/// Whether `text` is a host, or a host and a port, and nothing else.
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
    fn anything_else_is_none() {
        for text in ["", ":80", "a b", "a/b", "user@a", "a:", "a:99999", "a:b", "[::1", "a\r\nb"] {
            assert!(!is_authority(text), "{text}");
        }
    }
}
