//! The client's bytes: heads and bodies of requests.

use httparse::Header;

use crate::connection::body_reader::{BodyReader, Piece};
use crate::connection::effects::Came;
use crate::connection::head::{self, BadHead};
use crate::connection::output::Chunk;
use crate::connection::upstream::trailer_fields;
use crate::connection::{ANSWERS, Access, Connection, State, Step, Upstream};
use crate::exchange::Exchange;
use crate::exchange::request_head::RequestLine;
use crate::http::problem::Problem;
use crate::http::version::Version;

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
        let mut step = Step::default();
        if self.state == State::Unanswered && !self.choked {
            self.state = State::Head;
        }
        if self.input.is_empty() {
            self.read(data, true, &mut step);
        } else {
            self.input.extend_from_slice(data);
            if !matches!(self.state, State::Next | State::Unanswered) {
                self.read_input(&mut step);
            }
        }
        self.settle(&mut step);
        step
    }

    /// Reads the next request, as far as it has come.
    pub(super) fn read_on(&mut self, step: &mut Step) {
        self.state = State::Head;
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
            let goes_on = match self.state {
                State::Head => self.read_head(input, &mut at, step),
                State::Body => self.read_body(input, new, &mut at, step),
                State::Next | State::Unanswered => false,
                State::Over => return,
            };
            if !goes_on {
                break;
            }
        }
        if self.state != State::Over && at < input.len() {
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
            self.state = State::Unanswered;
            step.unread = !self.choked;
            return false;
        }
        let most = self.router.limits.header_bytes + LINE;
        let end = match head::end(rest) {
            Ok(Some(end)) if end <= most => end,
            Ok(None) if rest.len() <= LINE => return false,
            Ok(_) if head::line(rest) > LINE => return self.refuse(LONG_LINE, step),
            Ok(None) if rest.len() <= most => return false,
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
        self.state = State::Over;
        self.keep_alive = false;
        step.refuse(problem);
        false
    }

    /// Opens an exchange with a whole head. False: it cannot be read, and was refused.
    fn open(&mut self, bytes: &[u8], step: &mut Step) -> bool {
        let mut table = head::table();
        let line = match head::request(bytes, &mut table) {
            Ok(line) => line,
            Err(bad) => {
                let problem = if bad == BadHead::Fields { LONG_HEAD } else { SYNTAX };
                return self.refuse(problem, step);
            }
        };
        let fields = Fields::of(line.fields);
        if fields.framed && head::tab_in_framing(bytes) {
            return self.refuse(TAB, step);
        }
        let router = self.router.clone();
        let mut reader = router.read(RequestLine {
            version: if line.newer { Version::Http11 } else { Version::Http10 },
            secure: self.ends.secure,
            method: line.method,
            target: line.target,
            peer: self.ends.peer.as_ref(),
            server: self.ends.server.as_ref(),
            tls: self.ends.tls.as_ref(),
            connection: Some(self.id),
        });
        for field in line.fields {
            reader.field(field.name.as_bytes(), field.value);
        }
        self.newer = line.newer;
        self.keep_alive = !fields.close && (line.newer || fields.keep_alive);
        self.expects = fields.expects && line.newer;
        self.head_only = line.method == b"HEAD";
        (self.request_sent, self.response_sent, self.response_begun) = (false, false, false);
        (self.dialled, self.withheld, self.delimited) = (false, false, false);
        self.access = self.logs.then(|| Access::of(&line));
        self.upstream = Upstream::default();
        let Ok((exchange, effects)) = Exchange::open(&router, reader, false) else { return false };
        let framing = exchange.framing();
        self.request_body = match framing.length {
            // The end of a body that is not read is unknown.
            _ if !exchange.is_routed() && fields.framed => BodyReader::Unread,
            _ if !exchange.body_follows() => BodyReader::Done,
            Some(length) => BodyReader::of_length(length),
            None => BodyReader::chunked(),
        };
        self.keep_alive &= !self.draining;
        let ended = matches!(self.request_body, BodyReader::Done | BodyReader::Unread);
        self.state = if ended { State::Next } else { State::Body };
        self.timeout = exchange.timeout();
        step.timed |= self.timeout.is_some();
        self.exchange = Some(exchange);
        self.follow(Some(Ok(effects)), Came::Request(Chunk::default(), ended), step);
        if self.expects && !ended && !self.response_begun && !step.reset {
            step.client.own().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        true
    }

    fn read_body(&mut self, input: &[u8], new: bool, at: &mut usize, step: &mut Step) -> bool {
        let piece = self.request_body.next(input, at);
        let mut trailers = None;
        let (chunk, last) = match piece {
            Piece::Data(range, last) => {
                (Chunk { at: new.then_some(range.start), bytes: &input[range] }, last)
            }
            Piece::End(lines) => {
                trailers = trailer_fields(&input[lines]).filter(|fields| !fields.is_empty());
                (Chunk::default(), true)
            }
            Piece::More => return false,
            Piece::Bad => {
                self.give_up(CHUNKS, step);
                return false;
            }
        };
        if last {
            self.state = State::Next;
        }
        let effects = self.exchange.as_mut().map(|exchange| match trailers {
            Some(fields) => exchange.on_request_trailers(fields),
            None => exchange.on_request_body(chunk.bytes, last),
        });
        self.follow(effects, Came::Request(chunk, last), step);
        !step.reset && !self.response_sent
    }

    /// Nothing more of the request can be read, for this reason.
    pub(super) fn give_up(&mut self, problem: Problem, step: &mut Step) {
        self.drop_upstream(step);
        self.keep_alive = false;
        if self.response_begun {
            step.reset = true;
            return;
        }
        let effects = self.exchange.as_mut().map(|exchange| exchange.respond(problem.response()));
        self.answer(effects, step);
    }
}

/// What the fields say about the connection itself.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
struct Fields {
    close: bool,
    keep_alive: bool,
    expects: bool,
    /// A body was announced.
    framed: bool,
}

impl Fields {
    fn of(list: &[Header<'_>]) -> Self {
        let mut fields = Self::default();
        for field in list {
            fields.note(field.name.as_bytes(), field.value);
        }
        fields
    }

    fn note(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 => self.framed |= name.eq_ignore_ascii_case(b"content-length"),
            17 => self.framed |= name.eq_ignore_ascii_case(b"transfer-encoding"),
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects |= value.trim_ascii().eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
    }
}
