//! The hostcalls that answer a status: one row each, from which its type, its binding and its trace are
//! made.
//!
//! A row is `"name" => heading::function(argument: Kind, …) stage;`. The kinds are those of
//! [`Argument`](super::argument::Argument), the function is that of `hostcalls/<heading>.rs`, and the stage says
//! when a guest may call it: `any` also while it initializes or allocates, `open` afterwards, `wasi` as
//! `any`, with an errno for an answer.

/// Module `env`: proxy-wasm/spec, abi-versions/v0.2.1, v0.2.0 and v0.1.0;
/// higress-group/proxy-wasm-cpp-host, `src/exports.cc`.
macro_rules! proxy_hostcalls {
    ($with:ident!($($first:tt)*)) => {
        $with! { $($first)*
            "proxy_log" => logging::log(level: LogLevel, message: Text, size: Length) any;
            "proxy_get_log_level" => logging::get_log_level(level_at: LogLevelAt) any;
            "proxy_get_current_time_nanoseconds" => clocks::get_current_time(time_at: LongAt) open;
            "proxy_set_tick_period_milliseconds" => timers::set_tick_period(period: Number) open;
            "proxy_set_buffer_bytes" => buffers::set(buffer: Buffer, start: Number, size: Number, value: BufferBytes, value_size: Length) open;
            "proxy_get_buffer_bytes" => buffers::get(buffer: Buffer, start: Number, most: Number, bytes_at: BufferBytesAt, size_at: LengthAt) open;
            "proxy_get_buffer_status" => buffers::status(buffer: Buffer, size_at: NumberAt, flags_at: NumberAt) open;
            "proxy_get_header_map_size" => http_fields::size(map: Map, size_at: NumberAt) open;
            "proxy_get_header_map_pairs" => http_fields::pairs(map: Map, bytes_at: FieldsAt, size_at: LengthAt) open;
            "proxy_set_header_map_pairs" => http_fields::set_pairs(map: Map, bytes: Fields, size: Length) open;
            "proxy_get_header_map_value" => http_fields::value(map: Map, name: Key, name_size: Length, value_at: ValueAt, size_at: LengthAt) open;
            "proxy_add_header_map_value" => http_fields::add(map: Map, name: Key, name_size: Length, value: Value, value_size: Length) open;
            "proxy_replace_header_map_value" => http_fields::replace(map: Map, name: Key, name_size: Length, value: Value, value_size: Length) open;
            "proxy_remove_header_map_value" => http_fields::remove(map: Map, name: Key, name_size: Length) open;
            "proxy_continue_stream" => http_streams::continue_stream(stream: StreamType) open;
            "proxy_close_stream" => http_streams::close_stream(stream: StreamType) open;
            "proxy_send_local_response" => http_streams::send_local_response(status: Number, details: Text, details_size: Length, body: Text, body_size: Length, headers: Fields, headers_size: Length, grpc_status: Signed) open;
            "proxy_inject_encoded_data_to_filter_chain" => http_streams::inject(body: Text, size: Length, end: Number) open;
            "proxy_get_status" => http_calls::get_status(code_at: NumberAt, message_at: TextAt, size_at: LengthAt) open;
            "proxy_http_call" => http_calls::http_call(upstream: Upstream, upstream_size: Length, headers: Fields, headers_size: Length, body: Text, body_size: Length, trailers: Fields, trailers_size: Length, timeout: Number, call_at: NumberAt) open;
            "proxy_grpc_call" => grpc_calls::call(upstream: Upstream, upstream_size: Length, service: Upstream, service_size: Length, method: Text, method_size: Length, metadata: Fields, metadata_size: Length, message: Text, message_size: Length, timeout: Number, call_at: NumberAt) open;
            "proxy_grpc_stream" => grpc_calls::stream(upstream: Upstream, upstream_size: Length, service: Upstream, service_size: Length, method: Text, method_size: Length, metadata: Fields, metadata_size: Length, stream_at: NumberAt) open;
            "proxy_grpc_send" => grpc_calls::send(stream: Number, message: Text, message_size: Length, end: Number) open;
            "proxy_grpc_cancel" => grpc_calls::cancel(stream: Number) open;
            "proxy_grpc_close" => grpc_calls::close(stream: Number) open;
            "proxy_redis_init" => redis::init(service: Upstream, service_size: Length, username: Secret, username_size: Length, password: Secret, password_size: Length, timeout: Number) open;
            "proxy_redis_call" => redis::call(service: Upstream, service_size: Length, query: RedisQuery, query_size: Length, call_at: NumberAt) open;
            "proxy_set_shared_data" => shared_data::set(key: Key, key_size: Length, value: Value, value_size: Length, cas: Number) open;
            "proxy_get_shared_data" => shared_data::get(key: Key, key_size: Length, value_at: ValueAt, size_at: LengthAt, cas_at: NumberAt) open;
            "proxy_register_shared_queue" => shared_queues::register(name: Text, name_size: Length, queue_at: NumberAt) open;
            "proxy_resolve_shared_queue" => shared_queues::resolve(vm: Text, vm_size: Length, name: Text, name_size: Length, queue_at: NumberAt) open;
            "proxy_enqueue_shared_queue" => shared_queues::enqueue(queue: Number, value: Value, value_size: Length) open;
            "proxy_dequeue_shared_queue" => shared_queues::dequeue(queue: Number, value_at: ValueAt, size_at: LengthAt) open;
            "proxy_define_metric" => metrics::define(kind: MetricKind, name: Text, name_size: Length, metric_at: NumberAt) open;
            "proxy_record_metric" => metrics::record(metric: Number, value: Long) open;
            "proxy_increment_metric" => metrics::increment(metric: Number, delta: Long) open;
            "proxy_get_metric" => metrics::get(metric: Number, value_at: LongAt) open;
            "proxy_get_property" => properties::get(path: Path, path_size: Length, value_at: PropertyValueAt, size_at: LengthAt) open;
            "proxy_set_property" => properties::set(path: Path, path_size: Length, value: PropertyValue, value_size: Length) open;
            "proxy_call_foreign_function" => foreign::call(name: Text, name_size: Length, arguments: Secret, arguments_size: Length, result_at: SecretAt, size_at: LengthAt) open;
            "proxy_set_effective_context" => contexts::set_effective(context: Number) open;
            "proxy_done" => contexts::done() open;
            "proxy_continue_request" => legacy::continue_request() open;
            "proxy_continue_response" => legacy::continue_response() open;
            "proxy_clear_route_cache" => legacy::clear_route_cache() open;
            "proxy_get_upstream_hosts" => higress::get_upstream_hosts(hosts_at: TextAt, size_at: LengthAt) open;
            "proxy_set_upstream_override_host" => higress::set_upstream_override_host(host: Text, host_size: Length) open;
            "proxy_get_configuration" => legacy::get_configuration(value_at: SecretAt, size_at: LengthAt) open;
        }
    };
}

