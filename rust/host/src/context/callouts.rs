//! The open callouts of one instance. They are part of the state that the host keeps for the instance,
//! and survive its migration to optimised code.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use smallvec::SmallVec;

use crate::abi::answers::AnswerCallback;
use crate::context::delivery::{Delivery, Kind};
use crate::types::callout::{Callout, CalloutAnswer, CalloutRequest, Login};
use crate::types::ids::IdMap;

/// Maximum number of open callouts of one stream.
const STREAM: usize = 32;
/// Maximum number of open callouts of one instance.
const INSTANCE: usize = 1024;
/// Maximum number of bytes of the open callouts of one instance, as a multiple of the limit `body`.
const UNDER_WAY: usize = 16;
/// Bytes that each callout counts in addition to its own, which bounds the number of empty ones.
const OVERHEAD: usize = 256;
/// Maximum number of Redis servers for which one instance has credentials.
const LOGINS: usize = 64;

/// All callouts of one instance.
#[derive(Default)]
pub(crate) struct Calls {
    open: IdMap<u32, Open>,
    /// The open callouts of each stream, by its context; streams without any are absent.
    streams: IdMap<u32, SmallVec<[u32; 2]>>,
    last: u32,
    /// The callouts of the running callback, performed after it; a new one has its waiting context.
    asked: Vec<(Option<Waiting>, Callout)>,
    asked_bytes: usize,
    /// Bytes of the open callouts; later messages of a gRPC stream are not included.
    open_bytes: usize,
    cancelled: Vec<u64>,
    logins: Vec<Known>,
    /// The response whose callback runs.
    pub(crate) delivery: Option<Box<Delivery>>,
    /// Callouts that were cancelled with a stream, and whose guest has had no callback for that yet.
    untold: usize,
    /// The stream whose callback runs has ended: its new callouts are not cancelled with it.
    pub(crate) stream_ended: bool,
}

struct Open {
    id: u64,
    kind: Kind,
    root: u32,
    stream: Option<u32>,
    bytes: usize,
}

/// The credentials of a plugin for a Redis server.
struct Known {
    root: u32,
    upstream: String,
    login: Arc<Login>,
    timeout: Duration,
}

/// The plugin and the stream that make a callout.
#[derive(Clone)]
pub(crate) struct Requester {
    pub(crate) plugin: u64,
    pub(crate) policy: Arc<str>,
    /// The plugin's root context, which gets the response.
    pub(crate) root: u32,
    /// The context of the stream with which the callout is cancelled.
    pub(crate) stream: Option<u32>,
    /// Maximum number of bytes that one callback may send.
    pub(crate) byte_limit: usize,
}

/// The plugin that waits for a response, and the callout's id in its guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) plugin: u64,
    pub(crate) number: u32,
    /// Whether the callout is cancelled with a stream.
    pub(crate) of_stream: bool,
}

/// A callout that has ended, and the root context that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) root: u32,
    pub(crate) number: u32,
    pub(crate) kind: Kind,
}

/// Why a callout is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CalloutError {
    OfStream,
    OfInstance,
    Bytes,
    BytesOfInstance,
    Logins,
}

impl CalloutError {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::OfStream => format!("{STREAM} callouts of this stream are under way"),
            Self::OfInstance => format!("{INSTANCE} callouts of this policy are under way"),
            Self::Bytes => "its limit `body` allows no more in one callback".into(),
            Self::BytesOfInstance => {
                format!("those under way have {UNDER_WAY} times its limit `body`")
            }
            Self::Logins => format!("it uses {LOGINS} Redis servers"),
        }
    }
}

