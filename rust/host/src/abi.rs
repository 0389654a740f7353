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

/// `proxy_log_level_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum LogLevel {
    Trace = 0,
    Debug = 1,
    #[default]
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

impl LogLevel {
    /// The level of this number; 6 is the Go SDK's "max" and counts as critical.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 => Self::Error,
            5 | 6 => Self::Critical,
            _ => return None,
        })
    }
}

/// `proxy_action_t` of a header, body or trailer callback. The C++, `AssemblyScript` and Go SDKs
/// return more values than the specification's two; each of them is one of these three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    Pause,
}

impl Action {
    /// 0 goes on; 2 on headers is "continue and end the stream"; everything else stops.
    pub(crate) fn of_headers(number: i32) -> Self {
        if matches!(number, 0 | 2) { Self::Continue } else { Self::Pause }
    }

    pub(crate) fn of_body(number: i32) -> Self {
        if number == 0 { Self::Continue } else { Self::Pause }
    }
}

/// `proxy_header_map_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapType {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    /// gRPC metadata and the headers of a callout's response: there is none to read.
    Callout,
}

impl MapType {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::RequestHeaders,
            1 => Self::RequestTrailers,
            2 => Self::ResponseHeaders,
            3 => Self::ResponseTrailers,
            4..=7 => Self::Callout,
            _ => return None,
        })
    }
}

/// `proxy_buffer_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferType {
    RequestBody,
    ResponseBody,
    VmConfiguration,
    PluginConfiguration,
    /// TCP data, callout bodies and foreign arguments: there is none to read.
    Absent,
}

impl BufferType {
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::RequestBody,
            1 => Self::ResponseBody,
            6 => Self::VmConfiguration,
            7 => Self::PluginConfiguration,
            2..=5 | 8 => Self::Absent,
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
