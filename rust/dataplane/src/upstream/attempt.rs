//! An attempt to connect to an endpoint: its addresses, tried as RFC 8305 ("Happy Eyeballs") says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::refs::{AttemptRef, UpstreamRef};

/// How long an address has to itself before the next one is tried beside it (RFC 8305 §5).
pub(crate) const HEAD_START: Duration = Duration::from_millis(250);

/// An attempt, until one of its connections is made or all have failed.
pub(crate) struct Attempt {
    pub(crate) this: AttemptRef,
    pub(crate) pool: usize,
    pub(crate) began: Instant,
    /// When it is given up.
    pub(crate) until: Instant,
    /// Addresses that were not tried yet; none until the name is resolved.
    pub(crate) addresses: VecDeque<SocketAddr>,
    /// Connections that are being made.
    pub(crate) connecting: Vec<UpstreamRef>,
    /// Why the last one failed.
    pub(crate) reason: Reason,
}

/// Why an attempt failed, in words.
#[derive(Debug)]
pub(crate) enum Reason {
    /// The endpoint has no address, or none that answers.
    Unreachable(String),
    /// The host resolves to an address that is refused.
    Denied(String),
}

impl Default for Reason {
    fn default() -> Self {
        Self::Unreachable("the name has no address".into())
    }
}

impl From<&std::io::Error> for Reason {
    /// The error without its number.
    fn from(error: &std::io::Error) -> Self {
        let text = error.to_string();
        Self::Unreachable(text.split(" (os error").next().unwrap_or_default().to_owned())
    }
}

/// Addresses in the order in which they are tried: the families take turns, and the first one's goes
/// first (RFC 8305 §4).
pub(crate) fn order(addresses: &[SocketAddr]) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first() else { return VecDeque::new() };
    let (same, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().copied().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut ordered = VecDeque::with_capacity(addresses.len());
    let (mut same, mut other) = (same.into_iter(), other.into_iter());
    loop {
        let pair = [same.next(), other.next()];
        if pair == [None, None] {
            return ordered;
        }
        ordered.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"]);
        assert_eq!(order(&given), VecDeque::from(expected));
        assert_eq!(order(&[]), VecDeque::new());
    }
}
