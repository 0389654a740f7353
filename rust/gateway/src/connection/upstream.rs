//! The upstream's bytes: responses.

use wasmgate_host::HeaderMap;

use crate::connection::body_reader::{BodyReader, Piece};
use crate::connection::effects::Came;
use crate::connection::output::Chunk;
use crate::connection::writer::interim;
use crate::connection::{Connection, Step, fault, head};
use crate::exchange::Exchange;
use crate::exchange::failure::Failure;
use crate::exchange::response_head::ResponseReader;
use crate::http::fields::Excerpt;
use crate::http::framing::Framing;

/// Bytes of a response's head.
const HEAD: usize = 128 << 10;

impl Connection {
    /// Bytes came from the upstream.
    pub fn receive_upstream(&mut self, data: &[u8]) -> Step {
        let mut step = Step::default();
        if self.upstream.there {
            self.replay = None;
            if self.upstream.input.is_empty() {
                self.read_response(data, true, &mut step);
            } else {
                self.upstream.input.extend_from_slice(data);
                let input = std::mem::take(&mut self.upstream.input);
                self.read_response(&input, false, &mut step);
            }
        }
        self.settle(&mut step);
        step
    }

    fn read_response(&mut self, input: &[u8], new: bool, step: &mut Step) {
        let mut at = 0;
        while self.upstream.body.is_none() {
            if !head::may_answer(&input[at..]) {
                let what = format!("not a response of HTTP/1: {}", Excerpt(&input[at..]));
                return self.failed(Failure::Protocol, &what, step);
            }
            match head::end(&input[at..]) {
                Ok(Some(end)) if end + self.upstream.interim <= HEAD => {
                    if !self.read_response_head(&input[at..at + end], step) {
                        return;
                    }
                    at += end;
                }
                Ok(None) if input.len() - at <= HEAD => {
                    self.upstream.input = input[at..].to_vec();
                    return;
                }
                Ok(_) => return self.failed(Failure::Protocol, "the head is too long", step),
                Err(bad) => {
                    let what = fault::of_head(bad, &input[at..]);
                    return self.failed(Failure::Protocol, &what, step);
                }
            }
        }
        if self.upstream.body == Some(BodyReader::Done) && at < input.len() && step.release {
            // Something came behind a response without a body.
            (step.release, step.abandon) = (false, true);
        }
        self.read_response_body(input, new, at, step);
    }

    /// False when the response cannot be used.
    fn read_response_head(&mut self, bytes: &[u8], step: &mut Step) -> bool {
        let mut table = head::table();
        let line = match head::response(bytes, &mut table) {
            Ok(line) => line,
            Err(bad) => {
                self.failed(Failure::Protocol, &fault::of_head(bad, bytes), step);
                return false;
            }
        };
        let mut framing = ResponseFraming::default();
        let mut reader = ResponseReader::new(line.status);
        for field in line.fields {
            framing.note(field.name.as_bytes(), field.value);
            reader.field(field.name.as_bytes(), field.value);
        }
        if (100..200).contains(&line.status) && line.status != 101 {
            self.upstream.interim += bytes.len();
            // RFC 9110 §15.2: HTTP/1.0 knows none.
            if self.newer
                && !self.response_begun
                && let Some(map) = reader.finish_interim()
            {
                interim(step.client.own(), &map);
            }
            return true;
        }
        let asked = self.exchange.as_ref().and_then(Exchange::upstream);
        let head_only = asked.is_some_and(|request| request.method() == b"HEAD");
        let bodiless = head_only || matches!(line.status, 204 | 304);
        let body = match (bodiless, framing.framing.chunked, framing.framing.length) {
            (true, ..) => BodyReader::Done,
            (_, true, _) => BodyReader::chunked(),
            (_, _, Some(length)) => BodyReader::of_length(length),
            _ => BodyReader::UntilClose,
        };
        // RFC 9112 §6.1: what speaks HTTP/1.0 and of chunks may have been told so by somebody else.
        let odd = framing.bad || !line.newer && framing.framing.chunked;
        let close = framing.close || !line.newer && !framing.keep_alive;
        self.upstream.keep_alive = !close && !odd && body != BodyReader::UntilClose;
        self.upstream.body = Some(body);
        let ended = body == BodyReader::Done;
        if ended {
            self.release(true, step);
        }
        let effects =
            self.exchange.as_mut().map(|exchange| exchange.on_response_headers(reader, ended));
        self.follow(effects, Came::Response(Chunk::default(), ended), step);
        true
    }

