//! The response: bytes of the upstream, and what they mean.

use std::ops::Range;

use wasmgate_host::HeaderMap;

use super::{Response, UpstreamConnection};
use crate::connection::body_reader::{BodyReader, Piece, trailer_fields};
use crate::connection::output::Chunk;
use crate::connection::{head, malformed};
use crate::exchange::response_head::ResponseReader;
use crate::http::connection_options::Persistence;
use crate::http::fields::Excerpt;
use crate::http::version::Version;

/// Bytes of a response's head, interim responses included.
pub(super) const HEAD: usize = 128 << 10;

/// Bytes that came, and how far they are read.
#[derive(Debug, Default)]
pub struct Incoming<'a> {
    new: &'a [u8],
    /// What was kept of bytes that came before, with the new ones behind it.
    joined: Vec<u8>,
    at: usize,
}

/// What the upstream's bytes mean.
#[derive(Debug)]
pub enum Event {
    /// More bytes are needed, or the exchange is over.
    More,
    /// An interim response.
    Interim(ResponseReader),
    /// The response's head, and whether that is all of it.
    Head(ResponseReader, bool),
    /// Bytes of its body ([`Incoming::chunk`]), and whether they are known to be the last.
    Data(Range<usize>, bool),
    /// Its end; malformed trailers count for none.
    End(Option<HeaderMap>),
    /// It is not a response of HTTP/1.1, for this reason. The connection is of no use any more.
    Bad(String),
}

impl Incoming<'_> {
    fn bytes(&self) -> &[u8] {
        if self.joined.is_empty() { self.new } else { &self.joined }
    }

    fn rest(&self) -> &[u8] {
        &self.bytes()[self.at..]
    }

    fn is_read(&self) -> bool {
        self.at == self.bytes().len()
    }

    /// Bytes of an [`Event::Data`].
    #[must_use]
    pub fn data(&self, range: Range<usize>) -> &[u8] {
        &self.bytes()[range]
    }

    /// The same, and where they are in what came in now.
    pub(crate) fn chunk(&self, range: Range<usize>) -> Chunk<'_> {
        let at = self.joined.is_empty().then_some(range.start);
        Chunk { bytes: self.data(range), at }
    }
}

