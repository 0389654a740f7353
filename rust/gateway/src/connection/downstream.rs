//! The client's bytes: heads and bodies of requests.

use std::sync::Arc;

use httparse::Header;
use wasmgate_host::Pressure;

use crate::connection::body_reader::{BodyReader, Piece, trailer_fields};
use crate::connection::effects::Received;
use crate::connection::head::{self, BadHead};
use crate::connection::in_flight::{InFlight, ResponseProgress};
use crate::connection::output::Chunk;
use crate::connection::upstream_connection::UpstreamConnection;
use crate::connection::{ANSWERS, Access, Connection, Reading, Step};
use crate::exchange::Exchange;
use crate::exchange::request_head::RequestLine;
use crate::http::connection_options::Persistence;
use crate::http::problem::Problem;
use crate::http::version::{NOT_SUPPORTED, Version};

const LINES: Problem =
    Problem::bad_request("a line of the head does not end with CR LF, or is folded");
const SYNTAX: Problem = Problem::bad_request("the head is not one of HTTP/1.1");
const CHUNKS: Problem = Problem::bad_request("the chunked body is malformed");
const LONG_HEAD: Problem = Problem::new(431, "the head is too long");
const TAB: Problem = Problem::bad_request("there is a tab beside the length of the body");
const LONG_LINE: Problem = Problem::new(414, "the request line is too long");

/// Room for a request line beside the fields.
const LINE: usize = 20 << 10;

impl Connection {
    /// Bytes came from the client.
    pub fn receive(&mut self, data: &[u8]) -> Step {
        if self.reading == Reading::Tunnel {
            let chunk = Chunk { bytes: data, at: Some(0) };
            return self.advance(|in_flight, step| in_flight.pass_to_upstream(chunk, step));
        }
        let mut step = Step::default();
        if self.reading == Reading::Paused && !self.choked {
            self.reading = Reading::Head;
        }
        if self.input.is_empty() {
            self.read(data, true, &mut step);
        } else {
            self.input.extend_from_slice(data);
            if !matches!(self.reading, Reading::Waiting | Reading::Paused) {
                self.read_input(&mut step);
            }
        }
        self.settle(&mut step);
        step
    }

    /// Reads the next request, as far as it has come.
    pub(super) fn read_on(&mut self, step: &mut Step) {
        self.reading = Reading::Head;
        self.read_input(step);
    }

    fn read_input(&mut self, step: &mut Step) {
        let input = std::mem::take(&mut self.input);
        self.read(&input, false, step);
    }

    /// Reads as far as it can be read now, and keeps the rest; `new`: the input is what came in with
    /// this step.
    pub(super) fn read(&mut self, input: &[u8], new: bool, step: &mut Step) {
        let mut at = 0;
        loop {
            let goes_on = match self.reading {
                Reading::Head => self.read_head(input, &mut at, step),
                Reading::Body => self.read_body(input, new, &mut at, step),
                Reading::Waiting | Reading::Paused | Reading::Tunnel => false,
                Reading::Closed => return,
            };
            if !goes_on {
                break;
            }
        }
        if self.reading != Reading::Closed && at < input.len() {
            self.input = input[at..].to_vec();
        }
    }

    fn read_head(&mut self, input: &[u8], at: &mut usize, step: &mut Step) -> bool {
        // RFC 9112 §2.2: empty lines before a request are to be ignored.
        while input[*at..].starts_with(b"\r\n") {
            *at += 2;
        }
        let rest = &input[*at..];
        if !rest.is_empty() && (self.choked || step.client.len() >= ANSWERS) {
            self.reading = Reading::Paused;
            step.unread = !self.choked;
            return false;
        }
        let limit = self.router.limits.header_bytes + LINE;
        let end = match head::end(rest) {
            Ok(Some(end)) if end <= limit => end,
            Ok(None) if rest.len() <= LINE => return false,
            Ok(_) if head::line(rest) > LINE => return self.refuse(LONG_LINE, step),
            Ok(None) if rest.len() <= limit => return false,
            Ok(_) => return self.refuse(LONG_HEAD, step),
            Err(_) => return self.refuse(LINES, step),
        };
        let opened = self.open(&rest[..end], step);
        if opened {
            *at += end;
        }
        opened
    }

    pub(super) fn refuse(&mut self, problem: Problem, step: &mut Step) -> bool {
        self.reading = Reading::Closed;
        step.refuse(problem);
        false
    }

