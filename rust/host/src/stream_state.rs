//! The state of the streams of this thread: what hostcalls read and write.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use crate::abi::Direction;
use crate::course::Course;
use crate::effects::{Effects, LocalResponse, Pressure};
use crate::flow::{Flow, Gate, Stop};
use crate::instances::{Slot, outbox};
use crate::properties::Stored;
use crate::tenants::Visit;
use crate::{Attributes, Chain, HeaderMap};

/// One request and its response in a chain.
pub(crate) struct StreamState {
    pub(crate) chain: Chain,
    pub(crate) attributes: Attributes,
    pub(crate) filters: Vec<Filter>,
    pub(crate) request: Flow,
    pub(crate) response: Flow,
    /// What policies stored with `proxy_set_property`, by path.
    pub(crate) properties: Stored,
    /// What hostcalls asked, and which policy; performed after the callback returned.
    pub(crate) asked: Vec<(usize, Asked)>,
    pub(crate) effects: Effects,
    pub(crate) began: Option<Instant>,
    pub(crate) course: Course,
    /// Responses that did not come from the upstream, each instead of the one before. After the
    /// first one the request goes no further.
    pub(crate) answers: usize,
    /// A policy stopped, and at its limit what it waits for is to wait as well.
    pub(crate) watermarked: bool,
    /// What the layer above knows of that.
    pressure: Pressure,
    /// The connection was to be cut in an earlier step.
    pub(crate) cut: bool,
    pub(crate) closed: bool,
}

/// The place of one policy in a stream.
#[derive(Default)]
pub(crate) struct Filter {
    pub(crate) seat: Option<Seat>,
    /// The policy failed and is skipped from now on.
    pub(crate) skipped: bool,
    pub(crate) request: Gate,
    pub(crate) response: Gate,
}

impl Filter {
    pub(crate) fn gate(&self, direction: Direction) -> &Gate {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }
}

/// The context of a stream in an instance.
#[derive(Clone)]
pub(crate) struct Seat {
    pub(crate) slot: Rc<Slot>,
    pub(crate) generation: u64,
    pub(crate) context: u32,
    /// Keeps the tenant that it is of.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) visit: Option<Rc<Visit>>,
}

/// What a policy asks of a stream.
pub(crate) enum Asked {
    Continue(Direction),
    Respond(LocalResponse),
    /// Body bytes of the response for the policies after this one, and whether they are the last.
    Inject(Vec<u8>, bool),
    Reset,
}

impl Asked {
    /// Whether both ask for the same; of two responses of one callback the first one counts, as in
    /// Envoy.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Continue(one), Self::Continue(two)) => one == two,
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        }
    }
}

impl StreamState {
    pub(crate) fn new(chain: Chain, attributes: Attributes) -> Self {
        let filters = (0..chain.len()).map(|_| Filter::default()).collect();
        let began = chain.now();
        Self {
            chain,
            attributes,
            filters,
            request: Flow::default(),
            response: Flow::default(),
            properties: Stored::default(),
            asked: Vec::new(),
            effects: Effects::default(),
            began,
            course: Course::default(),
            answers: 0,
            watermarked: false,
            pressure: Pressure::default(),
            cut: false,
            closed: false,
        }
    }

    /// The upstream's response is whole, if `end` is set.
    pub(crate) fn note_answer(&mut self, end: bool) {
        if end {
            self.course.answered = self.chain.now();
        }
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answers > 0
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut || self.effects.reset
    }