/// Modules `wasi_snapshot_preview1` and `wasi_unstable`: WebAssembly/WASI,
/// `legacy/preview1/witx/wasi_snapshot_preview1.witx`.
macro_rules! wasi_hostcalls {
    ($with:ident!($($first:tt)*)) => {
        $with! { $($first)*
            "args_get" => wasi::args_get(arguments: Address, buffer: Address) wasi;
            "args_sizes_get" => wasi::args_sizes_get(count_at: NumberAt, size_at: NumberAt) wasi;
            "environ_get" => wasi::environ_get(pointers: Address, buffer: Environment) wasi;
            "environ_sizes_get" => wasi::environ_sizes_get(count_at: NumberAt, size_at: NumberAt) wasi;
            "clock_res_get" => wasi::clock_res_get(clock: Number, resolution_at: LongAt) wasi;
            "clock_time_get" => wasi::clock_time_get(clock: Number, precision: Unsigned, time_at: LongAt) wasi;
            "random_get" => wasi::random_get(buffer: Address, size: Number) wasi;
            "fd_write" => wasi::fd_write(descriptor: Number, vectors: WrittenVectors, count: Length, written_at: NumberAt) wasi;
            "fd_advise" => wasi::fd_advise(descriptor: Number, offset: Unsigned, length: Unsigned, advice: Number) wasi;
            "fd_allocate" => wasi::fd_allocate(descriptor: Number, offset: Unsigned, length: Unsigned) wasi;
            "fd_close" => wasi::fd_close(descriptor: Number) wasi;
            "fd_datasync" => wasi::fd_sync(descriptor: Number) wasi;
            "fd_fdstat_get" => wasi::fd_fdstat_get(descriptor: Number, stat_at: Address) wasi;
            "fd_fdstat_set_flags" => wasi::fd_fdstat_set_flags(descriptor: Number, flags: Number) wasi;
            "fd_fdstat_set_rights" => wasi::fd_fdstat_set_rights(descriptor: Number, rights: Unsigned, inherited: Unsigned) wasi;
            "fd_filestat_get" => wasi::fd_filestat_get(descriptor: Number, stat_at: Address) wasi;
            "fd_filestat_set_size" => wasi::fd_filestat_set_size(descriptor: Number, size: Unsigned) wasi;
            "fd_filestat_set_times" => wasi::fd_filestat_set_times(descriptor: Number, accessed: Unsigned, modified: Unsigned, flags: Number) wasi;
            "fd_pread" => wasi::fd_pread(descriptor: Number, vectors: Vectors, count: Length, offset: Unsigned, read_at: NumberAt) wasi;
            "fd_prestat_get" => wasi::fd_prestat_get(descriptor: Number, prestat_at: Address) wasi;
            "fd_prestat_dir_name" => wasi::fd_prestat_dir_name(descriptor: Number, path: Address, size: Number) wasi;
            "fd_pwrite" => wasi::fd_pwrite(descriptor: Number, vectors: WrittenVectors, count: Length, offset: Unsigned, written_at: NumberAt) wasi;
            "fd_read" => wasi::fd_read(descriptor: Number, vectors: Vectors, count: Length, read_at: NumberAt) wasi;
            "fd_readdir" => wasi::fd_readdir(descriptor: Number, buffer: Address, size: Number, cookie: Unsigned, used_at: NumberAt) wasi;
            "fd_renumber" => wasi::fd_renumber(from: Number, to: Number) wasi;
            "fd_seek" => wasi::fd_seek(descriptor: Number, offset: Long, whence: Number, position_at: LongAt) wasi;
            "fd_sync" => wasi::fd_sync(descriptor: Number) wasi;
            "fd_tell" => wasi::fd_tell(descriptor: Number, position_at: LongAt) wasi;
            "path_create_directory" => wasi::path_create_directory(folder: Number, path: Text, size: Length) wasi;
            "path_filestat_get" => wasi::path_filestat_get(folder: Number, lookup: Number, path: Text, size: Length, stat_at: Address) wasi;
            "path_filestat_set_times" => wasi::path_filestat_set_times(folder: Number, lookup: Number, path: Text, size: Length, accessed: Unsigned, modified: Unsigned, flags: Number) wasi;
            "path_link" => wasi::path_link(from: Number, lookup: Number, old: Text, old_size: Length, folder: Number, new: Text, new_size: Length) wasi;
            "path_open" => wasi::path_open(folder: Number, lookup: Number, path: Text, size: Length, flags: Number, rights: Unsigned, inherited: Unsigned, descriptor_flags: Number, opened_at: NumberAt) wasi;
            "path_readlink" => wasi::path_readlink(folder: Number, path: Text, size: Length, buffer: Address, room: Number, used_at: NumberAt) wasi;
            "path_remove_directory" => wasi::path_remove_directory(folder: Number, path: Text, size: Length) wasi;
            "path_rename" => wasi::path_rename(from: Number, old: Text, old_size: Length, folder: Number, new: Text, new_size: Length) wasi;
            "path_symlink" => wasi::path_symlink(old: Text, old_size: Length, folder: Number, new: Text, new_size: Length) wasi;
            "path_unlink_file" => wasi::path_unlink_file(folder: Number, path: Text, size: Length) wasi;
            "poll_oneoff" => wasi::poll_oneoff(subscriptions: Address, events: Address, count: Number, events_at: NumberAt) wasi;
            "proc_raise" => wasi::proc_raise(signal: Number) wasi;
            "sock_accept" => wasi::sock_accept(socket: Number, flags: Number, accepted_at: NumberAt) wasi;
            "sock_recv" => wasi::sock_recv(socket: Number, vectors: Vectors, count: Length, flags: Number, received_at: NumberAt, flags_at: NumberAt) wasi;
            "sock_send" => wasi::sock_send(socket: Number, vectors: Vectors, count: Length, flags: Number, sent_at: NumberAt) wasi;
            "sock_shutdown" => wasi::sock_shutdown(socket: Number, how: Number) wasi;
            "sched_yield" => wasi::sched_yield() wasi;
        }
    };
}

/// What module `wasi_unstable` has otherwise: offsets in structures, and a numbering.
macro_rules! wasi_unstable_hostcalls {
    ($with:ident!($($first:tt)*)) => {
        $with! { $($first)*
            "fd_filestat_get" => wasi::fd_filestat_get_unstable(descriptor: Number, stat_at: Address) wasi;
            "fd_seek" => wasi::fd_seek_unstable(descriptor: Number, offset: Long, whence: Number, position_at: LongAt) wasi;
            "path_filestat_get" => wasi::path_filestat_get_unstable(folder: Number, lookup: Number, path: Text, size: Length, stat_at: Address) wasi;
            "poll_oneoff" => wasi::poll_oneoff_unstable(subscriptions: Address, events: Address, count: Number, events_at: NumberAt) wasi;
        }
    };
}

pub(crate) use {proxy_hostcalls, wasi_hostcalls, wasi_unstable_hostcalls};
