//! The upstream's bytes: responses.

use wasmgate_host::HeaderMap;

use crate::connection::body_reader::{BodyReader, Piece};
use crate::connection::effects::Received;
use crate::connection::in_flight::{InFlight, RequestProgress, Upstream};
use crate::connection::output::Chunk;
use crate::connection::writer::interim;
use crate::connection::{Step, fault, head};
use crate::exchange::failure::Failure;
use crate::exchange::response_head::ResponseReader;
use crate::http::connection_options::Persistence;
use crate::http::fields::Excerpt;
use crate::http::version::Version;

/// Bytes of a response's head.
const HEAD: usize = 128 << 10;

impl InFlight {
    /// Reads bytes of the upstream, as far as they can be read now.
    pub(super) fn receive_upstream(&mut self, data: &[u8], step: &mut Step) {
        if let Upstream::Head { replay, .. } = &mut self.upstream {
            *replay = None;
        }
        let Some(kept) = self.upstream.input() else { return };
        if kept.is_empty() {
            self.read_response(data, true, step);
        } else {
            kept.extend_from_slice(data);
            let input = std::mem::take(kept);
            self.read_response(&input, false, step);
        }
    }

    /// Reads the rest of the response; `new`: the input is what came in with this step.
    fn read_response(&mut self, input: &[u8], new: bool, step: &mut Step) {
        let mut at = 0;
        while let Upstream::Head { input: kept, interim, .. } = &mut self.upstream {
            let rest = &input[at..];
            if !head::may_answer(rest) {
                let reason = format!("not a response of HTTP/1: {}", Excerpt(rest));
                return self.failed(Failure::Protocol, &reason, step);
            }
            match head::end(rest) {
                Ok(Some(end)) if end + *interim <= HEAD => {
                    if !self.read_response_head(&rest[..end], step) {
                        return;
                    }
                    at += end;
                }
                Ok(None) if rest.len() <= HEAD => {
                    *kept = rest.to_vec();
                    return;
                }
                Ok(_) => return self.failed(Failure::Protocol, "the head is too long", step),
                Err(bad) => {
                    let reason = fault::of_head(bad, rest);
                    return self.failed(Failure::Protocol, &reason, step);
                }
            }
        }
        if !self.upstream.is_there() && at < input.len() && step.release {
            // Bytes follow a response without a body: no response to another request may begin there.
            (step.release, step.abandon) = (false, true);
        }
        self.read_response_body(input, new, at, step);
    }

    /// Reads a whole head. False when it is not one of HTTP/1.
    fn read_response_head(&mut self, bytes: &[u8], step: &mut Step) -> bool {
        let mut table = head::table();
        let line = match head::response(bytes, &mut table) {
            Ok(line) => line,
            Err(bad) => {
                self.failed(Failure::Protocol, &fault::of_head(bad, bytes), step);
                return false;
            }
        };
        let mut persistence = Persistence::default();
        let mut reader = ResponseReader::new(line.status);
        for field in line.fields {
            persistence.note(field.name.as_bytes(), field.value);
            reader.field(field.name.as_bytes(), field.value);
        }
        if (100..200).contains(&line.status) && line.status != 101 {
            self.pass_interim(bytes.len(), reader, step);
            return true;
        }
        let asked = self.exchange.upstream();
        let head_only = asked.is_some_and(|request| request.method() == b"HEAD");
        let bodiless = head_only || matches!(line.status, 204 | 304);
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
        let faulty = malformed || !line.newer && framing.chunked;
        let version = if line.newer { Version::Http11 } else { Version::Http10 };
        let keep_alive = persistence.lasts(version) && !faulty && body != BodyReader::UntilClose;
        self.upstream = Upstream::Body { input: Vec::new(), reader: body, keep_alive };
        let ended = body == BodyReader::Done;
        if ended {
            self.release(true, step);
        }
        let effects = self.exchange.on_response_headers(reader, ended);
        self.follow(effects, Received::Response(Chunk::default(), ended), step);
        true
    }

    /// Sends an interim response to a client that can take one: HTTP/1.0 has none (RFC 9110 §15.2).
    fn pass_interim(&mut self, length: usize, reader: ResponseReader, step: &mut Step) {
        if let Upstream::Head { interim, .. } = &mut self.upstream {
            *interim += length;
        }
        if self.version == Version::Http11
            && !self.response.has_begun()
            && let Some(map) = reader.finish_interim()
        {
            interim(step.client.own(), &map);
        }
    }

    fn read_response_body(&mut self, input: &[u8], new: bool, mut at: usize, step: &mut Step) {
        while !step.reset && !self.is_answered() {
            let Upstream::Body { input: kept, reader, .. } = &mut self.upstream else { return };
            let (chunk, last) = match reader.next(input, &mut at) {
                Piece::Data(range, last) => {
                    (Chunk { at: new.then_some(range.start), bytes: &input[range] }, last)
                }
                Piece::End(trailers) => {
                    self.release(at == input.len(), step);
                    return self.end_response(&input[trailers], step);
                }
                Piece::More => {
                    *kept = input[at..].to_vec();
                    return;
                }
                Piece::Bad => {
                    let reason = format!("malformed chunks: {}", Excerpt(&input[at..]));
                    return self.failed(Failure::Protocol, &reason, step);
                }
            };
            if last {
                self.release(at == input.len(), step);
            }
            let effects = self.exchange.on_response_body(chunk.bytes, last);
            self.follow(effects, Received::Response(chunk, last), step);
        }
    }

    /// The response came to its end.
    fn end_response(&mut self, trailers: &[u8], step: &mut Step) {
        let effects = match trailer_fields(trailers) {
            Some(fields) if !fields.is_empty() => self.exchange.on_response_trailers(fields),
            _ => self.exchange.on_response_body(&[], true),
        };
        self.follow(effects, Received::Response(Chunk::default(), true), step);
    }

    /// Gives the upstream connection back after the response. It can serve another exchange if 1. the
    /// upstream says so, 2. nothing follows the response (`clean`), and 3. the request is sent whole.
    fn release(&mut self, clean: bool, step: &mut Step) {
        let upstream = std::mem::replace(&mut self.upstream, Upstream::None);
        let keep_alive = matches!(upstream, Upstream::Body { keep_alive: true, .. });
        if clean && keep_alive && self.request == RequestProgress::Sent {
            step.release = true;
        } else {
            step.abandon = true;
        }
    }

    /// The upstream closed its connection.
    pub(super) fn receive_upstream_eof(&mut self, step: &mut Step) {
        let reason = match &self.upstream {
            Upstream::None => return,
            // The one body whose end is that of the connection.
            Upstream::Body { reader: BodyReader::UntilClose, .. } => {
                self.release(false, step);
                return self.end_response(&[], step);
            }
            Upstream::Head { input, .. } => fault::of_end(None, input),
            Upstream::Body { input, reader, .. } => fault::of_end(Some(reader), input),
        };
        self.failed(Failure::Protocol, &reason, step);
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
