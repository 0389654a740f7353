//! A response after the policies.

use wasmgate_host::{Body, Effects, Head, HeaderMap, Progress, Stream};

use crate::http::body_length::{Count, Declared, LengthField, declared, going_on, response_length};
use crate::http::fields::{Role, is_field_value, is_token, role};

/// How much of a response went to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Nothing.
    Held,
    /// The head.
    Begun,
    /// All of it.
    Ended,
}

/// How far a response got.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is known at a time of its own")]
pub(crate) struct ResponseFlow {
    /// The request's method is HEAD.
    head_only: bool,
    pub stage: Stage,
    /// No policy changed the head: its fields are those that [`ResponseReader`] let through.
    ///
    /// [`ResponseReader`]: crate::ResponseReader
    as_read: bool,
    /// Something about the connection was left out of the upstream's fields.
    pub stripped: bool,
    /// The response is 101: it answers a handshake, and the connection is a WebSocket then.
    pub switches: bool,
    length_field: LengthField,
    /// The head as the route changed it.
    changed: Option<HeaderMap>,
    /// Bytes of the body that went to the client; none if the response has no body, also if the upstream sends one.
    sent: Option<Count>,
}

impl ResponseFlow {
    pub fn new(head_only: bool) -> Self {
        Self {
            head_only,
            stage: Stage::Held,
            as_read: false,
            stripped: false,
            switches: false,
            length_field: LengthField::Kept,
            changed: None,
            sent: Some(Count::default()),
        }
    }

    /// True if the response answers HEAD.
    pub fn is_head_only(&self) -> bool {
        self.head_only
    }

    /// Follows the effects of a step; `chunk` is the length of what came in with it.
    pub fn settle(&mut self, effects: &mut Effects, chunk: usize, stream: &Stream) {
        let progress = &mut effects.response;
        let length = going_on(progress, chunk);
        if progress.head != Head::Held {
            stream.with_response_headers(|map| self.begin(progress, length, map));
        }
        if progress.end {
            self.stage = Stage::Ended;
        }
        match &mut self.sent {
            Some(sent) => effects.reset |= !sent.add(length, progress.end),
            None => progress.body = Body::Nothing,
        }
    }

    /// The head is forwarded, with the first `length` bytes of the body.
    fn begin(&mut self, progress: &mut Progress, length: u64, map: &HeaderMap) {
        self.stage = Stage::Begun;
        self.as_read = progress.head == Head::Unchanged;
        let (status, declared) = (map.get(b":status").unwrap_or_default(), declared(map));
        // A policy may have answered something else instead.
        self.switches &= status == b"101";
        if self.switches {
            self.sent = None;
            progress.head = Head::Changed;
            return;
        }
        let (no_content, not_modified) = (status == b"204", status == b"304");
        let no_body = self.head_only || not_modified;
        let lengthless = no_content || not_modified;
        self.length_field = response_length(progress, length, declared, lengthless, no_body);
        let expected = match (self.length_field, declared) {
            (LengthField::Set(length), _) | (LengthField::Kept, Declared::Length(length)) => {
                Some(length)
            }
            _ => None,
        };
        self.sent = (!no_body && !no_content).then(|| Count::of(expected));
        if self.stripped || self.length_field != LengthField::Kept {
            progress.head = Head::Changed;
        }
    }

    /// Takes a head in place of the one that begins.
    pub fn replace_head(&mut self, head: HeaderMap, progress: &mut Progress) {
        self.as_read = false;
        self.changed = Some(head);
        progress.head = Head::Changed;
    }

    /// The head: that of the policies, or as the route changed it.
    pub fn head<'a>(&'a self, map: &'a HeaderMap) -> &'a HeaderMap {
        self.changed.as_ref().unwrap_or(map)
    }

    /// `map` as the client gets it.
    pub fn for_client(&self, map: &HeaderMap) -> HeaderMap {
        let mut map = map.clone();
        map.retain(|name, value| name.starts_with(b":") || self.shows(name, value));
        if let Some(length) = self.length() {
            map.push(b"content-length", length.to_string().as_bytes());
        }
        map
    }

    /// Whether the client gets a field. Policies may write what they like, but what is about the
    /// connection is not theirs to say.
    pub fn shows(&self, name: &[u8], value: &[u8]) -> bool {
        if self.as_read && self.length_field == LengthField::Kept {
            return true;
        }
        match role(name) {
            Role::HopByHop
            | Role::ConnectionSpecific
            | Role::Connection
            | Role::Te
            | Role::TransferEncoding => false,
            Role::ContentLength => self.length_field == LengthField::Kept,
            _ => is_token(name) && is_field_value(value),
        }
    }

    /// The corrected length.
    pub fn length(&self) -> Option<u64> {
        match self.length_field {
            LengthField::Set(length) => Some(length),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_do_not_speak_of_the_connection() {
        let fields: [(&[u8], &[u8]); 6] = [
            (b":status", b"200"),
            (b"connection", b"close"),
            (b"transfer-encoding", b"chunked"),
            (b"upgrade", b"h2c"),
            (b"x", b"a\r\nset-cookie: b"),
            (b"content-length", b"5"),
        ];
        let map = ResponseFlow::new(false).for_client(&fields.into_iter().collect());
        let expected: [(&[u8], &[u8]); 2] = [(b":status", b"200"), (b"content-length", b"5")];
        assert_eq!(expected.to_vec(), map.iter().collect::<Vec<_>>());
    }
}
