//! The data of a stream that hostcalls read and write, without the plugins of its chain.

use std::time::Instant;

use crate::abi::enums::Direction;
use crate::context::direction::{DirectionState, FilterState, Iteration};
use crate::context::stored_properties::StoredProperties;
use crate::context::stream_info::StreamInfo;
use crate::types::attributes::Attributes;
use crate::types::effects::LocalResponse;
use crate::types::headers::HeaderMap;

/// The content type of a gRPC call, or its prefix.
pub(crate) const GRPC: &[u8] = b"application/grpc";

/// One request and its response.
#[derive(Default)]
pub(crate) struct StreamData {
    pub(crate) attributes: Attributes,
    pub(crate) request: DirectionState,
    pub(crate) response: DirectionState,
    /// The state of each policy of the chain, by its position.
    pub(crate) filters: Vec<FilterStates>,
    /// What policies stored with `proxy_set_property`, by path.
    pub(crate) properties: StoredProperties,
    /// Actions that hostcalls requested, and the position of the policy; performed after the callback.
    pub(crate) pending_actions: Vec<(usize, StreamAction)>,
    pub(crate) began: Option<Instant>,
    pub(crate) info: StreamInfo,
}

/// The state of one policy in both directions.
#[derive(Default)]
pub(crate) struct FilterStates {
    pub(crate) request: FilterState,
    pub(crate) response: FilterState,
}

/// An action on a stream that a policy requests.
pub(crate) enum StreamAction {
    Continue(Direction),
    Respond(LocalResponse),
    /// Sends body bytes of the response to the policies after this one; whether they are the last.
    Inject(Vec<u8>, bool),
    Reset,
}

impl StreamAction {
    /// Whether both are the same action; of two local responses of one callback the first one counts, as in
    /// Envoy.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Continue(one), Self::Continue(two)) => one == two,
            (one, two) => std::mem::discriminant(one) == std::mem::discriminant(two),
        }
    }
}

impl FilterStates {
    pub(crate) fn filter(&self, direction: Direction) -> &FilterState {
        match direction {
            Direction::Request => &self.request,
            Direction::Response => &self.response,
        }
    }

    /// The number of buffered body bytes.
    pub(crate) fn held(&self) -> usize {
        self.request.held() + self.response.held()
    }
}

impl StreamData {
    /// The data of a new stream whose chain has this number of policies.
    pub(crate) fn new(attributes: Attributes, policies: usize, began: Option<Instant>) -> Self {
        let filters = (0..policies).map(|_| FilterStates::default()).collect();
        Self { attributes, filters, began, ..Self::default() }
    }

    pub(crate) fn direction(&mut self, direction: Direction) -> &mut DirectionState {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }

    pub(crate) fn filter(&mut self, direction: Direction, position: usize) -> &mut FilterState {
        let filter = &mut self.filters[position];
        match direction {
            Direction::Request => &mut filter.request,
            Direction::Response => &mut filter.response,
        }
    }

    pub(crate) fn request_headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// Whether the request is a gRPC call (gRPC over HTTP/2, "Requests").
    pub(crate) fn is_grpc_call(&self) -> bool {
        let content_type = self.request.headers.get(b"content-type");
        let rest = content_type.and_then(|value| value.strip_prefix(GRPC));
        rest.is_some_and(|rest| matches!(rest, [] | [b'+', ..]))
    }

    /// Records an action; false if the policy requested the same before, or the stream has ended.
    pub(crate) fn ask(&mut self, position: usize, action: StreamAction) -> bool {
        // An action on an ended stream can have no effect.
        if self.info.ended {
            return false;
        }
        let mut pending = self.pending_actions.iter();
        let known = pending.any(|(who, known)| *who == position && known.is_like(&action));
        if !known {
            self.pending_actions.push((position, action));
        }
        !known
    }

    /// Records body bytes of the response that a policy sends; false if it cannot send any.
    pub(crate) fn inject(
        &mut self,
        position: usize,
        data: Vec<u8>,
        end: bool,
        limit: usize,
    ) -> bool {
        let filter = &self.filters[position].response;
        let injected = self.pending_actions.iter().filter_map(|(who, action)| match action {
            StreamAction::Inject(bytes, last) if *who == position => Some((bytes.len(), *last)),
            _ => None,
        });
        let (sent, ended) =
            injected.fold((0, false), |(sent, ended), (bytes, last)| (sent + bytes, ended || last));
        let full = sent + data.len() > limit;
        let over = self.info.ended || filter.iteration == Iteration::Ended;
        if !filter.seen || over || ended || full {
            return false;
        }
        match self.pending_actions.last_mut() {
            Some((who, StreamAction::Inject(before, last))) if *who == position => {
                before.extend_from_slice(&data);
                *last = end;
            }
            _ => self.pending_actions.push((position, StreamAction::Inject(data, end))),
        }
        true
    }

    /// Discards what no policy can use after the end of the stream: its heads and properties stay, for
    /// contexts that wait for `proxy_done`.
    pub(crate) fn drop_held(&mut self) {
        self.filters.iter_mut().for_each(|filter| *filter = FilterStates::default());
        self.pending_actions = Vec::new();
    }

    /// The number of body bytes that policies buffer.
    pub(crate) fn held(&self) -> usize {
        self.filters.iter().map(FilterStates::held).sum()
    }
}
