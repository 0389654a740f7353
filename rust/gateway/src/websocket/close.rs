//! Close frames that the gateway sends itself (RFC 6455 §5.5.1, §7.4.1).

/// A status code and a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    code: u16,
    reason: &'static str,
}

/// The other end left without a close frame: for the upstream.
pub(crate) const CLIENT_LEFT: Close = Close { code: 1001, reason: "the client left" };
/// The same, for the client.
pub(crate) const UPSTREAM_FAILED: Close = Close { code: 1011, reason: "the upstream failed" };
/// The gateway stops.
pub(crate) const STOPPING: Close = Close { code: 1001, reason: "the gateway stops" };
/// No byte came for as long as the route allows.
pub(crate) const IDLE: Close = Close { code: 1001, reason: "idle for too long" };
/// A message is larger than the route allows.
pub(crate) const TOO_LARGE: Close = Close { code: 1009, reason: "the message is too large" };

/// FIN and the opcode of a close frame.
const FIRST_BYTE: u8 = 0x88;
const MASKED: u8 = 0x80;

impl Close {
    /// The frame for a client.
    pub fn for_client(self) -> Vec<u8> {
        let payload = self.payload();
        let mut frame = vec![FIRST_BYTE, length(&payload)];
        frame.extend_from_slice(&payload);
        frame
    }

    /// The frame for an upstream: what a client sends is masked (RFC 6455 §5.3).
    pub fn for_upstream(self) -> Vec<u8> {
        let mut key = [0; 4];
        // The mask keeps scripts in browsers from choosing the bytes on the wire; these are fixed, so
        // nothing depends on it should the system have no random bytes.
        let _ = getrandom::fill(&mut key);
        let payload = self.payload();
        let mut frame = vec![FIRST_BYTE, MASKED | length(&payload)];
        frame.extend_from_slice(&key);
        frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn payload(self) -> Vec<u8> {
        [&self.code.to_be_bytes(), self.reason.as_bytes()].concat()
    }
}

/// The payload's length; the reasons here are short enough for it to have one byte.
fn length(payload: &[u8]) -> u8 {
    u8::try_from(payload.len()).unwrap_or(125).min(125)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_it_as_it_is() {
        assert_eq!(TOO_LARGE.for_client(), b"\x88\x1a\x03\xf1the message is too large");
    }

    #[test]
    fn an_upstream_gets_it_masked() {
        for close in [CLIENT_LEFT, UPSTREAM_FAILED, STOPPING, IDLE, TOO_LARGE] {
            let (plain, masked) = (close.for_client(), close.for_upstream());
            let (key, payload) = masked[2..].split_at(4);
            let bare: Vec<u8> =
                payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
            assert_eq!((masked[0], masked[1]), (plain[0], plain[1] | MASKED));
            assert_eq!(bare, plain[2..], "{close:?}");
        }
    }

    #[test]
    fn the_reasons_fit_a_control_frame() {
        for close in [CLIENT_LEFT, UPSTREAM_FAILED, STOPPING, IDLE, TOO_LARGE] {
            assert!(close.payload().len() <= 125, "{close:?}");
        }
    }
}