    /// Opens an exchange with a whole head. False: it cannot be read, and was refused.
    fn open(&mut self, bytes: &[u8], step: &mut Step) -> bool {
        let mut table = head::table();
        let line = match head::request(bytes, &mut table) {
            Ok(line) => line,
            Err(bad) => {
                return self.refuse(problem_of(bad), step);
            }
        };
        let options = Options::of(line.fields);
        if options.framed && head::tab_in_framing(bytes) {
            return self.refuse(TAB, step);
        }
        let router = Arc::clone(&self.router);
        let version = if line.newer { Version::Http11 } else { Version::Http10 };
        let mut reader = router.read(RequestLine {
            version,
            secure: self.ends.secure,
            method: line.method,
            target: line.target,
            peer: self.ends.peer.as_ref(),
            server: self.ends.server.as_ref(),
            facts: self.ends.facts.as_ref(),
            connection: Some(self.id),
        });
        for field in line.fields {
            reader.field(field.name.as_bytes(), field.value);
        }
        let Ok((exchange, effects)) = Exchange::open(&router, reader, false) else { return false };
        let in_flight = self.in_flight.insert(InFlight {
            version,
            // Behind a handshake that is refused there may be frames, which are no requests.
            keep_alive: options.persistence.lasts(version)
                && !self.draining
                && !exchange.is_handshake(),
            request_body: request_body(&exchange, options.framed),
            upstream: UpstreamConnection::held(),
            response: ResponseProgress::Held,
            timeout: exchange.timeout(),
            pressure: Pressure::default(),
            withheld: false,
            tunnel: None,
            access: self.logs.then(|| Access::of(&line)),
            exchange,
        });
        step.timed |= in_flight.timeout.is_some();
        let ended = in_flight.request_is_read();
        self.reading = if ended { Reading::Waiting } else { Reading::Body };
        in_flight.follow(Ok(effects), Received::Request(Chunk::default(), ended), step);
        // RFC 9110 §10.1.1: HTTP/1.0 has no Expect.
        let expects = options.expects && version == Version::Http11;
        if expects && !ended && !in_flight.response.has_begun() && !step.reset {
            step.client.own().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        true
    }

    fn read_body(&mut self, input: &[u8], new: bool, at: &mut usize, step: &mut Step) -> bool {
        let Some(in_flight) = &mut self.in_flight else { return false };
        let mut trailers = None;
        let (chunk, last) = match in_flight.request_body.next(input, at) {
            Piece::Data(range, last) => {
                (Chunk { at: new.then_some(range.start), bytes: &input[range] }, last)
            }
            Piece::End(lines) => {
                trailers = trailer_fields(&input[lines]).filter(|fields| !fields.is_empty());
                (Chunk::default(), true)
            }
            Piece::More => return false,
            Piece::Bad => {
                in_flight.give_up(CHUNKS, step);
                return false;
            }
        };
        if last {
            self.reading = Reading::Waiting;
        }
        let effects = match trailers {
            Some(fields) => in_flight.exchange.on_request_trailers(fields),
            None => in_flight.exchange.on_request_body(chunk.bytes, last),
        };
        in_flight.follow(effects, Received::Request(chunk, last), step);
        !step.reset && !in_flight.is_answered()
    }
}

/// The answer to a head that cannot be read.
const fn problem_of(bad: BadHead) -> Problem {
    match bad {
        BadHead::Fields => LONG_HEAD,
        BadHead::Version => NOT_SUPPORTED,
        BadHead::Lines | BadHead::Syntax => SYNTAX,
    }
}

/// How the body of a request follows; `framed`: its fields announce one.
fn request_body(exchange: &Exchange, framed: bool) -> BodyReader {
    match exchange.framing().length {
        // A refused request's body is not parsed, so the connection cannot be reused.
        _ if !exchange.is_routed() && framed => BodyReader::Unread,
        _ if !exchange.body_follows() => BodyReader::Done,
        Some(length) => BodyReader::of_length(length),
        None => BodyReader::chunked(),
    }
}

/// What the fields say about the connection and the body.
#[derive(Default)]
struct Options {
    persistence: Persistence,
    /// The client waits for 100 (Continue) before it sends the body.
    expects: bool,
    /// A body was announced.
    framed: bool,
}

impl Options {
    fn of(list: &[Header<'_>]) -> Self {
        let mut options = Self::default();
        for field in list {
            options.note(field.name.as_bytes(), field.value);
        }
        options
    }

    fn note(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            14 => self.framed |= name.eq_ignore_ascii_case(b"content-length"),
            17 => self.framed |= name.eq_ignore_ascii_case(b"transfer-encoding"),
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects |= value.trim_ascii().eq_ignore_ascii_case(b"100-continue");
            }
            _ => self.persistence.note(name, value),
        }
    }
}
