//! A callout and its answer, as values.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::types::headers::HeaderMap;

/// A callout of a policy.
#[derive(Debug)]
pub struct Callout {
    /// Unique in the process. Of [`CalloutRequest::GrpcSend`] and [`CalloutRequest::GrpcClose`] it is
    /// the id of their stream.
    pub id: u64,
    /// The policy's name.
    pub policy: Arc<str>,
    /// The request.
    pub request: CalloutRequest,
}

/// The request of a callout. `upstream` is always an entry of the policy's capability `net`.
#[derive(Debug)]
pub enum CalloutRequest {
    /// `proxy_http_call`.
    Http {
        /// The upstream.
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
    /// `proxy_grpc_call`: one message in each direction.
    Grpc {
        /// The upstream and the method.
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
        /// The upstream; a suffix `?db=1` selects another database than the first.
        upstream: String,
        /// The credentials.
        login: Arc<Login>,
        /// A command as RESP writes it.
        query: Vec<u8>,
        /// From the query to the whole response.
        timeout: Duration,
    },
    /// `proxy_call_foreign_function` of an asynchronous function.
    Foreign {
        /// The function.
        name: String,
        /// Its arguments.
        arguments: Vec<u8>,
    },
}

impl CalloutRequest {
    /// False for a further message of an open callout.
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
    /// The upstream.
    pub upstream: String,
    /// The service, with its package.
    pub service: String,
    /// The method.
    pub name: String,
    /// The initial metadata.
    pub metadata: HeaderMap,
}

/// The credentials of a policy for a Redis server.
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

/// The response to a callout.
#[derive(Debug)]
pub enum CalloutAnswer {
    /// The whole response; of a gRPC stream one message.
    Response {
        /// For HTTP `:status` and the fields, otherwise empty.
        headers: HeaderMap,
        /// The body, the gRPC message, the response as RESP writes it, or the function's result.
        body: Vec<u8>,
        /// Trailers of an HTTP response.
        trailers: HeaderMap,
    },
    /// The initial metadata of a gRPC stream.
    GrpcMetadata(HeaderMap),
    /// The trailing metadata of a gRPC stream.
    GrpcTrailers(HeaderMap),
    /// The end: a gRPC stream ended, or the callout failed without a response.
    Closed {
        /// A status code of gRPC; 0 is OK.
        status: u32,
        /// The message of the status.
        message: String,
    },
}

impl CalloutAnswer {
    /// A response of a body alone.
    #[must_use]
    pub fn of_body(body: Vec<u8>) -> Self {
        Self::Response { headers: HeaderMap::new(), body, trailers: HeaderMap::new() }
    }

    /// Bytes that it takes while it waits.
    pub(crate) fn byte_len(&self) -> usize {
        match self {
            Self::Response { headers, body, trailers } => {
                headers.byte_len() + body.len() + trailers.byte_len()
            }
            Self::GrpcMetadata(fields) | Self::GrpcTrailers(fields) => fields.byte_len(),
            Self::Closed { message, .. } => message.len(),
        }
    }
}
