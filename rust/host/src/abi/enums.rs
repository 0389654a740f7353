//! The enumerations of the ABI (proxy-wasm/spec, abi-versions/v0.2.1, "Types").

/// `proxy_status_t`: what every hostcall answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    InvalidMemoryAccess = 6,
    Empty = 7,
    CasMismatch = 8,
    InternalFailure = 10,
}

/// What a header, body or trailer callback answers (`proxy_action_t`). The specification has two
/// values; the C++, `AssemblyScript` and Go SDKs return more (proxy-wasm/proxy-wasm-cpp-sdk,
/// `proxy_wasm_enums.h`). An unknown number is the strictest stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    /// The headers wait while the body callbacks run.
    StopIteration,
    /// Everything waits, within the limit; more is an error.
    StopAndBuffer,
    /// Everything waits; at the limit its source waits as well.
    StopAndWatermark,
    /// The policy has processed the body bytes: none of them are forwarded.
    StopNoBuffer,
}

impl Action {
    /// The answer of a header callback. `partial`: the headers may be stopped without the body;
    /// for others that is a stop of everything, as in Envoy.
    pub(crate) fn of_headers(number: i32, partial: bool) -> Self {
        match number {
            // 2 is the SDKs' ContinueAndEndStream, which Envoy takes for Continue.
            0 | 2 => Self::Continue,
            1 if partial => Self::StopIteration,
            3 => Self::StopAndBuffer,
            _ => Self::StopAndWatermark,
        }
    }

    pub(crate) fn of_body(number: i32) -> Self {
        match number {
            0 => Self::Continue,
            1 => Self::StopAndBuffer,
            2 => Self::StopAndWatermark,
            _ => Self::StopNoBuffer,
        }
    }

    pub(crate) fn of_trailers(number: i32) -> Self {
        if number == 0 { Self::Continue } else { Self::StopAndBuffer }
    }
}

/// `proxy_header_map_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapType {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    GrpcInitialMetadata,
    GrpcTrailingMetadata,
    CallResponseHeaders,
    CallResponseTrailers,
}

impl MapType {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::RequestHeaders,
            1 => Self::RequestTrailers,
            2 => Self::ResponseHeaders,
            3 => Self::ResponseTrailers,
            4 => Self::GrpcInitialMetadata,
            5 => Self::GrpcTrailingMetadata,
            6 => Self::CallResponseHeaders,
            7 => Self::CallResponseTrailers,
            _ => return None,
        })
    }
}

impl MapType {
    /// gRPC metadata and the headers of an HTTP call: to be read in the callback that has them.
    pub(crate) fn is_of_callouts(self) -> bool {
        matches!(
            self,
            Self::GrpcInitialMetadata
                | Self::GrpcTrailingMetadata
                | Self::CallResponseHeaders
                | Self::CallResponseTrailers
        )
    }
}

/// `proxy_buffer_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferType {
    RequestBody,
    ResponseBody,
    VmConfiguration,
    PluginConfiguration,
    CallResponseBody,
    GrpcMessage,
    ForeignArguments,
    /// Only 0.2.100.
    RedisResponse,
    /// TCP data, which streams of HTTP do not have.
    Absent,
}

impl BufferType {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::RequestBody,
            1 => Self::ResponseBody,
            6 => Self::VmConfiguration,
            7 => Self::PluginConfiguration,
            4 => Self::CallResponseBody,
            5 => Self::GrpcMessage,
            8 => Self::ForeignArguments,
            9 => Self::RedisResponse,
            2 | 3 => Self::Absent,
            _ => return None,
        })
    }
}

/// The two ways through a chain; `proxy_stream_type_t` 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

impl Direction {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Request => Self::Response,
            Self::Response => Self::Request,
        }
    }
}