impl Calls {
    /// Records a callout and returns its id for the guest.
    pub(crate) fn open(
        &mut self,
        requester: &Requester,
        kind: Kind,
        request: CalloutRequest,
    ) -> Result<u32, CalloutError> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let Requester { root, stream, plugin, .. } = *requester;
        let of_stream = stream.and_then(|context| self.streams.get(&context));
        if of_stream.is_some_and(|numbers| numbers.len() >= STREAM) {
            return Err(CalloutError::OfStream);
        }
        if self.open.len() + self.untold >= INSTANCE {
            return Err(CalloutError::OfInstance);
        }
        let bytes = request.byte_len();
        if self.open_bytes.saturating_add(bytes) > requester.byte_limit.saturating_mul(UNDER_WAY) {
            return Err(CalloutError::BytesOfInstance);
        }
        self.make_room(&request, requester.byte_limit)?;
        self.open_bytes += bytes;
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let number = self.next_number();
        self.open.insert(number, Open { id, kind, root, stream, bytes });
        if let Some(context) = stream {
            self.streams.entry(context).or_default().push(number);
        }
        let policy = Arc::clone(&requester.policy);
        let waiting = Waiting { plugin, number, of_stream: stream.is_some() };
        self.asked.push((Some(waiting), Callout { id, policy, request }));
        Ok(number)
    }

    /// Records a further message of an open gRPC stream.
    pub(crate) fn add(
        &mut self,
        requester: &Requester,
        number: u32,
        request: CalloutRequest,
    ) -> Result<(), CalloutError> {
        self.make_room(&request, requester.byte_limit)?;
        let Some(open) = self.open.get_mut(&number) else { return Ok(()) };
        if !matches!(request, CalloutRequest::GrpcSend { end: false, .. }) {
            open.kind = Kind::GrpcStream { half_closed: true };
        }
        let policy = Arc::clone(&requester.policy);
        self.asked.push((None, Callout { id: open.id, policy, request }));
        Ok(())
    }

    fn make_room(&mut self, request: &CalloutRequest, most: usize) -> Result<(), CalloutError> {
        let bytes = self.asked_bytes.saturating_add(OVERHEAD).saturating_add(request.byte_len());
        if bytes > most.saturating_add(OVERHEAD) {
            return Err(CalloutError::Bytes);
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

    /// The kind of the open callout with this id.
    pub(crate) fn kind(&self, number: u32) -> Option<Kind> {
        self.open.get(&number).map(|open| open.kind)
    }

    /// Cancels a callout: its response will be dropped.
    pub(crate) fn cancel(&mut self, number: u32) {
        let Some(open) = self.close(number) else { return };
        let new = |(waiting, callout): &(Option<Waiting>, Callout)| {
            callout.id == open.id && waiting.is_some()
        };
        let given_out = !self.asked.iter().any(new);
        self.asked.retain(|(_, callout)| callout.id != open.id);
        if given_out {
            self.cancelled.push(open.id);
        }
    }

    /// Cancels the callouts of a stream, and returns them.
    pub(crate) fn end_stream(&mut self, context: u32) -> SmallVec<[Ended; 2]> {
        // Most streams have no callouts, and most instances have none of any stream.
        if self.streams.is_empty() {
            return SmallVec::new();
        }
        let numbers = self.streams.remove(&context).unwrap_or_default();
        let ended = numbers.iter().filter_map(|number| {
            let Open { root, kind, .. } = *self.open.get(number)?;
            Some(Ended { root, number: *number, kind })
        });
        let ended: SmallVec<[Ended; 2]> = ended.collect();
        self.untold += ended.len();
        for number in numbers {
            self.cancel(number);
        }
        ended
    }

    /// The callback for a callout that was cancelled with its stream, if the SDK keeps a handler for it.
    pub(crate) fn cancelled(&mut self, ended: Ended) -> Option<Delivery> {
        self.untold = self.untold.saturating_sub(1);
        Delivery::cancelled(ended.kind)
    }

    /// Cancels the callouts of a root context, and forgets the credentials of its plugin.
    pub(crate) fn end_root(&mut self, root: u32) {
        self.logins.retain(|known| known.root != root);
        let of_root = |(number, open): (&u32, &Open)| (open.root == root).then_some(*number);
        let numbers: Vec<u32> = self.open.iter().filter_map(of_root).collect();
        for number in numbers {
            self.cancel(number);
        }
    }

    fn close(&mut self, number: u32) -> Option<Open> {
        let open = self.open.remove(&number)?;
        self.open_bytes = self.open_bytes.saturating_sub(open.bytes);
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

    /// The callback for a response, its root context, and whether the callout has ended; `None`
    /// for a response without a callback.
    pub(crate) fn accept(
        &mut self,
        number: u32,
        answer: CalloutAnswer,
    ) -> Option<(u32, Delivery, bool)> {
        let Open { root, kind, .. } = *self.open.get(&number)?;
        let delivery = Delivery::of(kind, answer)?;
        let streams = matches!(kind, Kind::GrpcStream { .. });
        let over = !streams || delivery.callback == AnswerCallback::GrpcClose;
        if over {
            self.close(number);
        }
        Some((root, delivery, over))
    }

    /// Sets the policy's credentials for a Redis server.
    pub(crate) fn log_in(
        &mut self,
        root: u32,
        upstream: String,
        login: Login,
        timeout: Duration,
    ) -> Result<(), CalloutError> {
        let login = Arc::new(login);
        self.logins.retain(|known| known.root != root || known.upstream != upstream);
        if self.logins.len() >= LOGINS {
            return Err(CalloutError::Logins);
        }
        self.logins.push(Known { root, upstream, login, timeout });
        Ok(())
    }

    /// The credentials for a server, and the server with its database: the SDK of Higress names the
    /// database in `proxy_redis_init` only.
    pub(crate) fn login(&self, root: u32, server: &str) -> Option<(String, Arc<Login>, Duration)> {
        let named = |known: &&Known| {
            known.upstream == server || known.upstream.split("?db=").next() == Some(server)
        };
        let known = self.logins.iter().rev().filter(|known| known.root == root).find(named)?;
        Some((known.upstream.clone(), Arc::clone(&known.login), known.timeout))
    }

    /// The number of callouts and cancellations to hand over.
    pub(crate) fn pending(&self) -> usize {
        self.asked.len() + self.cancelled.len()
    }

    /// Whether there are callouts or cancellations to hand over.
    #[inline]
    pub(crate) fn has_pending(&self) -> bool {
        !self.asked.is_empty() || !self.cancelled.is_empty()
    }

    /// Takes the callouts and cancellations to hand over.
    pub(crate) fn take_pending(&mut self) -> (Vec<(Option<Waiting>, Callout)>, Vec<u64>) {
        self.asked_bytes = 0;
        (std::mem::take(&mut self.asked), std::mem::take(&mut self.cancelled))
    }

    /// Cancels all callouts of the instance. Returns the ids of those that were handed over.
    pub(crate) fn abandon(&mut self) -> Vec<u64> {
        let numbers: Vec<u32> = self.open.keys().copied().collect();
        for number in numbers {
            self.cancel(number);
        }
        self.take_pending().1
    }
}

#[cfg(test)]
mod tests;
