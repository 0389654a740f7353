//! The worst arguments of each hostcall. Words: `B L` the large bytes and their length, `N` four bytes
//! that are others at each call, `M ML` a map of 100 fields, `V` 1,024 pieces of 64 bytes, `A AL` a message,
//! `P PL` a path, `O` where a result goes, `ID` the number that the call before has put there, `I` the
//! number of the call.

use crate::worst::arguments;

/// One way to call a function.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) arguments: &'static str,
    /// What is called before, once.
    pub(super) before: &'static [(&'static str, &'static str)],
    pub(super) path: &'static [u8],
    pub(super) message: Vec<u8>,
    /// Where in the message four bytes are others at each call.
    pub(super) counted: usize,
    /// What the large bytes are.
    pub(super) fill: u8,
    /// A call takes a millisecond or so.
    pub(super) slow: bool,
    /// The guest ends there.
    pub(super) ends: bool,
}

const fn row(name: &'static str, arguments: &'static str) -> Row {
    Row {
        name,
        arguments,
        before: &[],
        path: b"",
        message: Vec::new(),
        counted: 0x8000,
        fill: b'a',
        slow: false,
        ends: false,
    }
}

const QUEUE: &[(&str, &str)] = &[("proxy_register_shared_queue", "N2 4 O")];
const FULL_QUEUE: &[(&str, &str)] = &[
    ("proxy_register_shared_queue", "N2 4 O"),
    ("proxy_enqueue_shared_queue", "ID B 1000000"),
    ("proxy_enqueue_shared_queue", "ID B 1000000"),
];
const METRIC: &[(&str, &str)] = &[("proxy_define_metric", "0 N2 4 O")];
const STREAM: &[(&str, &str)] = &[("proxy_grpc_stream", "U 1 U 1 U 1 0 0 O")];
const LOGIN: &[(&str, &str)] = &[("proxy_redis_init", "U 1 U 1 U 1 1000")];
const STORED: &[(&str, &str)] =
    &[("proxy_set_shared_data", "B 65536 B 65536 0"), ("proxy_set_property", "N2 4 B 60000")];
const OPENED: &[(&str, &str)] = &[("path_open", "3 0 FILE 4 0 0 0 0 O")];
/// The first file that a guest opens.
const FILE: &str = "4";

const PATH: &[u8] = b"./././././x";

pub(super) fn rows() -> Vec<Row> {
    [proxy(), foreign(), wasi()].concat()
}