    pub(crate) fn flow(&mut self, direction: Direction) -> &mut Flow {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    /// Notes body bytes of the response that a policy sends on itself; false if it cannot.
    pub(crate) fn inject(
        &mut self,
        position: usize,
        data: Vec<u8>,
        end: bool,
        limit: usize,
    ) -> bool {
        let gate = &self.filters[position].response;
        let ended = self
            .asked
            .iter()
            .any(|asked| matches!(asked, (who, Asked::Inject(_, true)) if *who == position));
        let sent = self.asked.iter().map(|(who, asked)| match asked {
            Asked::Inject(bytes, _) if *who == position => bytes.len(),
            _ => 0,
        });
        let full = sent.sum::<usize>() + data.len() > limit;
        if !gate.seen || gate.stop == Stop::Ended || ended || full {
            return false;
        }
        match self.asked.last_mut() {
            Some((who, Asked::Inject(before, last))) if *who == position => {
                before.extend_from_slice(&data);
                *last = end;
            }
            _ => self.asked.push((position, Asked::Inject(data, end))),
        }
        true
    }

    /// Whether no policy looks at the body or holds any of it.
    pub(crate) fn lets_body_pass(&self, direction: Direction) -> bool {
        let looks = self.chain.looks_at_body(direction);
        self.filters.iter().all(|filter| {
            let gate = filter.gate(direction);
            gate.stop == Stop::No && gate.body.is_empty() && (!looks || filter.seat.is_none())
        })
    }

    pub(crate) fn gate(&mut self, direction: Direction, position: usize) -> &mut Gate {
        let filter = &mut self.filters[position];
        match direction {
            Direction::Request => &mut filter.request,
            Direction::Response => &mut filter.response,
        }
    }

    pub(crate) fn progress(&mut self, direction: Direction) -> &mut crate::Progress {
        match direction {
            Direction::Request => &mut self.effects.request,
            Direction::Response => &mut self.effects.response,
        }
    }

    fn held(&self) -> usize {
        self.filters.iter().map(|filter| filter.request.held() + filter.response.held()).sum()
    }

    pub(crate) fn request_headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    fn pressure(&mut self) -> Pressure {
        let full = |direction: Direction| {
            let plugins = self.chain.plugins().iter();
            plugins.zip(&self.filters).any(|(plugin, filter)| {
                let gate = filter.gate(direction);
                let limit = plugin.core().spec.limits.body;
                gate.watermark && gate.waits() && gate.held() >= limit
            })
        };
        let (request, response) = (full(Direction::Request), full(Direction::Response));
        let known = (self.pressure.request, self.pressure.response);
        self.pressure = Pressure { request, response, changed: known != (request, response) };
        self.pressure
    }

    /// What the step asks of the layer above; the next step starts empty.
    pub(crate) fn take_effects(&mut self, key: u64) -> Effects {
        self.cut |= self.effects.reset;
        if self.watermarked {
            self.effects.pressure = self.pressure();
        }
        outbox(|out| out.empty_into(&mut self.effects));
        if !self.effects.wake.is_empty() {
            self.effects.wake.retain(|other| *other != key);
        }
        std::mem::take(&mut self.effects)
    }
}

type Shared = Rc<RefCell<StreamState>>;

/// Streams by key: the low half is the place, the high half counts how often it was used.
#[derive(Default)]
struct Streams {
    places: Vec<(u32, Option<Shared>)>,
    free: Vec<u32>,
}

thread_local! {
    static STREAMS: RefCell<Streams> = RefCell::default();
}

fn key_of(place: u32, turn: u32) -> u64 {
    u64::from(turn) << 32 | u64::from(place)
}

/// Keeps a stream and names it.
pub(crate) fn keep(state: StreamState) -> u64 {
    STREAMS.with_borrow_mut(|streams| {
        let state = Some(Rc::new(RefCell::new(state)));
        if let Some(place) = streams.free.pop() {
            let slot = &mut streams.places[place as usize];
            slot.1 = state;
            return key_of(place, slot.0);
        }
        let place = u32::try_from(streams.places.len()).unwrap_or(u32::MAX);
        streams.places.push((1, state));
        key_of(place, 1)
    })
}

/// The stream of this key, if it is still there.
pub(crate) fn find(key: u64) -> Option<Shared> {
    let (place, turn) = split(key);
    STREAMS.with_borrow(|streams| {
        streams
            .places
            .get(place as usize)
            .filter(|slot| slot.0 == turn)
            .and_then(|slot| slot.1.clone())
    })
}

#[allow(clippy::cast_possible_truncation, reason = "the two halves of a key")]
fn split(key: u64) -> (u32, u32) {
    (key as u32, (key >> 32) as u32)
}

/// Frees the place of a closed stream once no policy holds a context of it. Until then it does not
/// keep its plugins: a guest that never lets go would outlive the policy's replacement.
pub(crate) fn release(key: u64) {
    let Some(state) = find(key) else { return };
    let kept = {
        let state = &mut *state.borrow_mut();
        if !state.closed {
            return;
        }
        let held = state.filters.iter().any(|filter| filter.seat.is_some());
        held.then(|| {
            let observed = state.chain.observed();
            std::mem::replace(&mut state.chain, observed)
        })
    };
    if kept.is_some() {
        // With the last stream of a chain its plugins go, and callbacks that end them may run.
        drop(kept);
        return;
    }
    let (place, turn) = split(key);
    let released = STREAMS.with_borrow_mut(|streams| {
        let slot = &mut streams.places[place as usize];
        slot.0 = turn.wrapping_add(1).max(1);
        streams.free.push(place);
        slot.1.take()
    });
    // With the last stream of a chain its plugins go, and callbacks that end them may run.
    drop(released);
}

/// How many streams of this thread are kept: those that are open, and closed ones of which a policy
/// did not let go.
#[must_use]
pub fn kept_streams() -> usize {
    STREAMS.with_borrow(|streams| streams.places.len() - streams.free.len())
}

/// The bytes of bodies that policies hold back in the streams of this thread.
#[must_use]
pub fn held_bytes() -> usize {
    STREAMS.with_borrow(|streams| {
        let kept = streams.places.iter().filter_map(|(_, state)| state.as_ref());
        // One that is at work is not counted.
        kept.map(|state| state.try_borrow().map_or(0, |state| state.held())).sum()
    })
}

/// A policy let go of a closed stream.
pub(crate) fn leave(key: u64, position: usize) {
    with(key, |state| state.filters[position].seat = None);
    release(key);
}

/// An instance is gone: a closed stream waits for it no longer.
pub(crate) fn vacate(key: u64) {
    let gone = |seat: &Seat| !seat.slot.serves(seat.generation);
    with(key, |state| {
        let filters = state.filters.iter_mut().filter(|_| state.closed);
        filters.for_each(|filter| drop(filter.seat.take_if(|seat| gone(seat))));
    });
    release(key);
}

/// Works on the stream of this key.
pub(crate) fn with<R>(key: u64, work: impl FnOnce(&mut StreamState) -> R) -> Option<R> {
    find(key).map(|state| work(&mut state.borrow_mut()))
}
