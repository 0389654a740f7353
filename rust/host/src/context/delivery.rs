//! An answer as the guest sees it, in its callback alone.

use crate::abi::enums::{BufferType, MapType};
use crate::types::callout::CalloutAnswer;
use crate::types::headers::HeaderMap;

/// What `proxy_get_status` says of an HTTP call without a response.
const NO_RESPONSE: u32 = 503;
/// gRPC's status CANCELLED.
const CANCELLED: u32 = 1;
/// The status of a Redis call without a response.
const NO_REDIS: u32 = 1;

/// What a number stands for, as far as the host must tell numbers apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Http,
    Grpc,
    GrpcStream { half_closed: bool },
    Redis,
    Foreign,
}

/// Which callback tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerCallback {
    Http,
    GrpcMetadata,
    GrpcMessage,
    GrpcTrailers,
    GrpcClose,
    Redis,
    Foreign,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) callback: AnswerCallback,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
    /// What `proxy_get_status` says.
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl Delivery {
    fn new(callback: AnswerCallback) -> Self {
        let (headers, trailers) = (HeaderMap::new(), HeaderMap::new());
        Self { callback, headers, body: Vec::new(), trailers, code: 0, message: String::new() }
    }

    /// `None`: the answer is not of this kind, or the guest is not told. As in Envoy, metadata of
    /// a unary gRPC call is not delivered: its callbacks are those of the message or of the failure.
    pub(super) fn of(kind: Kind, answer: CalloutAnswer) -> Option<Self> {
        let streams = matches!(kind, Kind::GrpcStream { .. });
        let grpc = streams || kind == Kind::Grpc;
        let blank = Self::new;
        Some(match answer {
            CalloutAnswer::Http { headers, body, trailers } if kind == Kind::Http => {
                let code = status(&headers);
                Self { headers, body, trailers, code, ..blank(AnswerCallback::Http) }
            }
            CalloutAnswer::HttpFailure(message) if kind == Kind::Http => {
                Self { code: NO_RESPONSE, message, ..blank(AnswerCallback::Http) }
            }
            CalloutAnswer::GrpcMetadata(headers) if streams => {
                Self { headers, ..blank(AnswerCallback::GrpcMetadata) }
            }
            CalloutAnswer::GrpcMessage(body) if grpc => {
                Self { body, ..blank(AnswerCallback::GrpcMessage) }
            }
            CalloutAnswer::GrpcTrailers(headers) if streams => {
                Self { headers, ..blank(AnswerCallback::GrpcTrailers) }
            }
            CalloutAnswer::GrpcClose { status, message } if grpc => {
                Self { code: status, message, ..blank(AnswerCallback::GrpcClose) }
            }
            CalloutAnswer::Redis { status, response } if kind == Kind::Redis => {
                Self { code: status, body: response, ..blank(AnswerCallback::Redis) }
            }
            CalloutAnswer::Foreign(body) if kind == Kind::Foreign => {
                Self { body, ..blank(AnswerCallback::Foreign) }
            }
            _ => return None,
        })
    }

    /// What ends a callout that was cancelled with its stream: the guest's SDK remembers it until it
    /// is told. Of foreign functions no SDK remembers anything.
    pub(crate) fn cancelled(kind: Kind) -> Option<Self> {
        let message = String::from("the stream has ended");
        Some(match kind {
            Kind::Http => Self { code: NO_RESPONSE, message, ..Self::new(AnswerCallback::Http) },
            Kind::Grpc | Kind::GrpcStream { .. } => {
                Self { code: CANCELLED, message, ..Self::new(AnswerCallback::GrpcClose) }
            }
            Kind::Redis => Self { code: NO_REDIS, message, ..Self::new(AnswerCallback::Redis) },
            Kind::Foreign => return None,
        })
    }

    /// The fields that a map of the ABI shows.
    pub(crate) fn map(&self, map: MapType) -> Option<&HeaderMap> {
        match (map, self.callback) {
            (MapType::CallResponseHeaders, AnswerCallback::Http)
            | (MapType::GrpcInitialMetadata, AnswerCallback::GrpcMetadata)
            | (MapType::GrpcTrailingMetadata, AnswerCallback::GrpcTrailers) => Some(&self.headers),
            (MapType::CallResponseTrailers, AnswerCallback::Http) => Some(&self.trailers),
            _ => None,
        }
    }

    /// The bytes that a buffer of the ABI shows.
    pub(crate) fn buffer(&self, buffer: BufferType) -> Option<&[u8]> {
        let shown = match self.callback {
            AnswerCallback::Http => BufferType::CallResponseBody,
            AnswerCallback::GrpcMessage => BufferType::GrpcMessage,
            AnswerCallback::Redis => BufferType::RedisResponse,
            AnswerCallback::Foreign => BufferType::ForeignArguments,
            AnswerCallback::GrpcMetadata
            | AnswerCallback::GrpcTrailers
            | AnswerCallback::GrpcClose => return None,
        };
        (buffer == shown).then_some(&self.body)
    }
}

fn status(headers: &HeaderMap) -> u32 {
    let text = headers.get(b":status").and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