fn proxy() -> Vec<Row> {
    let bad = |row: Row| Row { fill: 0xff, ..row };
    let with = |before, row: Row| Row { before, ..row };
    let get = |path: &'static [u8]| Row { path, ..row("proxy_get_property", "P PL O O2") };
    vec![
        row("proxy_set_effective_context", "1"),
        row("proxy_done", ""),
        row("proxy_log", "2 B L"),
        bad(row("proxy_log", "2 B L")),
        row("proxy_get_log_level", "O"),
        row("proxy_get_current_time_nanoseconds", "O"),
        row("proxy_set_tick_period_milliseconds", "1000"),
        row("proxy_set_buffer_bytes", "0 0 -1 B L"),
        row("proxy_set_buffer_bytes", "0 0 0 B 16"),
        row("proxy_get_buffer_bytes", "0 0 L O O2"),
        row("proxy_get_buffer_bytes", "7 0 L O O2"),
        row("proxy_get_buffer_status", "0 O O2"),
        row("proxy_get_header_map_size", "0 O"),
        row("proxy_get_header_map_pairs", "0 O O2"),
        row("proxy_set_header_map_pairs", "0 M ML"),
        row("proxy_set_header_map_pairs", "0 B L"),
        row("proxy_get_header_map_value", "0 N 4 O O2"),
        row("proxy_get_header_map_value", "0 B L O O2"),
        row("proxy_add_header_map_value", "0 N 4 B L"),
        row("proxy_add_header_map_value", "0 N 4 N 4"),
        row("proxy_replace_header_map_value", "0 N 4 B L"),
        row("proxy_remove_header_map_value", "0 N 4"),
        row("proxy_continue_stream", "0"),
        row("proxy_close_stream", "0"),
        row("proxy_get_status", "O O2 O3"),
        row("proxy_send_local_response", "200 B L B L M ML -1"),
        bad(row("proxy_send_local_response", "200 B L B L B L -1")),
        row("proxy_http_call", "U 1 H HL B L 0 0 1000 O"),
        row("proxy_http_call", "U 1 H HL B 4096 M ML 1000 O"),
        row("proxy_grpc_call", "U 1 U 1 U 1 0 0 B L 1000 O"),
        row("proxy_grpc_stream", "U 1 U 1 U 1 M ML O"),
        bad(row("proxy_grpc_stream", "B L B L B L B L O")),
        with(STREAM, row("proxy_grpc_send", "ID B L 0")),
        with(STREAM, row("proxy_grpc_cancel", "ID")),
        with(STREAM, row("proxy_grpc_close", "ID")),
        row("proxy_redis_init", "U 1 B L B L 1000"),
        with(LOGIN, row("proxy_redis_call", "U 1 B L O")),
        row("proxy_set_shared_data", "N 4 B L 0"),
        row("proxy_set_shared_data", "B L N 4 0"),
        row("proxy_set_shared_data", "N 4 N 0 0"),
        with(STORED, row("proxy_get_shared_data", "B 65536 O O2 O3")),
        row("proxy_get_shared_data", "B L O O2 O3"),
        row("proxy_register_shared_queue", "N 4 O"),
        bad(row("proxy_register_shared_queue", "B L O")),
        with(QUEUE, row("proxy_resolve_shared_queue", "0 0 N2 4 O")),
        bad(row("proxy_resolve_shared_queue", "B L B L O")),
        with(QUEUE, row("proxy_enqueue_shared_queue", "ID B L")),
        with(QUEUE, row("proxy_enqueue_shared_queue", "ID B 0")),
        with(FULL_QUEUE, row("proxy_dequeue_shared_queue", "ID O3 O2")),
        row("proxy_define_metric", "0 N 4 O"),
        bad(row("proxy_define_metric", "0 B L O")),
        with(METRIC, row("proxy_record_metric", "ID 5")),
        with(METRIC, row("proxy_increment_metric", "ID 5")),
        with(METRIC, row("proxy_get_metric", "ID O2")),
        with(STORED, get(b"request\0headers")),
        with(STORED, get(b"request\0headers\0x-99")),
        with(STORED, get(b"request\0query")),
        get(b"request\0total_size"),
        get(b"plugin_name"),
        get(b"wasmgate\0tenant"),
        row("proxy_get_property", "B L O O2"),
        row("proxy_set_property", "N 4 B L"),
        row("proxy_set_property", "N 4 N 0"),
        row("proxy_set_property", "B L N 4"),
        row("proxy_continue_request", ""),
        row("proxy_continue_response", ""),
        row("proxy_clear_route_cache", ""),
        row("proxy_get_configuration", "O O2"),
        row("proxy_inject_encoded_data_to_filter_chain", "B L 0"),
        row("proxy_get_upstream_hosts", "O O2"),
        row("proxy_set_upstream_override_host", "B L"),
        row("emscripten_notify_memory_growth", "1"),
        row("pthread_equal", "1 1"),
        row("emscripten_get_now", ""),
        row("emscripten_date_now", ""),
        row("emscripten_get_now_res", ""),
        row("_emscripten_get_now_is_monotonic", ""),
    ]
}

