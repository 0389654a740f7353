//! The layer above a stream, which does everything in any order and answers callouts with anything.

use std::time::Duration;

use wasmgate_host::{
    Attributes, Body, CalloutAnswer, Chain, Effects, Error, HeaderMap, Host, LocalResponse, Stream,
    deliver,
};

use super::guest::HEADER;
use super::script::Reader;

/// A whole exchange in order, with answers to callouts in between.
const USUAL: [u8; 12] = [0, 8, 1, 17, 8, 2, 3, 8, 4, 20, 5, 6];
/// What one step may ask: far more than a guest's fuel buys.
const MOST: usize = 4_096;
/// Bytes of a body that go on in one step: what was held back, and what a policy put there.
const MOST_BODY: usize = 1 << 20;

pub struct Exchange<'a> {
    chain: &'a Chain,
    host: &'a Host,
    stream: Stream,
    script: Vec<u8>,
    /// Callouts to answer.
    open: Vec<u64>,
    wake: bool,
    pub callouts: u64,
    pub answers: u64,
    pub failures: u64,
}

impl<'a> Exchange<'a> {
    pub fn open(chain: &'a Chain, host: &'a Host, script: Vec<u8>) -> Self {
        let stream = Stream::open(chain, Attributes::default());
        let (callouts, answers, failures) = (0, 0, 0);
        let (open, wake) = (Vec::new(), false);
        Self { chain, host, stream, script, open, wake, callouts, answers, failures }
    }

    /// Performs the steps, or the usual ones if there are none, with data from `input`.
    pub fn perform(&mut self, steps: &[u8], input: &[u8]) {
        let mut data = Reader(input);
        let steps = if steps.is_empty() { &USUAL[..] } else { steps };
        for step in steps {
            let effects = self.step(*step, &mut data);
            self.note(effects);
            if std::mem::take(&mut self.wake) {
                let effects = self.stream.resume();
                self.note(effects);
            }
        }
    }

    fn step(&mut self, step: u8, data: &mut Reader<'_>) -> Result<Effects, Error> {
        let end = step & 16 != 0;
        match step % 16 {
            0 => {
                let head = self.head(data);
                self.stream.on_request_headers(head, end)
            }
            1 => self.stream.on_request_body(&chunk(data), end),
            2 => self.stream.on_request_trailers(fields(data)),
            3 => {
                let mut head = HeaderMap::new();
                head.push(b":status", if end { b"200" } else { b"x" });
                self.stream.on_response_headers(head, data.byte() & 1 == 1)
            }
            4 => self.stream.on_response_body(&chunk(data), end),
            5 => self.stream.on_response_trailers(fields(data)),
            6 => {
                assert!(self.host.advance(Duration::from_millis(10)), "the clock stands");
                Ok(self.chain.tick().effects)
            }
            7 => self.stream.resume(),
            8 | 9 => self.answer_all(data),
            10 => deliver(u64::from(data.byte()), answer(data)),
            11 => {
                let (headers, body) = (fields(data), chunk(data));
                let status = 200 + u16::from(data.byte());
                let details = "fuzz".into();
                self.stream.respond(LocalResponse { status, headers, body, details })
            }
            12 => self.stream.close(),
            _ => Ok(Effects::default()),
        }
    }

    /// Answers what is open, some twice, some not at all.
    fn answer_all(&mut self, data: &mut Reader<'_>) -> Result<Effects, Error> {
        let mut all = Effects::default();
        for id in std::mem::take(&mut self.open) {
            for _ in 0..data.byte() % 3 {
                all.note(&mut deliver(id, answer(data))?);
            }
        }
        Ok(all)
    }

    fn head(&self, data: &mut Reader<'_>) -> HeaderMap {
        let mut head = HeaderMap::new();
        let pseudo: [(&[u8], &[u8]); 4] =
            [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"a"), (b":path", b"/")];
        for (name, value) in pseudo {
            head.push(name, value);
        }
        head.push(HEADER.as_bytes(), &self.script);
        for (name, value) in fields(data).iter() {
            head.push(name, value);
        }
        head
    }

    fn note(&mut self, effects: Result<Effects, Error>) {
        let effects = effects.unwrap_or_else(|error| panic!("not on its thread: {error}"));
        assert!(effects.logs.len() <= MOST, "{} lines in one step", effects.logs.len());
        assert!(effects.callouts.len() <= MOST, "{} callouts", effects.callouts.len());
        assert!(effects.cancelled.len() <= MOST, "{} cancelled", effects.cancelled.len());
        assert!(effects.wake.len() <= MOST, "{} to wake", effects.wake.len());
        for progress in [&effects.request, &effects.response] {
            if let Body::Bytes(bytes) = &progress.body {
                assert!(bytes.len() <= MOST_BODY, "{} bytes go on", bytes.len());
            }
        }
        self.callouts += effects.callouts.len() as u64;
        self.answers += u64::from(self.stream.with_response_headers(|head| !head.is_empty()));
        let trapped = effects.logs.iter().filter(|line| line.message.starts_with("trapped"));
        self.failures += trapped.count() as u64;
        self.wake |= effects.wake.contains(&self.stream.id());
        self.open.extend(effects.callouts.iter().map(|callout| callout.id));
        self.open.retain(|id| !effects.cancelled.contains(id));
    }

    /// Ends the stream, twice, and answers what is still open.
    pub fn end(&mut self) {
        for _ in 0..2 {
            let effects = self.stream.close();
            self.note(effects);
        }
        let effects = self.answer_all(&mut Reader(&[2; 64]));
        self.note(effects);
    }
}

/// Up to 255 bytes.
fn chunk(data: &mut Reader<'_>) -> Vec<u8> {
    let length = usize::from(data.byte());
    (0..length).map(|_| data.byte()).collect()
}

/// Up to seven fields, mostly strange ones.
fn fields(data: &mut Reader<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for _ in 0..data.byte() & 7 {
        let name = [data.byte(), data.byte()];
        map.push(if name[0] & 1 == 0 { b"x-a" } else { &name }, &[data.byte(); 3]);
    }
    map
}

fn answer(data: &mut Reader<'_>) -> CalloutAnswer {
    let status = u32::from(data.byte()) % 17;
    match data.byte() % 12 {
        0..=2 => {
            let (mut headers, body, trailers) = (fields(data), chunk(data), fields(data));
            headers.push(b":status", b"200");
            CalloutAnswer::Response { headers, body, trailers }
        }
        3 | 4 => CalloutAnswer::GrpcMetadata(fields(data)),
        5 | 6 | 9 | 10 => CalloutAnswer::of_body(chunk(data)),
        7 => CalloutAnswer::GrpcTrailers(fields(data)),
        8 => CalloutAnswer::Closed { status, message: "over".into() },
        _ => CalloutAnswer::of_body(Vec::new()),
    }
}
