//! The callbacks that bring the answers of callouts: one row each, from which its export, its call and
//! its buffer are made.
//!
//! A row is `Name("export")(argument, …) buffer code;`. A callback gets its root context, the number
//! of the callout, and these arguments: counts of `fields` and `trailers`, bytes of the `body`, and
//! the `code`, a status. The buffer is the one that shows the body. The code is what
//! `proxy_get_status` says of a callout without an answer (gRPC has statuses of its own).

use crate::abi::enums::BufferType;

/// proxy-wasm/spec, abi-versions/v0.2.1; of Redis higress-group/proxy-wasm-cpp-host,
/// `include/proxy-wasm/context_interface.h`.
macro_rules! answer_callbacks {
    ($with:ident!($($first:tt)*)) => {
        $with! { $($first)*
            HttpCall("proxy_on_http_call_response")(fields, body, trailers) CallResponseBody 503;
            GrpcMetadata("proxy_on_grpc_receive_initial_metadata")(fields) Absent 0;
            GrpcMessage("proxy_on_grpc_receive")(body) GrpcMessage 0;
            GrpcTrailers("proxy_on_grpc_receive_trailing_metadata")(fields) Absent 0;
            GrpcClose("proxy_on_grpc_close")(code) Absent 0;
            Redis("proxy_on_redis_call_response")(code, body) RedisResponse 1;
            Foreign("proxy_on_foreign_function")(body) ForeignArguments 0;
        }
    };
}

macro_rules! declare {
    ($( $name:ident($export:literal)($($argument:ident),*) $buffer:ident $code:literal; )*) => {
        /// Which callback brings an answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum AnswerCallback {
            $( $name, )*
        }

        impl AnswerCallback {
            /// The name of the export.
            pub(crate) fn export(self) -> &'static str {
                match self { $( Self::$name => $export, )* }
            }

            /// Whether `buffer` shows the body of the answer.
            pub(crate) fn shows(self, buffer: BufferType) -> bool {
                let own = match self { $( Self::$name => BufferType::$buffer, )* };
                own == buffer && buffer != BufferType::Absent
            }

            /// The status of a callout without an answer.
            pub(crate) fn no_answer(self) -> u32 {
                match self { $( Self::$name => $code, )* }
            }
        }
    };
}

answer_callbacks!(declare!());

/// What the arguments of the callbacks are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerArguments {
    /// How many fields the answer has.
    pub(crate) fields: u32,
    /// Bytes of its body.
    pub(crate) body: u32,
    /// How many trailers it has.
    pub(crate) trailers: u32,
    /// Its status.
    pub(crate) code: u32,
}

pub(crate) use answer_callbacks;
