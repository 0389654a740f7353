//! A callout and its answer, as values.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::types::headers::HeaderMap;

/// Something that a policy asks of others.
#[derive(Debug)]
pub struct Callout {
    /// Unique in the process. Of [`CalloutRequest::GrpcSend`] and [`CalloutRequest::GrpcClose`] it is
    /// the id of their stream.
    pub id: u64,
    /// The policy's name.
    pub policy: Arc<str>,
    /// What it asks.
    pub request: CalloutRequest,
}

/// What is asked. `upstream` is always an entry of the policy's capability `net`.
#[derive(Debug)]
pub enum CalloutRequest {
    /// `proxy_http_call`.
    Http {
        /// Whom to ask.
        upstream: String,
        /// Pseudo-headers and fields.
        headers: HeaderMap,
        /// The whole body.
        body: Vec<u8>,
        /// Trailers, mostly none.
        trailers: HeaderMap,
        /// From the request to the whole response.
        timeout: Duration,
    },
    /// `proxy_grpc_call`: one message there, one back.
    Grpc {
        /// Whom to ask, and for what.
        method: GrpcMethod,
        /// The request's message.
        message: Vec<u8>,
        /// From the request to the whole response.
        timeout: Duration,
    },
    /// `proxy_grpc_stream`.
    GrpcStream(GrpcMethod),
    /// `proxy_grpc_send`.
    GrpcSend {
        /// The message.
        message: Vec<u8>,
        /// No message follows.
        end: bool,
    },
    /// `proxy_grpc_close`: no message follows.
    GrpcClose,
    /// `proxy_redis_call`.
    Redis {
        /// Whom to ask; with `?db=1` behind it for another database than the first.
        upstream: String,
        /// With what name and password.
        login: Arc<Login>,
        /// A command as RESP writes it.
        query: Vec<u8>,
        /// From the query to the whole response.
        timeout: Duration,
    },
    /// `proxy_call_foreign_function` of a function that answers later.
    Foreign {
        /// The function.
        name: String,
        /// Its arguments.
        arguments: Vec<u8>,
    },
}

impl CalloutRequest {
    /// False for what is more of a callout that is under way.
    pub(crate) fn opens(&self) -> bool {
        !matches!(self, Self::GrpcSend { .. } | Self::GrpcClose)
    }

    /// Bytes of the parts that have no bound of their own.
    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Http { body, headers, trailers, .. } => {
                body.len() + headers.byte_len() + trailers.byte_len()
            }
            Self::Grpc { method, message, .. } => method.metadata.byte_len() + message.len(),
            Self::GrpcStream(method) => method.metadata.byte_len(),
            Self::GrpcSend { message, .. } => message.len(),
            Self::GrpcClose => 0,
            Self::Redis { query, .. } => query.len(),
            Self::Foreign { arguments, .. } => arguments.len(),
        }
    }
}

/// A method of a gRPC service.
#[derive(Debug)]
pub struct GrpcMethod {
    /// Whom to ask.
    pub upstream: String,
    /// The service, with its package.
    pub service: String,
    /// The method.
    pub name: String,
    /// The initial metadata.
    pub metadata: HeaderMap,
}

/// How a policy presents itself to a Redis server.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// Empty: the default user.
    pub username: String,
    /// Empty: none.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What comes back.
#[derive(Debug)]
pub enum CalloutAnswer {
    /// The response to an HTTP call, `:status` among its headers.
    Http {
        /// `:status` and the fields.
        headers: HeaderMap,
        /// The whole body.
        body: Vec<u8>,
        /// Trailers, mostly none.
        trailers: HeaderMap,
    },
    /// There is no response to an HTTP call, and why.
    HttpFailure(String),
    /// The initial metadata of a gRPC stream.
    GrpcMetadata(HeaderMap),
    /// A message of a gRPC call or stream.
    GrpcMessage(Vec<u8>),
    /// The trailing metadata of a gRPC stream.
    GrpcTrailers(HeaderMap),
    /// A gRPC call failed, or a stream ended.
    GrpcClose {
        /// The status code, 0 is OK.
        status: u32,
        /// The status message.
        message: String,
    },
    /// The response to a Redis query.
    Redis {
        /// 0 is OK.
        status: u32,
        /// The response as RESP writes it.
        response: Vec<u8>,
    },
    /// The result of a foreign function.
    Foreign(Vec<u8>),
}

impl CalloutAnswer {
    /// Bytes of it that are kept while it waits.
    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Http { headers, body, trailers } => {
                headers.byte_len() + body.len() + trailers.byte_len()
            }
            Self::HttpFailure(text) | Self::GrpcClose { message: text, .. } => text.len(),
            Self::GrpcMetadata(fields) | Self::GrpcTrailers(fields) => fields.byte_len(),
            Self::GrpcMessage(bytes)
            | Self::Redis { response: bytes, .. }
            | Self::Foreign(bytes) => bytes.len(),
        }
    }
}
