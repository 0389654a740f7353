//! Callouts and answers that wait for their policy's share, in their order.

use std::collections::VecDeque;

use crate::types::callout::{Callout, CalloutAnswer};

/// Bytes that may wait; callouts and answers beyond that fail.
const BYTES: usize = 8 << 20;
/// What each one counts in addition to its bytes.
const OVERHEAD: usize = 256;
/// gRPC's status `RESOURCE_EXHAUSTED`.
const EXHAUSTED: u32 = 8;
const TOO_MUCH: &str = "too much of it waits for the policy's `background_share`";

/// What waits.
#[derive(Debug)]
pub(crate) enum Put {
    Callout(Callout),
    Answer(u64, CalloutAnswer),
}

/// In the order in which it came.
#[derive(Debug, Default)]
pub(crate) struct Held {
    puts: VecDeque<Put>,
    bytes: usize,
}

impl Put {
    fn callout(&self) -> u64 {
        match self {
            Self::Callout(callout) => callout.id,
            Self::Answer(callout, _) => *callout,
        }
    }

    fn bytes(&self) -> usize {
        OVERHEAD
            + match self {
                Self::Callout(callout) => callout.request.byte_len(),
                Self::Answer(_, answer) => answer.byte_len(),
            }
    }
}

impl Held {
    pub(crate) fn is_empty(&self) -> bool {
        self.puts.is_empty()
    }

    pub(crate) fn has(&self, callout: u64) -> bool {
        self.puts.iter().any(|put| put.callout() == callout)
    }

    /// Keeps a callout. One that does not fit fails; true if it is open and to be ended.
    pub(crate) fn hold_callout(&mut self, callout: Callout) -> bool {
        let (id, opens) = (callout.id, callout.request.opens());
        let put = Put::Callout(callout);
        if self.fits(&put) {
            self.keep(put);
            return false;
        }
        let waits = self.forget(id);
        self.keep(Put::Answer(id, failure()));
        !(opens || waits)
    }

    /// Keeps an answer. One that does not fit becomes a failure; true if its callout is to be ended.
    pub(crate) fn hold_answer(&mut self, callout: u64, answer: CalloutAnswer) -> bool {
        let put = Put::Answer(callout, answer);
        let fits = self.fits(&put);
        self.keep(if fits { put } else { Put::Answer(callout, failure()) });
        !fits
    }

    /// Whether there is room; one of any size may wait alone.
    fn fits(&self, put: &Put) -> bool {
        self.puts.is_empty() || self.bytes.saturating_add(put.bytes()) <= BYTES
    }

    fn keep(&mut self, put: Put) {
        self.bytes += put.bytes();
        self.puts.push_back(put);
    }

    pub(crate) fn next(&mut self) -> Option<Put> {
        let put = self.puts.pop_front()?;
        self.bytes -= put.bytes();
        Some(put)
    }

    /// Drops all entries of a callout; true if its request was among them.
    pub(crate) fn forget(&mut self, callout: u64) -> bool {
        let mut began = false;
        let bytes = &mut self.bytes;
        self.puts.retain(|put| {
            let other = put.callout() != callout;
            if !other {
                *bytes -= put.bytes();
                began |= matches!(put, Put::Callout(callout) if callout.request.opens());
            }
            other
        });
        began
    }
}

/// The failure of a callout that does not fit, or whose answer does not.
fn failure() -> CalloutAnswer {
    CalloutAnswer::Closed { status: EXHAUSTED, message: TOO_MUCH.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::callout::CalloutRequest;

    const HALF: usize = BYTES / 2;

    fn told(held: &mut Held) -> Vec<(u64, bool)> {
        let next = std::iter::from_fn(|| held.next());
        next.map(|put| (put.callout(), matches!(put, Put::Callout(_)))).collect()
    }

    #[test]
    fn answers_that_wait_are_bounded_and_the_rest_fails() {
        let mut held = Held::default();
        let large = || CalloutAnswer::of_body(vec![0; HALF - OVERHEAD]);
        let failed = [1, 2, 3, 4].map(|id| held.hold_answer(id, large()));
        assert_eq!(failed, [false, false, true, true]);
        assert!(held.bytes <= BYTES + 2 * (OVERHEAD + TOO_MUCH.len()));
        assert!(!held.forget(1));
        assert_eq!(told(&mut held), [(2, false), (3, false), (4, false)]);
        assert_eq!(held.bytes, 0);
    }

    #[test]
    fn callouts_that_wait_are_bounded_and_the_rest_fails() {
        let mut held = Held::default();
        let callout = |id, message| Callout {
            id,
            policy: "p".into(),
            request: CalloutRequest::GrpcSend { message, end: false },
        };
        assert!(!held.hold_callout(callout(1, vec![0; HALF - OVERHEAD])));
        assert!(!held.hold_callout(callout(2, vec![0; HALF - OVERHEAD])));
        assert!(held.hold_callout(callout(3, Vec::new())));
        assert_eq!(told(&mut held), [(1, true), (2, true), (3, false)]);
    }
}