fn foreign() -> Vec<Row> {
    let call = |function: &'static str| Row {
        path: function.as_bytes(),
        ..row("proxy_call_foreign_function", "P PL B L O O2")
    };
    let with = |function: &'static str, message: Vec<u8>| Row {
        path: function.as_bytes(),
        message,
        ..row("proxy_call_foreign_function", "P PL A AL O O2")
    };
    let fresh = |row: Row, counted| Row { counted, ..row };
    let slow = |row: Row| Row { slow: true, ..row };
    let (new_key, counted) = arguments::rsa_8192();
    vec![
        call("clear_route_cache"),
        slow(call("compress")),
        call("uncompress"),
        slow(with("uncompress", arguments::bomb())),
        call("get_log_level"),
        with("declare_property", arguments::declaration()),
        fresh(with("declare_property", arguments::declaration()), 2),
        with("set_envoy_filter_state", arguments::filter_state()),
        with("inject_encoded_data_to_filter_chain_on_header", arguments::filter_state()),
        slow(with("verify_signature", arguments::rs256())),
        slow(fresh(with("verify_signature", new_key), counted)),
        slow(with("verify_signature", arguments::es512())),
        slow(with("verify_signature", arguments::long_message())),
        slow(with("wasmgate_verify_signature", arguments::ed25519())),
        slow(with("sign", arguments::sign_rsa())),
        slow(with("sign", arguments::sign_p521())),
        with("sign", arguments::sign_rubbish()),
        call("sign"),
        call("no_such_function"),
        row("proxy_call_foreign_function", "B L B L O O2"),
    ]
}

fn wasi() -> Vec<Row> {
    let with = |before, row: Row| Row { before, ..row };
    let file = |name, arguments| with(OPENED, row(name, arguments));
    let path = |name, arguments| Row { path: PATH, ..row(name, arguments) };
    assert_eq!(FILE, "4");
    vec![
        row("args_get", "O O"),
        row("args_sizes_get", "O O2"),
        row("environ_get", "B GIVEN"),
        row("environ_sizes_get", "O O2"),
        row("clock_res_get", "0 O"),
        row("clock_time_get", "0 0 O"),
        file("fd_advise", "4 0 0 0"),
        file("fd_allocate", "4 0 0"),
        row("fd_close", "99"),
        file("fd_datasync", "4"),
        file("fd_fdstat_get", "4 O"),
        file("fd_fdstat_set_flags", "4 0"),
        file("fd_fdstat_set_rights", "4 0 0"),
        file("fd_filestat_get", "4 O"),
        file("fd_filestat_set_size", "4 0"),
        file("fd_filestat_set_times", "4 0 0 0"),
        file("fd_pread", "4 V 1024 0 O"),
        row("fd_prestat_get", "3 O"),
        row("fd_prestat_dir_name", "3 B 100"),
        file("fd_pwrite", "4 V 1024 0 O"),
        file("fd_read", "4 V 1024 O"),
        file("fd_read", "4 V 1 O"),
        row("fd_readdir", "3 B L 0 O"),
        row("fd_readdir", "3 B 64 40 O"),
        with(&[("path_open", "3 0 FILE 0 2 0 0 0 O")], row("fd_readdir", "4 B 64 40 O")),
        file("fd_renumber", "4 5"),
        file("fd_seek", "4 0 0 O"),
        file("fd_sync", "4"),
        file("fd_tell", "4 O"),
        row("fd_write", "1 V 1024 O"),
        row("fd_write", "7 V 1024 O"),
        path("path_create_directory", "3 P PL"),
        path("path_filestat_get", "3 1 P PL O"),
        row("path_filestat_get", "3 1 FILE 4 O"),
        path("path_filestat_set_times", "3 0 P PL 0 0 0"),
        path("path_link", "3 0 P PL 3 P PL"),
        path("path_open", "3 0 P PL 0 0 0 0 O"),
        row("path_open", "3 0 FILE 4 0 0 0 0 O"),
        row("path_open", "99 0 B 4000 0 0 0 0 O"),
        path("path_readlink", "3 P PL B 100 O"),
        path("path_remove_directory", "3 P PL"),
        path("path_rename", "3 P PL 3 P PL"),
        path("path_symlink", "P PL 3 P PL"),
        path("path_unlink_file", "3 P PL"),
        row("poll_oneoff", "V B 100 O"),
        Row { ends: true, ..row("proc_exit", "0") },
        row("proc_raise", "9"),
        row("sched_yield", ""),
        row("random_get", "B 65536"),
        row("random_get", "B 1"),
        row("sock_accept", "4 0 O"),
        row("sock_recv", "4 V 1024 0 O O2"),
        row("sock_send", "4 V 1024 0 O"),
        row("sock_shutdown", "4 0"),
    ]
}
