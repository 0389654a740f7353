//! A response to a callout as the guest sees it, during its callback.

use crate::abi::answers::AnswerCallback;
use crate::abi::enums::{BufferType, MapType};
use crate::types::callout::CalloutAnswer;
use crate::types::headers::HeaderMap;

/// gRPC's status CANCELLED.
const CANCELLED: u32 = 1;

/// The kind of an open callout, as far as its callbacks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One callback with the response or the failure.
    Single(AnswerCallback),
    Grpc,
    GrpcStream {
        half_closed: bool,
    },
}

impl Kind {
    fn response(self) -> AnswerCallback {
        match self {
            Self::Single(callback) => callback,
            Self::Grpc | Self::GrpcStream { .. } => AnswerCallback::GrpcMessage,
        }
    }
}

/// A response, or the failure of a callout.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) callback: AnswerCallback,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
    /// The status for `proxy_get_status`.
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl Delivery {
    fn new(callback: AnswerCallback) -> Self {
        let (headers, trailers) = (HeaderMap::new(), HeaderMap::new());
        Self { callback, headers, body: Vec::new(), trailers, code: 0, message: String::new() }
    }

    /// `None`: there is no callback. As in Envoy, metadata of a unary gRPC call is not delivered: only its
    /// message or its failure has a callback.
    pub(super) fn of(kind: Kind, answer: CalloutAnswer) -> Option<Self> {
        let streams = matches!(kind, Kind::GrpcStream { .. });
        Some(match answer {
            CalloutAnswer::Response { headers, body, trailers } => {
                let code = status(&headers);
                Self { headers, body, trailers, code, ..Self::new(kind.response()) }
            }
            CalloutAnswer::GrpcMetadata(headers) if streams => {
                Self { headers, ..Self::new(AnswerCallback::GrpcMetadata) }
            }
            CalloutAnswer::GrpcTrailers(headers) if streams => {
                Self { headers, ..Self::new(AnswerCallback::GrpcTrailers) }
            }
            CalloutAnswer::GrpcMetadata(_) | CalloutAnswer::GrpcTrailers(_) => return None,
            CalloutAnswer::Closed { status, message } => match kind {
                Kind::Single(callback) => {
                    Self { code: callback.no_answer(), message, ..Self::new(callback) }
                }
                Kind::Grpc | Kind::GrpcStream { .. } => {
                    Self { code: status, message, ..Self::new(AnswerCallback::GrpcClose) }
                }
            },
        })
    }

    /// The failure of a callout that was cancelled with its stream: the guest's SDK keeps a handler until
    /// this callback. No SDK keeps handlers for foreign functions.
    pub(crate) fn cancelled(kind: Kind) -> Option<Self> {
        if kind == Kind::Single(AnswerCallback::Foreign) {
            return None;
        }
        let message = String::from("the stream has ended");
        Self::of(kind, CalloutAnswer::Closed { status: CANCELLED, message })
    }

    /// The fields of a map of the ABI.
    pub(crate) fn map(&self, map: MapType) -> Option<&HeaderMap> {
        match (map, self.callback) {
            (MapType::CallResponseHeaders, AnswerCallback::HttpCall)
            | (MapType::GrpcInitialMetadata, AnswerCallback::GrpcMetadata)
            | (MapType::GrpcTrailingMetadata, AnswerCallback::GrpcTrailers) => Some(&self.headers),
            (MapType::CallResponseTrailers, AnswerCallback::HttpCall) => Some(&self.trailers),
            _ => None,
        }
    }

    /// The bytes of a buffer of the ABI.
    pub(crate) fn buffer(&self, buffer: BufferType) -> Option<&[u8]> {
        self.callback.shows(buffer).then_some(&self.body)
    }
}

fn status(headers: &HeaderMap) -> u32 {
    let text = headers.get(b":status").and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
