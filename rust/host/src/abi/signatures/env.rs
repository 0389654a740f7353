//! The module `env`: the ABI itself, in the order of its specification.

use wasmer::Type::{F64, I32, I64};

use crate::abi::signatures::Row;

pub(super) const MODULE: &str = "env";

const STATUS: &[wasmer::Type] = &[I32];

/// proxy-wasm/spec, abi-versions/v0.2.1, v0.2.0 and v0.1.0; higress-group/proxy-wasm-cpp-host,
/// `src/exports.cc`.
pub(super) const FUNCTIONS: &[Row] = &[
    ("proxy_set_effective_context", &[I32], STATUS),
    ("proxy_done", &[], STATUS),
    // Logging, clocks, timers.
    ("proxy_log", &[I32; 3], STATUS),
    ("proxy_get_log_level", &[I32], STATUS),
    ("proxy_get_current_time_nanoseconds", &[I32], STATUS),
    ("proxy_set_tick_period_milliseconds", &[I32], STATUS),
    // Buffers, header maps.
    ("proxy_set_buffer_bytes", &[I32; 5], STATUS),
    ("proxy_get_buffer_bytes", &[I32; 5], STATUS),
    ("proxy_get_buffer_status", &[I32; 3], STATUS),
    ("proxy_get_header_map_size", &[I32; 2], STATUS),
    ("proxy_get_header_map_pairs", &[I32; 3], STATUS),
    ("proxy_set_header_map_pairs", &[I32; 3], STATUS),
    ("proxy_get_header_map_value", &[I32; 5], STATUS),
    ("proxy_add_header_map_value", &[I32; 5], STATUS),
    ("proxy_replace_header_map_value", &[I32; 5], STATUS),
    ("proxy_remove_header_map_value", &[I32; 3], STATUS),
    // Streams.
    ("proxy_continue_stream", &[I32], STATUS),
    ("proxy_close_stream", &[I32], STATUS),
    ("proxy_get_status", &[I32; 3], STATUS),
    ("proxy_send_local_response", &[I32; 8], STATUS),
    // Calls.
    ("proxy_http_call", &[I32; 10], STATUS),
    ("proxy_grpc_call", &[I32; 12], STATUS),
    ("proxy_grpc_stream", &[I32; 9], STATUS),
    ("proxy_grpc_send", &[I32; 4], STATUS),
    ("proxy_grpc_cancel", &[I32], STATUS),
    ("proxy_grpc_close", &[I32], STATUS),
    // Redis, only 0.2.100.
    ("proxy_redis_init", &[I32; 7], STATUS),
    ("proxy_redis_call", &[I32; 5], STATUS),
    // Shared data and queues.
    ("proxy_set_shared_data", &[I32; 5], STATUS),
    ("proxy_get_shared_data", &[I32; 5], STATUS),
    ("proxy_register_shared_queue", &[I32; 3], STATUS),
    ("proxy_resolve_shared_queue", &[I32; 5], STATUS),
    ("proxy_enqueue_shared_queue", &[I32; 3], STATUS),
    ("proxy_dequeue_shared_queue", &[I32; 3], STATUS),
    // Metrics, properties, foreign functions.
    ("proxy_define_metric", &[I32; 4], STATUS),
    ("proxy_record_metric", &[I32, I64], STATUS),
    ("proxy_increment_metric", &[I32, I64], STATUS),
    ("proxy_get_metric", &[I32; 2], STATUS),
    ("proxy_get_property", &[I32; 4], STATUS),
    ("proxy_set_property", &[I32; 4], STATUS),
    ("proxy_call_foreign_function", &[I32; 6], STATUS),
    // Only 0.1.0.
    ("proxy_continue_request", &[], STATUS),
    ("proxy_continue_response", &[], STATUS),
    ("proxy_clear_route_cache", &[], STATUS),
    ("proxy_get_configuration", &[I32; 2], STATUS),
    // Only 0.2.100, Higress's.
    ("proxy_inject_encoded_data_to_filter_chain", &[I32; 3], STATUS),
    ("proxy_get_upstream_hosts", &[I32; 2], STATUS),
    ("proxy_set_upstream_override_host", &[I32; 2], STATUS),
    // Emscripten.
    ("emscripten_notify_memory_growth", &[I32], &[]),
    ("pthread_equal", &[I32; 2], &[I32]),
    ("emscripten_get_now", &[], &[F64]),
    ("emscripten_date_now", &[], &[F64]),
    ("emscripten_get_now_res", &[], &[F64]),
    ("_emscripten_get_now_is_monotonic", &[], &[I32]),
];
