//! However the bytes of both sides are cut, valid or not, pipelined or alone, the result is the same.

use super::{Connection, Step, connection};

const REQUESTS: [&str; 7] = [
    "GET /a HTTP/1.1\r\nhost: x\r\n\r\n",
    "HEAD / HTTP/1.1\r\nhost: x\r\n\r\n",
    "GET / HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n",
    "POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello",
    "POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\nhello",
    "POST /b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n\
     3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx: y\r\n\r\n",
    "GET http://x/ HTTP/1.1\r\nhost: y\r\nconnection: close\r\n\r\n",
];
const RESPONSES: [&str; 6] = [
    "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
     3\r\nabc\r\n2;x\r\nde\r\n0\r\nx-sum: y\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
];
const ODD: [&[u8]; 10] = [b"\r", b"\n", b"\r\n", b" ", b":", b"\0", b"0", b",", b";", b"\t"];
const RUNS: u64 = 3_000;

/// Random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    /// Bytes with a few of them replaced, removed or doubled.
    fn mutated(&mut self, mut data: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.below(3) {
            let place = self.below(data.len().max(1));
            let end = (place + self.below(4)).min(data.len());
            let new = match self.below(3) {
                0 => ODD[self.below(ODD.len())].to_vec(),
                1 => data[place..(place + 20).min(data.len())].to_vec(),
                _ => (0..self.below(4)).map(|_| u8::try_from(self.below(256)).unwrap()).collect(),
            };
            data.splice(place..end, new);
        }
        data
    }

    fn places(&mut self, length: usize) -> Vec<usize> {
        (0..self.below(13)).map(|_| self.below(length + 1)).collect()
    }
}

/// Cuts bytes at some places.
fn cut<'a>(data: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = places.iter().map(|place| place % (data.len() + 1)).collect();
    ends.extend([0, data.len()]);
    ends.sort_unstable();
    ends.dedup();
    ends.windows(2).map(|pair| &data[pair[0]..pair[1]]).collect()
}

/// Heads, and bodies without their chunked coding.
type Messages = Vec<(String, Vec<u8>)>;
/// What the client saw, what each upstream saw, and how it ended.
type Told = (Messages, Vec<Messages>, (bool, bool));

/// Takes what is in front of a mark off a stream.
fn until(stream: &mut &[u8], mark: &[u8]) -> Vec<u8> {
    let at = stream.windows(mark.len()).position(|part| part == mark);
    let (taken, rest) =
        at.map_or((*stream, &[][..]), |at| (&stream[..at], &stream[at + mark.len()..]));
    *stream = rest;
    taken.to_vec()
}

fn take(stream: &mut &[u8], length: usize) -> Vec<u8> {
    let (taken, rest) = stream.split_at(length.min(stream.len()));
    *stream = rest;
    taken.to_vec()
}

fn messages(mut stream: &[u8]) -> Messages {
    let mut messages = Vec::new();
    while !stream.is_empty() {
        let head = String::from_utf8_lossy(&until(&mut stream, b"\r\n\r\n")).into_owned();
        let bodiless = ["HTTP/1.1 1", "HTTP/1.1 204", "HTTP/1.1 304"];
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = Vec::new();
        if bodiless.iter().any(|start| head.starts_with(start)) || stream.starts_with(b"HTTP/1.1 ")
        {
            // The latter: it answered HEAD.
        } else if head.contains("transfer-encoding: chunked") {
            while !stream.is_empty() {
                let size = String::from_utf8(until(&mut stream, b"\r\n")).unwrap();
                let size = usize::from_str_radix(&size, 16).unwrap();
                if size == 0 {
                    body.extend_from_slice(b"|end|");
                    if stream.starts_with(b"\r\n") {
                        take(&mut stream, 2);
                    } else {
                        body.extend(until(&mut stream, b"\r\n\r\n"));
                    }
                    break;
                }
                body.extend(take(&mut stream, size));
                take(&mut stream, 2);
            }
        } else {
            let length = length.map_or(stream.len(), |length| length.parse().unwrap());
            body = take(&mut stream, length);
        }
        // Which second it is depends on nothing here.
        let lines = head.lines().filter(|line| !line.starts_with("date: "));
        messages.push((lines.collect::<Vec<_>>().join("\n"), body));
    }
    messages
}

/// What was written to both sides, and how it ended.
#[derive(Default)]
struct Talk {
    client: Vec<u8>,
    upstreams: Vec<Vec<u8>>,
    answering: bool,
    ended: (bool, bool),
}

impl Talk {
    #[allow(clippy::needless_pass_by_value, reason = "a step is looked at once")]
    fn add(&mut self, step: Step, received: &[u8]) {
        self.ended = (self.ended.0 | step.close, self.ended.1 | step.reset);
        if step.abandon && !self.answering {
            // Given up before it answered: how far it got depends on the cuts.
            self.upstreams.pop();
        }
        if step.dial.is_some() {
            self.upstreams.push(Vec::new());
        }
        if let Some(upstream) = self.upstreams.last_mut() {
            upstream.extend(step.upstream.parts(received).concat());
        }
        self.client.extend(step.client.parts(received).concat());
    }
}

/// Sends the requests, then answers each that went on with `response` and a hang-up.
fn talk(request: &[u8], response: &[u8], places: (&[usize], &[usize])) -> Told {
    let (mut connection, mut talk): (Connection, Talk) = (connection(), Talk::default());
    for piece in cut(request, places.0) {
        talk.add(connection.receive(piece), piece);
    }
    talk.answering = true;
    let mut answered = 0;
    while answered < talk.upstreams.len() {
        answered += 1;
        for piece in cut(response, places.1) {
            if answered < talk.upstreams.len() {
                break; // it was whole: the next request has its turn
            }
            talk.add(connection.receive_upstream(piece), piece);
        }
        if answered == talk.upstreams.len() {
            talk.add(connection.receive_upstream_eof(), &[]);
        }
    }
    let upstreams: Vec<Messages> = talk.upstreams.iter().map(|each| messages(each)).collect();
    (messages(&talk.client), upstreams, talk.ended)
}

#[test]
fn any_cut_gives_the_same() {
    for seed in 0..RUNS {
        let mut random = Random(seed);
        let count = 1 + random.below(3);
        let requests: String = (0..count).map(|_| REQUESTS[random.below(REQUESTS.len())]).collect();
        let request = random.mutated(requests.into_bytes());
        let response = RESPONSES[random.below(RESPONSES.len())].as_bytes().to_vec();
        let response = random.mutated(response);
        let whole = talk(&request, &response, (&[], &[]));
        let bytewise: Vec<usize> = (0..=request.len() + response.len()).collect();
        let anyhow = (random.places(request.len()), random.places(response.len()));
        for places in [(&bytewise[..], &bytewise[..]), (&anyhow.0[..], &anyhow.1[..])] {
            let told = || format!("{} | {}", request.escape_ascii(), response.escape_ascii());
            assert_eq!(talk(&request, &response, places), whole, "seed {seed}: {}", told());
        }
    }
}

#[test]
fn bytes_that_go_on_are_not_copied() {
    let mut connection = connection();
    connection.receive(b"POST /b HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n");
    let chunk = vec![b'x'; 10_000];
    let own = |parts: [&[u8]; 4]| parts.map(|part| part.as_ptr() == chunk.as_ptr()).contains(&true);
    assert!(own(connection.receive(&chunk).upstream.parts(&chunk)));
    connection.receive_upstream(b"HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n");
    assert!(own(connection.receive_upstream(&chunk).client.parts(&chunk)));
}
