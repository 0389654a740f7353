//! The callouts of one instance that are under way. They live with the rest of what the host knows of
//! the instance and move with it to better code.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smallvec::SmallVec;

use super::delivery::{Delivery, Told};
use super::request::{Callout, CalloutAnswer, CalloutRequest, Login};
use crate::ids::IdMap;

/// Callouts under way of one stream; more are refused.
const STREAM: usize = 32;
/// Callouts under way of one instance; more are refused.
const INSTANCE: usize = 1024;
/// What a callout takes beside its bytes, so that empty ones are bounded too.
const OVERHEAD: usize = 256;
/// Redis servers that one instance presents itself to.
const LOGINS: usize = 64;

/// All callouts of one instance.
#[derive(Default)]
pub(crate) struct Calls {
    open: IdMap<u32, Open>,
    /// The callouts of each stream that has some, by its context.
    streams: IdMap<u32, SmallVec<[u32; 2]>>,
    last: u32,
    /// What the callback asks, to be handed over after it.
    asked: Vec<(u32, Callout)>,
    asked_bytes: usize,
    cancelled: Vec<u64>,
    logins: Vec<(String, Arc<Login>, Duration)>,
    /// The answer whose callback runs.
    pub(crate) delivery: Option<Box<Delivery>>,
    /// The stream whose callback runs has ended: what it asks now is not cancelled with it.
    pub(crate) last_words: bool,
}

struct Open {
    id: u64,
    kind: Kind,
    stream: Option<u32>,
}

/// What a number stands for, as far as the host must tell numbers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Grpc,
    GrpcStream { half_closed: bool },
    Redis,
    Foreign,
}

/// Why a callout is not made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    OfStream,
    OfInstance,
    Bytes,
    Logins,
}

impl Refusal {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::OfStream => format!("{STREAM} callouts of this stream are under way"),
            Self::OfInstance => format!("{INSTANCE} callouts of this policy are under way"),
            Self::Bytes => "its limit `body` allows no more in one callback".into(),
            Self::Logins => format!("it uses {LOGINS} Redis servers"),
        }
    }
}

