//! The state of an open stream: its chain, its contexts in instances, and its pending effects.

use std::cell::RefCell;
use std::rc::Rc;

use smallvec::SmallVec;

use crate::abi::enums::Direction;
use crate::context::direction::Iteration;
use crate::context::outbox::outbox;
use crate::context::stream_data::StreamData;
use crate::context::stream_table::{self, SharedStream};
use crate::host::tenants::TenantLease;
use crate::stream::chain::Chain;
use crate::thread::plugin_slot::PluginSlot;
use crate::types::attributes::Attributes;
use crate::types::effects::{Effects, Pressure, Progress};

/// One request and its response in a chain.
pub(crate) struct StreamState {
    pub(crate) chain: Chain,
    pub(crate) data: SharedStream,
    pub(crate) filters: SmallVec<[Filter; 4]>,
    pub(crate) effects: Effects,
    /// Responses that did not come from the upstream, each instead of the one before. After the
    /// first one the request is not forwarded any further.
    pub(crate) answers: usize,
    /// A policy stopped with a watermark: at its limit the source of the body is paused.
    pub(crate) watermarked: bool,
    /// The last such state that was reported to the layer above.
    pressure: Pressure,
    /// The connection was to be cut in an earlier step.
    pub(crate) cut: bool,
}

/// The place of one policy in a stream.
#[derive(Default)]
pub(crate) struct Filter {
    pub(crate) context: Option<FilterContext>,
    /// The policy failed and is skipped from now on.
    pub(crate) skipped: bool,
}

/// The context of a stream in an instance.
#[derive(Clone)]
pub(crate) struct FilterContext {
    pub(crate) slot: Rc<PluginSlot>,
    pub(crate) generation: u64,
    pub(crate) id: u32,
    /// Keeps the stream's tenant.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(crate) lease: Option<Rc<TenantLease>>,
}

impl StreamState {
    pub(crate) fn is_answered(&self) -> bool {
        self.answers > 0
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut || self.effects.reset
    }

    /// Whether no policy looks at the body or holds any of it.
    pub(crate) fn lets_body_pass(&self, data: &StreamData, direction: Direction) -> bool {
        let looks = self.chain.looks_at_body(direction);
        self.filters.iter().zip(&data.filters).all(|(filter, states)| {
            let held = states.filter(direction);
            held.iteration == Iteration::Continue
                && held.body.is_empty()
                && (!looks || filter.context.is_none())
        })
    }

    pub(crate) fn progress(&mut self, direction: Direction) -> &mut Progress {
        match direction {
            Direction::Request => &mut self.effects.request,
            Direction::Response => &mut self.effects.response,
        }
    }

    fn pressure(&mut self) -> Pressure {
        let data = self.data.borrow();
        let full = |direction: Direction| {
            let plugins = self.chain.plugins().iter();
            plugins.zip(&data.filters).any(|(plugin, filter)| {
                let filter = filter.filter(direction);
                let limit = plugin.core().spec.limits.body;
                filter.watermark && filter.waits() && filter.held() >= limit
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

/// An open stream.
pub(crate) type Shared = Rc<RefCell<StreamState>>;

thread_local! {
    /// The open streams of this thread, at the index of their key.
    static OPEN: RefCell<Vec<Option<(u64, Shared)>>> = RefCell::default();
}

/// Opens a stream and names it.
pub(crate) fn open(chain: Chain, attributes: Attributes) -> u64 {
    let policies = chain.len();
    let data = StreamData::new(attributes, policies, chain.now());
    let data = Rc::new(RefCell::new(data));
    let key = stream_table::open(&data);
    let state = StreamState {
        chain,
        data,
        filters: (0..policies).map(|_| Filter::default()).collect(),
        effects: Effects::default(),
        answers: 0,
        watermarked: false,
        pressure: Pressure::default(),
        cut: false,
    };
    let index = stream_table::index_of(key);
    OPEN.with_borrow_mut(|streams| {
        if streams.len() <= index {
            streams.resize_with(index + 1, || None);
        }
        streams[index] = Some((key, Rc::new(RefCell::new(state))));
    });
    key
}

/// The open stream of this key.
pub(crate) fn find(key: u64) -> Option<Shared> {
    OPEN.with_borrow(|streams| {
        let entry = streams.get(stream_table::index_of(key))?.as_ref();
        entry.filter(|(known, _)| *known == key).map(|(_, state)| Rc::clone(state))
    })
}

/// Forgets a stream that has ended. Its data stays while an instance has a context of it.
pub(crate) fn close(key: u64) {
    let state = OPEN.with_borrow_mut(|streams| {
        let entry = streams.get_mut(stream_table::index_of(key))?;
        entry.take_if(|(known, _)| *known == key)
    });
    if state.is_some() {
        stream_table::release(key);
    }
    // With the last stream of a chain its plugins go, and callbacks that end them may run.
    drop(state);
}