    fn read_response_body(&mut self, input: &[u8], new: bool, mut at: usize, step: &mut Step) {
        while !step.reset && !self.response_sent {
            let Some(body) = &mut self.upstream.body else { return };
            if *body == BodyReader::Done {
                return;
            }
            let (chunk, last) = match body.next(input, &mut at) {
                Piece::Data(range, last) => {
                    (Chunk { at: new.then_some(range.start), bytes: &input[range] }, last)
                }
                Piece::End(trailers) => {
                    self.release(at == input.len(), step);
                    return self.end_response(&input[trailers], step);
                }
                Piece::More => {
                    self.upstream.input = input[at..].to_vec();
                    return;
                }
                Piece::Bad => {
                    let what = format!("malformed chunks: {}", Excerpt(&input[at..]));
                    return self.failed(Failure::Protocol, &what, step);
                }
            };
            if last {
                self.release(at == input.len(), step);
            }
            let effects =
                self.exchange.as_mut().map(|exchange| exchange.on_response_body(chunk.bytes, last));
            self.follow(effects, Came::Response(chunk, last), step);
        }
    }

    /// The response came to its end.
    fn end_response(&mut self, trailers: &[u8], step: &mut Step) {
        let fields = trailer_fields(trailers);
        let effects = self.exchange.as_mut().map(|exchange| match fields {
            Some(fields) if !fields.is_empty() => exchange.on_response_trailers(fields),
            _ => exchange.on_response_body(&[], true),
        });
        self.follow(effects, Came::Response(Chunk::default(), true), step);
    }

    /// The upstream has nothing more to say: its connection can be used again if it wants to be,
    /// sent nothing behind the response, and has the whole request.
    fn release(&mut self, clean: bool, step: &mut Step) {
        self.upstream.there = false;
        self.upstream.body = Some(BodyReader::Done);
        if clean && self.upstream.keep_alive && self.request_sent {
            step.release = true;
        } else {
            step.abandon = true;
        }
    }

    /// The upstream hung up.
    pub fn receive_upstream_eof(&mut self) -> Step {
        let mut step = Step::default();
        if self.upstream.there {
            if self.upstream.body == Some(BodyReader::UntilClose) {
                self.release(false, &mut step);
                self.end_response(&[], &mut step);
            } else {
                let what = fault::of_end(self.upstream.body.as_ref(), &self.upstream.input);
                self.failed(Failure::Protocol, &what, &mut step);
            }
        }
        self.settle(&mut step);
        step
    }
}

#[derive(Default)]
struct ResponseFraming {
    framing: Framing,
    bad: bool,
    close: bool,
    keep_alive: bool,
}

impl ResponseFraming {
    fn note(&mut self, name: &[u8], value: &[u8]) {
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                self.bad |= self.framing.content_length(value).is_err();
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                self.bad |= self.framing.transfer_encoding(value).is_err();
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
    }
}

/// The fields in trailer lines; none if they are malformed.
pub(super) fn trailer_fields(lines: &[u8]) -> Option<HeaderMap> {
    let mut map = HeaderMap::new();
    for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let line = line.strip_suffix(b"\r")?;
        let colon = line.iter().position(|byte| *byte == b':')?;
        map.push(&line[..colon], line[colon + 1..].trim_ascii());
    }
    Some(map)
}