impl Calls {
    /// Notes a callout of a stream, or of none, and numbers it for the guest. `most` bounds the bytes
    /// of all callouts of one callback.
    pub(crate) fn open(
        &mut self,
        policy: &Arc<str>,
        stream: Option<u32>,
        kind: Kind,
        request: CalloutRequest,
        most: usize,
    ) -> Result<u32, Refusal> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let of_stream = stream.and_then(|context| self.streams.get(&context));
        if of_stream.is_some_and(|numbers| numbers.len() >= STREAM) {
            return Err(Refusal::OfStream);
        }
        if self.open.len() >= INSTANCE {
            return Err(Refusal::OfInstance);
        }
        self.make_room(&request, most)?;
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let number = self.next_number();
        self.open.insert(number, Open { id, kind, stream });
        if let Some(context) = stream {
            self.streams.entry(context).or_default().push(number);
        }
        self.asked.push((number, Callout { id, policy: Arc::clone(policy), request }));
        Ok(number)
    }

    /// Notes something more of a gRPC stream that is under way.
    pub(crate) fn add(
        &mut self,
        policy: &Arc<str>,
        number: u32,
        request: CalloutRequest,
        most: usize,
    ) -> Result<(), Refusal> {
        self.make_room(&request, most)?;
        let Some(open) = self.open.get_mut(&number) else { return Ok(()) };
        if !matches!(request, CalloutRequest::GrpcSend { end: false, .. }) {
            open.kind = Kind::GrpcStream { half_closed: true };
        }
        self.asked.push((number, Callout { id: open.id, policy: Arc::clone(policy), request }));
        Ok(())
    }

    fn make_room(&mut self, request: &CalloutRequest, most: usize) -> Result<(), Refusal> {
        let bytes = self.asked_bytes.saturating_add(OVERHEAD).saturating_add(request.byte_len());
        if bytes > most.saturating_add(OVERHEAD) {
            return Err(Refusal::Bytes);
        }
        self.asked_bytes = bytes;
        Ok(())
    }

    fn next_number(&mut self) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != 0 && !self.open.contains_key(&self.last) {
                return self.last;
            }
        }
    }

    /// What a number of the guest stands for.
    pub(crate) fn kind(&self, number: u32) -> Option<Kind> {
        self.open.get(&number).map(|open| open.kind)
    }

    /// Ends a callout whose answer nobody waits for any more.
    pub(crate) fn cancel(&mut self, number: u32) {
        let Some(open) = self.close(number) else { return };
        let opens = |callout: &Callout| callout.id == open.id && callout.request.opens();
        let given_out = !self.asked.iter().any(|(_, callout)| opens(callout));
        self.asked.retain(|(_, callout)| callout.id != open.id);
        if given_out {
            self.cancelled.push(open.id);
        }
    }

    /// Ends the callouts of a stream; what they were.
    pub(crate) fn end_stream(&mut self, context: u32) -> SmallVec<[(u32, Kind); 2]> {
        // Most streams have none, and most instances have none of any stream.
        if self.streams.is_empty() {
            return SmallVec::new();
        }
        let numbers = self.streams.remove(&context).unwrap_or_default();
        let kinds = numbers.iter().filter_map(|number| Some((*number, self.kind(*number)?)));
        let ended = kinds.collect();
        for number in numbers {
            self.cancel(number);
        }
        ended
    }

    fn close(&mut self, number: u32) -> Option<Open> {
        let open = self.open.remove(&number)?;
        if let Some(context) = open.stream
            && let Some(numbers) = self.streams.get_mut(&context)
        {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.streams.remove(&context);
            }
        }
        Some(open)
    }

    /// What the answer to a callout tells the guest, and whether the callout is over; `None` for an
    /// answer that is not of its kind.
    pub(crate) fn accept(
        &mut self,
        number: u32,
        answer: CalloutAnswer,
    ) -> Option<(Delivery, bool)> {
        let kind = self.kind(number)?;
        let delivery = Delivery::of(kind, answer)?;
        let streams = matches!(kind, Kind::GrpcStream { .. });
        let over = !streams || delivery.told == Told::GrpcClose;
        if over {
            self.close(number);
        }
        Some((delivery, over))
    }

    /// How the policy presents itself to a Redis server from now on.
    pub(crate) fn log_in(
        &mut self,
        upstream: String,
        login: Login,
        timeout: Duration,
    ) -> Result<(), Refusal> {
        let login = Arc::new(login);
        let known = self.logins.iter_mut().find(|(name, ..)| *name == upstream);
        if let Some(known) = known {
            (known.1, known.2) = (login, timeout);
            return Ok(());
        }
        if self.logins.len() >= LOGINS {
            return Err(Refusal::Logins);
        }
        self.logins.push((upstream, login, timeout));
        Ok(())
    }

    pub(crate) fn login(&self, upstream: &str) -> Option<(Arc<Login>, Duration)> {
        let known = self.logins.iter().find(|(name, ..)| name == upstream)?;
        Some((Arc::clone(&known.1), known.2))
    }

    /// True when there is something to hand over.
    pub(crate) fn has_news(&self) -> bool {
        !self.asked.is_empty() || !self.cancelled.is_empty()
    }

    /// What to hand over.
    pub(crate) fn take_news(&mut self) -> (Vec<(u32, Callout)>, Vec<u64>) {
        self.asked_bytes = 0;
        (std::mem::take(&mut self.asked), std::mem::take(&mut self.cancelled))
    }

    /// Ends everything: the instance is gone. The ids of what was handed over before.
    pub(crate) fn abandon(&mut self) -> Vec<u64> {
        let numbers: Vec<u32> = self.open.keys().copied().collect();
        for number in numbers {
            self.cancel(number);
        }
        self.take_news().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeaderMap;

    const MOST: usize = 1 << 20;

    fn http(body: Vec<u8>) -> CalloutRequest {
        CalloutRequest::Http {
            upstream: "a".into(),
            headers: HeaderMap::new(),
            body,
            trailers: HeaderMap::new(),
            timeout: Duration::from_secs(1),
        }
    }

    fn opened(calls: &mut Calls, stream: Option<u32>) -> Result<u32, Refusal> {
        calls.open(&"p".into(), stream, Kind::Http, http(Vec::new()), MOST)
    }

    #[test]
    fn a_stream_has_so_many_and_no_more() {
        let mut calls = Calls::default();
        for _ in 0..STREAM {
            opened(&mut calls, Some(7)).unwrap();
        }
        assert_eq!(opened(&mut calls, Some(7)), Err(Refusal::OfStream));
        opened(&mut calls, Some(8)).unwrap();
        opened(&mut calls, None).unwrap();
    }

    #[test]
    fn an_instance_has_so_many_and_no_more() {
        let mut calls = Calls::default();
        for _ in 0..INSTANCE {
            opened(&mut calls, None).unwrap();
        }
        assert_eq!(opened(&mut calls, None), Err(Refusal::OfInstance));
    }

    #[test]
    fn the_bytes_of_one_callback_are_bounded() {
        let mut calls = Calls::default();
        let ask = |calls: &mut Calls, size: usize| {
            calls.open(&"p".into(), None, Kind::Http, http(vec![0; size]), 1024)
        };
        ask(&mut calls, 512).unwrap();
        assert_eq!(ask(&mut calls, 512), Err(Refusal::Bytes));
        calls.take_news();
        ask(&mut calls, 1000).unwrap();
        assert_eq!(ask(&mut calls, 0), Err(Refusal::Bytes));
    }

    #[test]
    fn what_was_not_handed_over_is_not_cancelled() {
        let mut calls = Calls::default();
        let number = opened(&mut calls, None).unwrap();
        calls.cancel(number);
        assert!(!calls.has_news());
        assert_eq!(calls.open.len(), 0);
    }

    #[test]
    fn the_end_of_a_stream_ends_its_callouts_alone() {
        let mut calls = Calls::default();
        let number = opened(&mut calls, Some(7)).unwrap();
        opened(&mut calls, Some(8)).unwrap();
        let handed = calls.take_news().0;
        assert_eq!(calls.end_stream(7).as_slice(), [(number, Kind::Http)]);
        assert_eq!(calls.take_news().1, [handed[0].1.id]);
        assert_eq!((calls.open.len(), calls.streams.len()), (1, 1));
        assert_eq!(calls.abandon(), [handed[1].1.id]);
        assert_eq!((calls.open.len(), calls.streams.len()), (0, 0));
    }

    #[test]
    fn numbers_in_use_are_skipped() {
        let mut calls = Calls::default();
        let first = opened(&mut calls, None).unwrap();
        calls.last = first.wrapping_sub(2);
        assert_eq!(opened(&mut calls, None), Ok(first + 1));
    }
}
