//! Where the frames of one direction begin and end (RFC 6455 §5.2). Payloads are skipped, not read.

/// A frame's header at its longest: two bytes, eight of length, four of mask.
const HEADER: usize = 14;

const OPCODE: u8 = 0x0f;
const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
/// Opcodes from here on are those of control frames, which may come within a message.
const CONTROL: u8 = 8;

/// The frames of one direction.
#[derive(Debug)]
pub(crate) struct Frames {
    /// What has come of a header. It goes on when it is whole, so that a frame that is too large can
    /// be replaced by a close frame.
    header: [u8; HEADER],
    held: usize,
    /// Bytes of the payload that are to come.
    left: u64,
    /// Bytes of the message under way.
    message: u64,
    /// The most bytes of one.
    limit: u64,
    close: Closing,
}

/// How far the close frame of a direction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// None came.
    Open,
    /// Its payload is to come.
    Begun,
    /// It has come. Nothing may follow it (RFC 6455 §5.5.1).
    Closed,
}

/// What goes on of bytes that came: first `held`, then as many of the bytes as `length` says.
#[derive(Debug)]
pub(crate) struct Passed {
    header: [u8; HEADER],
    held: usize,
    pub length: usize,
    /// A message is too large: its last frame does not go on, nor does anything behind it.
    pub too_large: bool,
}

impl Passed {
    /// The first bytes of a header, which came before.
    pub fn held(&self) -> &[u8] {
        &self.header[..self.held]
    }
}

impl Frames {
    pub fn new(limit: u64) -> Self {
        let close = Closing::Open;
        Self { header: [0; HEADER], held: 0, left: 0, message: 0, limit, close }
    }

    /// True once a close frame has gone on.
    pub fn is_closed(&self) -> bool {
        self.close == Closing::Closed
    }

    /// True if a control frame can be added to what went on.
    pub fn is_between(&self) -> bool {
        self.left == 0 && self.close == Closing::Open
    }

    /// Takes in bytes.
    pub fn read(&mut self, bytes: &[u8]) -> Passed {
        let mut out = Passed { header: self.header, held: 0, length: 0, too_large: false };
        while !self.is_closed() {
            let rest = &bytes[out.length..];
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(rest.len());
            out.length += skipped;
            self.left -= skipped as u64;
            if self.left > 0 {
                break;
            }
            if self.close == Closing::Begun {
                self.close = Closing::Closed;
                break;
            }
            let before = self.held;
            let Some(taken) = self.read_header(&rest[skipped..]) else { break };
            if !self.begin() {
                out.too_large = true;
                break;
            }
            // Only the first header of all can have begun with bytes that came before.
            if before > 0 {
                (out.header, out.held) = (self.header, before);
            }
            out.length += taken;
        }
        out
    }

    /// How many bytes end the header; none: all of them belong to it, and more are needed.
    fn read_header(&mut self, bytes: &[u8]) -> Option<usize> {
        let before = self.held;
        loop {
            let missing = header_length(&self.header[..self.held]) - self.held;
            if missing == 0 {
                self.held = 0;
                return Some(self.taken(before));
            }
            let at = self.held - before;
            let came = bytes.get(at..).unwrap_or_default();
            if came.is_empty() {
                return None;
            }
            let count = missing.min(came.len());
            self.header[self.held..self.held + count].copy_from_slice(&came[..count]);
            self.held += count;
        }
    }

    fn taken(&self, before: usize) -> usize {
        header_length(&self.header) - before
    }

    /// Begins the frame of the header; false if its message is too large.
    fn begin(&mut self) -> bool {
        let [first, second, ..] = self.header;
        let length = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        self.left = match second & 0x7f {
            126 => length(&self.header[2..4]),
            127 => length(&self.header[2..10]),
            short => u64::from(short),
        };
        let opcode = first & OPCODE;
        let size = match opcode {
            CONTROL.. => self.left,
            CONTINUATION => self.message.saturating_add(self.left),
            _ => self.left,
        };
        if size > self.limit {
            self.left = 0;
            return false;
        }
        if opcode < CONTROL {
            self.message = size;
        } else if opcode == CLOSE {
            self.close = Closing::Begun;
        }
        true
    }
}

/// The length of a header as far as its bytes say it.
fn header_length(header: &[u8]) -> usize {
    let Some(second) = header.get(1) else { return 2 };
    let length = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    2 + length + if second & 0x80 == 0 { 0 } else { 4 }
}
