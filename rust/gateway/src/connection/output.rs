//! Bytes to write, of which most are often the bytes that just came in: those are not copied here.

use std::ops::Range;
use std::sync::Arc;

use crate::exchange::upstream_head::UpstreamRequest;

/// Part of a body, and where it is in the bytes that came in with this step, if it is there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Chunk<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: Option<usize>,
}

/// The head of a request, bytes of our own, a range of the bytes that came in, and again bytes of our
/// own.
#[derive(Debug, Default)]
pub struct Output {
    request: Option<Arc<UpstreamRequest>>,
    before: Vec<u8>,
    passed: Range<usize>,
    after: Vec<u8>,
}

/// Below this a copy costs less than keeping track of it.
const SHORT: usize = 1 << 10;

impl Output {
    /// Begins with the head of a request, or appends it to what is there.
    pub(crate) fn begin(&mut self, request: &Arc<UpstreamRequest>) {
        if self.is_empty() {
            self.request = Some(Arc::clone(request));
        } else {
            self.own().extend_from_slice(request.head());
        }
    }

    fn head(&self) -> &[u8] {
        self.request.as_ref().map_or(&[], |request| request.head())
    }

    /// Where bytes of our own are appended.
    pub(crate) fn own(&mut self) -> &mut Vec<u8> {
        if self.passed.is_empty() { &mut self.before } else { &mut self.after }
    }

    /// Appends what came in.
    pub(crate) fn pass(&mut self, chunk: Chunk<'_>) {
        match chunk.at {
            Some(at) if self.passed.is_empty() && chunk.bytes.len() >= SHORT => {
                self.passed = at..at + chunk.bytes.len();
            }
            _ => self.own().extend_from_slice(chunk.bytes),
        }
    }

    /// How many bytes there are to write.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head().len() + self.before.len() + self.passed.len() + self.after.len()
    }

    /// True if there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The parts to write, in order; `received` is what came in with the step.
    #[must_use]
    pub fn parts<'a>(&'a self, received: &'a [u8]) -> [&'a [u8]; 4] {
        [
            self.head(),
            &self.before,
            received.get(self.passed.clone()).unwrap_or_default(),
            &self.after,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_in_is_passed_on_between_our_own_bytes() {
        let received = [b'x'; 2 * SHORT];
        let chunk = Chunk { bytes: &received[1..=SHORT], at: Some(1) };
        let mut output = Output::default();
        output.own().extend_from_slice(b"before");
        output.pass(chunk);
        output.own().extend_from_slice(b"after");
        output.pass(Chunk { bytes: b"copied", at: Some(0) });
        assert_eq!(
            output.parts(&received),
            [b"", b"before".as_slice(), chunk.bytes, b"aftercopied"]
        );
        assert_eq!(output.len(), 6 + SHORT + 11);
    }
}
