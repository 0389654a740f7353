//! The names of the ABI's numbers (proxy-wasm/spec, abi-versions/v0.2.1, "Types").

use crate::abi::argument::Argument;
use crate::guest::memory::Fault;
use crate::types::printable::printable;

const MAPS: [&str; 8] = [
    "request_headers",
    "request_trailers",
    "response_headers",
    "response_trailers",
    "grpc_initial_metadata",
    "grpc_trailing_metadata",
    "http_call_response_headers",
    "http_call_response_trailers",
];
const BUFFERS: [&str; 10] = [
    "request_body",
    "response_body",
    "downstream_data",
    "upstream_data",
    "http_call_response_body",
    "grpc_call_message",
    "vm_configuration",
    "plugin_configuration",
    "foreign_function_arguments",
    "redis_response",
];
const LEVELS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "critical"];
const STREAMS: [&str; 4] = ["request", "response", "downstream", "upstream"];
const METRICS: [&str; 3] = ["counter", "gauge", "histogram"];

pub(super) const VM_CONFIGURATION: i64 = 6;
pub(super) const PLUGIN_CONFIGURATION: i64 = 7;

/// The name of a number, by the kind of its argument.
pub(super) fn number(kind: Argument, value: i64) -> String {
    let words: &[&str] = match kind {
        Argument::Map => &MAPS,
        Argument::Buffer => &BUFFERS,
        Argument::LogLevel => &LEVELS,
        Argument::MetricKind => &METRICS,
        Argument::StreamType => &STREAMS,
        _ => &[],
    };
    let word = usize::try_from(value).ok().and_then(|value| words.get(value));
    word.map_or_else(|| value.to_string(), |word| (*word).to_owned())
}

/// The name of a callback's result.
pub(super) fn answer(callback: &str, number: i32) -> String {
    let yes_or_no = ["proxy_on_vm_start", "proxy_on_configure", "proxy_on_done"];
    if yes_or_no.contains(&callback) {
        return (number != 0).to_string();
    }
    let headers = callback.ends_with("_headers");
    match number {
        0 => "Continue".into(),
        1 => "Pause".into(),
        2 if headers => "ContinueAndEndStream".into(),
        3 if headers => "StopAllIterationAndBuffer".into(),
        4 if headers => "StopAllIterationAndWatermark".into(),
        2 => "StopIterationAndWatermark".into(),
        3 => "StopIterationNoBuffer".into(),
        number => number.to_string(),
    }
}

/// The name of the status that a hostcall returns.
pub(super) fn status(answer: &Result<(), Fault>) -> String {
    match answer {
        Ok(()) => "OK".into(),
        Err(Fault::Status(status)) => upper(&format!("{status:?}")),
        Err(Fault::Errno(number)) => format!("errno {number}{}", errno(*number)),
        Err(Fault::Trap(trap)) => format!("trap: {}", printable(&trap.message())),
    }
}

/// `NotFound` as `NOT_FOUND`.
fn upper(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

/// Names of WASI preview 1, `errno`.
pub(super) fn errno(number: i32) -> &'static str {
    match number {
        0 => " SUCCESS",
        8 => " BADF",
        21 => " FAULT",
        28 => " INVAL",
        44 => " NOENT",
        52 => " NOSYS",
        58 => " NOTSUP",
        63 => " PERM",
        76 => " NOTCAPABLE",
        _ => "",
    }
}

/// The default reason for a status.
pub(super) fn meaning(status: &str) -> Option<&'static str> {
    Some(match status {
        "BAD_ARGUMENT" => "an argument is not one of the ABI's here",
        "PARSE_FAILURE" => "the serialized map is malformed",
        "INVALID_MEMORY_ACCESS" | "errno 21 FAULT" => {
            "an address outside of the guest's memory, or its allocator gave none"
        }
        "CAS_MISMATCH" => "the value was set since it was read",
        "EMPTY" => "the queue is empty",
        "UNIMPLEMENTED" | "errno 58 NOTSUP" | "errno 52 NOSYS" => "this host does not have it",
        "errno 76 NOTCAPABLE" => "the policy's capabilities do not allow it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::enums::Status;

    #[test]
    fn a_status_has_the_name_of_the_specification() {
        let refused = Err(Fault::Status(Status::InvalidMemoryAccess));
        assert_eq!(status(&refused), "INVALID_MEMORY_ACCESS");
    }

    #[test]
    fn numbers_have_the_words_of_their_argument() {
        assert_eq!(number(Argument::StreamType, 1), "response");
        assert_eq!(number(Argument::Number, 1), "1");
        assert_eq!(number(Argument::Map, 99), "99");
    }

    #[test]
    fn an_action_of_another_sdk_has_its_name() {
        assert_eq!(answer("proxy_on_request_headers", 4), "StopAllIterationAndWatermark");
        assert_eq!(answer("proxy_on_request_body", 2), "StopIterationAndWatermark");
        assert_eq!(answer("proxy_on_done", 0), "false");
    }
}
