//! The client's bytes: heads and bodies of requests.

use httparse::Header;

use crate::connection::body_reader::{BodyReader, Piece};
use crate::connection::head::{self, BadHead};
use crate::connection::{Connection, State, Step, Upstream};
use crate::{Exchange, Problem, RequestLine, Version};

const LINES: Problem = Problem::bad_request("a line of the head does not end with CR LF, or is folded");
const SYNTAX: Problem = Problem::bad_request("the head is not one of HTTP/1.1");
const CHUNKS: Problem = Problem::bad_request("the chunked body is malformed");
const LONG_HEAD: Problem = Problem::new(431, "the head is too long");

/// Room for a request line beside the fields.
const LINE: usize = 20 << 10;

impl Connection {
    /// Bytes came from the client.
    pub fn receive(&mut self, data: &[u8]) -> Step {
        let mut step = Step::default();
        if self.input.is_empty() {
            self.read(data, &mut step);
        } else {
            self.input.extend_from_slice(data);
            let input = std::mem::take(&mut self.input);
            self.read(&input, &mut step);
        }
        self.settle(&mut step);
        step
    }

    /// Reads as far as it can be read now, and keeps the rest.
    pub(super) fn read(&mut self, input: &[u8], step: &mut Step) {
        let mut at = 0;
        loop {
            let goes_on = match self.state {
                State::Head => self.read_head(input, &mut at, step),
                State::Body => self.read_body(input, &mut at, step),
                State::Next => false,
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
        let most = self.router.limits.header_bytes + LINE;
        let end = match head::end(rest) {
            Ok(Some(end)) if end <= most => end,
            Ok(None) if rest.len() <= most => return false,
            Ok(_) => return self.refuse(LONG_HEAD, step),
            Err(_) => return self.refuse(LINES, step),
        };
        let Some(opened) = self.open(&rest[..end], step) else { return false };
        if opened {
            *at += end;
        }
        opened
    }

    fn refuse(&mut self, problem: Problem, step: &mut Step) -> bool {
        self.state = State::Over;
        self.keep_alive = false;
        step.refuse(problem);
        false
    }

    /// Opens an exchange with a whole head. None: it was refused or is not for us.
    fn open(&mut self, bytes: &[u8], step: &mut Step) -> Option<bool> {
        let mut table = head::table();
        let line = match head::request(bytes, &mut table) {
            Ok(line) => line,
            Err(bad) => {
                let problem = if bad == BadHead::Fields { LONG_HEAD } else { SYNTAX };
                self.refuse(problem, step);
                return None;
            }
        };
        let fields = Fields::of(line.fields);
        if fields.websocket && fields.upgrade && line.newer {
            step.hand_over = true;
            self.input = Vec::new();
            return Some(false);
        }
        let end = |end: &Option<(String, u16)>| end.clone();
        let (peer, server) = (end(&self.ends.peer), end(&self.ends.server));
        let router = self.router.clone();
        let mut reader = router.read(RequestLine {
            version: if line.newer { Version::Http11 } else { Version::Http10 },
            secure: self.ends.secure,
            method: line.method,
            target: line.target,
            peer: peer.as_ref().map(|(host, port)| (host.as_str(), *port)),
            server: server.as_ref().map(|(host, port)| (host.as_str(), *port)),
        });
        for field in line.fields {
            reader.field(field.name.as_bytes(), field.value);
        }
        self.newer = line.newer;
        self.keep_alive = if line.newer { !fields.close } else { fields.keep_alive };
        self.expects = fields.expects && line.newer;
        self.head_only = line.method == b"HEAD";
        (self.request_sent, self.response_sent, self.response_begun) = (false, false, false);
        self.upstream = Upstream::default();
        let Ok((exchange, effects)) = Exchange::open(&router, reader, false) else { return None };
        let framing = exchange.framing();
        self.request_body = match framing.length {
            _ if !exchange.body_follows() => BodyReader::Done,
            Some(length) => BodyReader::of_length(length),
            None => BodyReader::chunked(),
        };
        // Of a request that was refused nobody knows where it ends.
        self.keep_alive &= exchange.is_routed() && !self.draining;
        self.state = if self.request_body == BodyReader::Done { State::Next } else { State::Body };
        self.exchange = Some(exchange);
        self.follow(Some(Ok(effects)), &[], step);
        Some(true)
    }

    fn read_body(&mut self, input: &[u8], at: &mut usize, step: &mut Step) -> bool {
        let piece = self.request_body.next(input, at);
        let (chunk, last) = match piece {
            Piece::Data(range, last) => (&input[range], last),
            Piece::End(_) => (&[][..], true),
            Piece::More => return false,
            Piece::Bad => {
                self.broken_body(step);
                return false;
            }
        };
        if last {
            self.state = State::Next;
        }
        let effects = self.exchange.as_mut().map(|exchange| exchange.on_request_body(chunk, last));
        self.follow(effects, chunk, step);
        !step.reset && !self.response_sent
    }

    /// The client's framing is broken: nothing more of it can be read.
    fn broken_body(&mut self, step: &mut Step) {
        step.abandon |= std::mem::take(&mut self.upstream).there;
        self.keep_alive = false;
        if self.response_begun {
            step.reset = true;
            return;
        }
        let effects =
            self.exchange.as_mut().map(|exchange| exchange.respond(CHUNKS.response()));
        self.follow(effects, &[], step);
    }

    /// The client will send no more. In the middle of a request that is its end.
    pub fn receive_eof(&mut self) -> Step {
        let mut step = Step::default();
        match self.state {
            State::Next => self.keep_alive = false,
            State::Head | State::Body | State::Over => {
                step = self.close();
                step.close = true;
            }
        }
        step
    }
}

/// What the fields say about the connection itself.
#[derive(Default)]
struct Fields {
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    websocket: bool,
    expects: bool,
}

impl Fields {
    fn of(list: &[Header<'_>]) -> Self {
        let mut fields = Self::default();
        list.iter().for_each(|field| fields.note(field.name.as_bytes(), field.value));
        fields
    }

    fn note(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    self.upgrade |= option.eq_ignore_ascii_case(b"upgrade");
                }
            }
            7 if name.eq_ignore_ascii_case(b"upgrade") => {
                self.websocket |= value.trim_ascii().eq_ignore_ascii_case(b"websocket");
            }
            6 if name.eq_ignore_ascii_case(b"expect") => {
                self.expects |= value.trim_ascii().eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
    }
}
