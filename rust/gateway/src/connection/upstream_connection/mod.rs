//! One exchange with an upstream over HTTP/1.1, without I/O: the request goes out, its response comes
//! in. It frames and counts the one, delimits and bounds the other, and knows whether the request may
//! be sent again and whether the connection may be used again.

mod response;

use wasmgate_host::{Body, HeaderMap};

use crate::connection::body_reader::BodyReader;
use crate::connection::output::{Chunk, Output};
use crate::connection::writer::BodyWriter;
use crate::http::framing::BodyFraming;
use crate::http::idempotence::{REPLAYED_BYTES, is_idempotent};

pub use response::{Event, Incoming};

/// An exchange with an upstream.
#[derive(Debug)]
pub struct UpstreamConnection {
    request: Request,
    /// Bytes of the body that are to come still, if their number was said.
    left: Option<u64>,
    response: Response,
    /// The request was HEAD: its response has no body (RFC 9110 §9.3.2).
    head_only: bool,
    /// What the upstream got of the request's body, in its framing, while the request can be sent
    /// once more: 1. the method may be repeated; 2. the upstream has sent nothing; 3. all that it got
    /// is kept; 4. it was not sent twice.
    replay: Option<Vec<u8>>,
}

/// How far the request got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    /// Nothing is sent.
    Held,
    /// The head is sent; the body follows in this framing.
    Body(BodyWriter),
    /// All of it is sent.
    Sent,
}

/// How far the response got.
#[derive(Debug)]
enum Response {
    /// Nothing was asked yet.
    Unasked,
    /// Its head is to come.
    Head {
        /// Bytes that were not read yet.
        input: Vec<u8>,
        /// Bytes of interim responses.
        interim: usize,
    },
    /// Its body is to come.
    Body {
        /// Bytes that were not read yet.
        input: Vec<u8>,
        reader: BodyReader,
        /// The upstream keeps the connection after the body.
        keep_alive: bool,
    },
    /// 101 came: what follows is not HTTP. Bytes that were not taken yet.
    Switched { input: Vec<u8> },
    /// It was read to its end, or given up. `reusable`: the connection can serve another exchange.
    Over { reusable: bool },
}

/// The request's body is not as long as its head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongLength;

impl UpstreamConnection {
    /// An exchange of which nothing is sent.
    pub(crate) const fn held() -> Self {
        Self {
            request: Request::Held,
            left: None,
            response: Response::Unasked,
            head_only: false,
            replay: None,
        }
    }

    /// An exchange whose request head is sent: its method, and how its body follows.
    #[must_use]
    pub fn new(method: &[u8], framing: BodyFraming) -> Self {
        let (writer, left) = match framing {
            BodyFraming::Chunked => (BodyWriter::Chunked, None),
            BodyFraming::Length(length) => (BodyWriter::Plain, Some(length)),
            BodyFraming::Empty => (BodyWriter::Plain, Some(0)),
        };
        Self {
            request: Request::Body(writer),
            left,
            response: Response::Head { input: Vec::new(), interim: 0 },
            head_only: method == b"HEAD",
            replay: is_idempotent(method).then(Vec::new),
        }
    }

    // The request.

    /// True before its head is sent.
    pub(crate) fn is_held(&self) -> bool {
        self.request == Request::Held
    }

    /// True once all of the request is sent.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.request == Request::Sent
    }

    /// Writes part of the body, and its end: what came in, or what became of it.
    ///
    /// # Errors
    /// The body is not as long as the head says. Nothing is written then: the upstream would read the
    /// rest as a request of its own.
    pub(crate) fn write(
        &mut self,
        out: &mut Output,
        body: &Body,
        came: Chunk<'_>,
        end: bool,
        trailers: Option<&HeaderMap>,
    ) -> Result<(), WrongLength> {
        let Request::Body(writer) = self.request else { return Ok(()) };
        if let Some(left) = &mut self.left {
            let length = match body {
                Body::Nothing => 0,
                Body::Same => came.bytes.len(),
                Body::Bytes(bytes) => bytes.len(),
            };
            *left = left.checked_sub(length as u64).ok_or(WrongLength)?;
            if end && *left > 0 {
                return Err(WrongLength);
            }
        }
        self.keep_for_replay(writer, body, came, end, trailers);
        writer.data(out, body, came);
        if end {
            writer.end(out.own(), trailers);
            self.request = Request::Sent;
        }
        Ok(())
    }

    /// Writes bytes of the body, and its end.
    ///
    /// # Errors
    /// As for [`UpstreamConnection::write`].
    pub fn write_bytes(
        &mut self,
        out: &mut Output,
        bytes: &[u8],
        end: bool,
    ) -> Result<(), WrongLength> {
        self.write(out, &Body::Same, Chunk { bytes, at: None }, end, None)
    }

    fn keep_for_replay(
        &mut self,
        writer: BodyWriter,
        body: &Body,
        came: Chunk<'_>,
        end: bool,
        trailers: Option<&HeaderMap>,
    ) {
        let Some(kept) = &mut self.replay else { return };
        let mut out = Output::default();
        writer.data(&mut out, body, Chunk { at: None, ..came });
        if end {
            writer.end(out.own(), trailers);
        }
        kept.append(out.own());
        if kept.len() > REPLAYED_BYTES {
            self.replay = None;
        }
    }

    /// True when the request can be sent once more over another connection.
    #[must_use]
    pub fn may_retry(&self) -> bool {
        self.replay.is_some()
    }

    /// Begins anew over another connection: what is to be sent behind the head, if it can be.
    pub fn retry(&mut self) -> Option<Vec<u8>> {
        let kept = self.replay.take()?;
        self.response = Response::Head { input: Vec::new(), interim: 0 };
        Some(kept)
    }
}

#[cfg(test)]
mod tests;