impl UpstreamConnection {
    /// True from the request's head until the response is over.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(self.response, Response::Unasked | Response::Over { .. })
    }

    /// Once the exchange is over, whether its connection can serve another one.
    #[must_use]
    pub fn is_reusable(&self) -> bool {
        matches!(self.response, Response::Over { reusable: true })
    }

    /// Gives the exchange up; false if it was over, or never began.
    pub fn abandon(&mut self) -> bool {
        let was_open = self.is_open();
        self.replay = None;
        self.response = Response::Over { reusable: false };
        was_open
    }

    /// Takes the bytes that came behind 101.
    pub(crate) fn take_switched(&mut self) -> Vec<u8> {
        match &mut self.response {
            Response::Switched { input } => std::mem::take(input),
            _ => Vec::new(),
        }
    }

    /// Takes in bytes of the upstream; [`UpstreamConnection::next`] reads them.
    pub fn receive<'a>(&mut self, data: &'a [u8]) -> Incoming<'a> {
        self.replay = None;
        let joined = match &mut self.response {
            Response::Head { input, .. }
            | Response::Body { input, .. }
            | Response::Switched { input }
                if !input.is_empty() =>
            {
                input.extend_from_slice(data);
                std::mem::take(input)
            }
            _ => Vec::new(),
        };
        Incoming { new: data, joined, at: 0 }
    }

    /// Reads on.
    pub fn next(&mut self, incoming: &mut Incoming<'_>) -> Event {
        match &mut self.response {
            Response::Unasked | Response::Over { .. } => Event::More,
            Response::Head { .. } => self.next_head(incoming),
            Response::Switched { input } => {
                *input = incoming.rest().to_vec();
                Event::More
            }
            Response::Body { input, reader, .. } => {
                let mut at = incoming.at;
                let piece = reader.next(incoming.bytes(), &mut at);
                let before = std::mem::replace(&mut incoming.at, at);
                match piece {
                    Piece::Data(range, last) => {
                        if last {
                            self.end_response(incoming.is_read());
                        }
                        Event::Data(range, last)
                    }
                    Piece::End(lines) => {
                        let trailers = trailer_fields(incoming.data(lines));
                        self.end_response(incoming.is_read());
                        Event::End(trailers)
                    }
                    Piece::More => {
                        *input = incoming.rest().to_vec();
                        Event::More
                    }
                    Piece::Bad => {
                        let reason =
                            format!("malformed chunks: {}", Excerpt(&incoming.bytes()[before..]));
                        self.bad(reason)
                    }
                }
            }
        }
    }

    fn next_head(&mut self, incoming: &mut Incoming<'_>) -> Event {
        let Response::Head { input, interim } = &mut self.response else { return Event::More };
        let rest = incoming.rest();
        if !head::may_answer(rest) {
            return self.bad(format!("not a response of HTTP/1: {}", Excerpt(rest)));
        }
        match head::end(rest) {
            Ok(Some(end)) if end + *interim <= HEAD => self.read_head(incoming, end),
            Ok(None) if rest.len() + *interim <= HEAD => {
                *input = rest.to_vec();
                Event::More
            }
            Ok(_) => self.bad("the head is too long".into()),
            Err(bad) => self.bad(malformed::of_head(bad, rest)),
        }
    }

    /// Reads a whole head.
    fn read_head(&mut self, incoming: &mut Incoming<'_>, end: usize) -> Event {
        let bytes = &incoming.rest()[..end];
        let mut table = head::table();
        let line = match head::response(bytes, &mut table) {
            Ok(line) => line,
            Err(bad) => return self.bad(malformed::of_head(bad, bytes)),
        };
        let mut persistence = Persistence::default();
        let mut reader = ResponseReader::new(line.status);
        for field in line.fields {
            persistence.note(field.name.as_bytes(), field.value);
            reader.field(field.name.as_bytes(), field.value);
        }
        let newer = line.newer;
        incoming.at += end;
        if (100..200).contains(&reader.status()) && reader.status() != 101 {
            if let Response::Head { interim, .. } = &mut self.response {
                *interim += end;
            }
            return Event::Interim(reader);
        }
        if reader.status() == 101 {
            if !newer {
                return self.bad("101 in HTTP/1.0".into());
            }
            self.response = Response::Switched { input: Vec::new() };
            return Event::Head(reader, true);
        }
        let bodiless = self.head_only || matches!(reader.status(), 204 | 304);
        // RFC 9112 §6.3: how long the body is. 1. none by the request or the status; 2. chunked;
        // 3. its length; 4. until the connection ends.
        let (framing, malformed) = reader.framing();
        let body = match (bodiless, framing.chunked, framing.length) {
            (true, ..) => BodyReader::Done,
            (_, true, _) => BodyReader::chunked(),
            (_, _, Some(length)) => BodyReader::of_length(length),
            _ => BodyReader::UntilClose,
        };
        // RFC 9112 §6.1: an HTTP/1.0 response with `Transfer-Encoding` has faulty framing.
        let faulty = malformed || !newer && framing.chunked;
        let version = if newer { Version::Http11 } else { Version::Http10 };
        let keep_alive = persistence.lasts(version) && !faulty && body != BodyReader::UntilClose;
        self.response = Response::Body { input: Vec::new(), reader: body, keep_alive };
        let ended = body == BodyReader::Done;
        if ended {
            self.end_response(incoming.is_read());
        }
        Event::Head(reader, ended)
    }

    /// The response is read. Its connection can serve another exchange if 1. the upstream says so,
    /// 2. nothing follows the response (`clean`), and 3. the request is sent whole.
    fn end_response(&mut self, clean: bool) {
        let keep_alive = matches!(self.response, Response::Body { keep_alive: true, .. });
        self.response = Response::Over { reusable: clean && keep_alive && self.is_sent() };
    }

    fn bad(&mut self, reason: String) -> Event {
        self.response = Response::Over { reusable: false };
        Event::Bad(reason)
    }

    /// The upstream closed its connection.
    pub fn end(&mut self) -> Event {
        let reason = match &self.response {
            Response::Unasked | Response::Over { .. } => return Event::More,
            // The one body whose end is that of the connection.
            Response::Body { reader: BodyReader::UntilClose, .. } => {
                self.end_response(false);
                return Event::End(None);
            }
            Response::Switched { .. } => "it closed the connection after the handshake".into(),
            Response::Head { input, .. } => malformed::of_end(None, input),
            Response::Body { input, reader, .. } => malformed::of_end(Some(reader), input),
        };
        self.bad(reason.into_owned())
    }
}
