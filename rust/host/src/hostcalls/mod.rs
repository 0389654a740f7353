//! The functions that a guest imports, split by the headings of the specification.
//!
//! To add one: a function in the file of its heading, a line in [`PROXY`]'s list below, a case in the
//! fixture guest, a tick in the ABI table of the documentation.

#![allow(clippy::unnecessary_wraps, reason = "every hostcall has the same shape")]

mod buffers;
mod clocks;
mod contexts;
mod emscripten;
mod foreign;
mod grpc_calls;
mod higress;
mod http_calls;
mod http_fields;
mod http_streams;
mod legacy;
mod logging;
mod metrics;
mod properties;
mod redis;
mod shared_data;
mod shared_queues;
mod timers;
mod wasi;

use wasmer::{AsStoreMut, Extern, Function, FunctionEnv, FunctionType, Module, RuntimeError};

use crate::abi::signatures as imports;
use crate::context::instance_state::InstanceState;
use crate::guest::memory::{Caller, Fault, Guest, answered, as_wasi};
use crate::guest::probe::Number;
use crate::guest::probe::hostcall::{hostcall, unsupported};

/// Tells the name of each function of a module, and how it is made.
type Table = fn(&mut dyn FnMut(&'static str, Maker));
type Maker = fn(&mut wasmer::StoreMut<'_>, &FunctionEnv<InstanceState>) -> Function;

macro_rules! hostcalls {
    ($each:ident; $( $name:literal => $heading:ident :: $function:ident ( $( $arg:ident : $type:ty ),* ) $mode:ident; )*) => {
        $( $each($name, |store, env| {
            Function::new_typed_with_env(store, env,
                |mut caller: Caller<'_>, $( $arg: $type ),*| -> Result<i32, RuntimeError> {
                    answered(hostcalls!(@$mode caller, $name, $heading::$function, $( $arg ),*))
                })
        }); )*
    };
    (@open $caller:ident, $name:literal, $function:path, $( $arg:ident ),*) => {
        Guest::enter_open(&mut $caller, $name).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( (stringify!($arg), Number::number($arg)) ),*],
                |guest| $function(guest, $( $arg ),*))
        })
    };
    (@any $caller:ident, $name:literal, $function:path, $( $arg:ident ),*) => {
        Guest::enter(&mut $caller).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( (stringify!($arg), Number::number($arg)) ),*],
                |guest| $function(guest, $( $arg ),*))
        })
    };
    (@wasi $caller:ident, $name:literal, $function:path, $( $arg:ident ),*) => {
        as_wasi(Guest::enter(&mut $caller)).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( (stringify!($arg), Number::number($arg)) ),*],
                |guest| as_wasi($function(guest, $( $arg ),*)))
        })
    };
}

/// Module `env`. `any`: allowed also while the guest initializes or allocates.
const PROXY: Table = |each| {
    hostcalls! { each;
        "proxy_log" => logging::log(level: u32, message: u32, size: u32) any;
        "proxy_get_log_level" => logging::get_log_level(level_at: u32) any;
        "proxy_get_current_time_nanoseconds" => clocks::get_current_time(time_at: u32) open;
        "proxy_set_tick_period_milliseconds" => timers::set_tick_period(period: u32) open;
        "proxy_set_buffer_bytes" => buffers::set(buffer: u32, start: u32, size: u32, value: u32, value_size: u32) open;
        "proxy_get_buffer_bytes" => buffers::get(buffer: u32, start: u32, most: u32, bytes_at: u32, size_at: u32) open;
        "proxy_get_buffer_status" => buffers::status(buffer: u32, size_at: u32, flags_at: u32) open;
        "proxy_get_header_map_size" => http_fields::size(map: u32, size_at: u32) open;
        "proxy_get_header_map_pairs" => http_fields::pairs(map: u32, bytes_at: u32, size_at: u32) open;
        "proxy_set_header_map_pairs" => http_fields::set_pairs(map: u32, bytes: u32, size: u32) open;
        "proxy_get_header_map_value" => http_fields::value(map: u32, name: u32, name_size: u32, value_at: u32, size_at: u32) open;
        "proxy_add_header_map_value" => http_fields::add(map: u32, name: u32, name_size: u32, value: u32, value_size: u32) open;
        "proxy_replace_header_map_value" => http_fields::replace(map: u32, name: u32, name_size: u32, value: u32, value_size: u32) open;
        "proxy_remove_header_map_value" => http_fields::remove(map: u32, name: u32, name_size: u32) open;
        "proxy_continue_stream" => http_streams::continue_stream(stream: u32) open;
        "proxy_close_stream" => http_streams::close_stream(stream: u32) open;
        "proxy_send_local_response" => http_streams::send_local_response(status: u32, details: u32, details_size: u32, body: u32, body_size: u32, headers: u32, headers_size: u32, grpc_status: i32) open;
        "proxy_inject_encoded_data_to_filter_chain" => http_streams::inject(body: u32, size: u32, end: u32) open;
        "proxy_get_status" => http_calls::get_status(code_at: u32, message_at: u32, size_at: u32) open;
        "proxy_http_call" => http_calls::http_call(upstream: u32, upstream_size: u32, headers: u32, headers_size: u32, body: u32, body_size: u32, trailers: u32, trailers_size: u32, timeout: u32, call_at: u32) open;
        "proxy_grpc_call" => grpc_calls::call(upstream: u32, upstream_size: u32, service: u32, service_size: u32, method: u32, method_size: u32, metadata: u32, metadata_size: u32, message: u32, message_size: u32, timeout: u32, call_at: u32) open;
        "proxy_grpc_stream" => grpc_calls::stream(upstream: u32, upstream_size: u32, service: u32, service_size: u32, method: u32, method_size: u32, metadata: u32, metadata_size: u32, stream_at: u32) open;
        "proxy_grpc_send" => grpc_calls::send(stream: u32, message: u32, message_size: u32, end: u32) open;
        "proxy_grpc_cancel" => grpc_calls::cancel(stream: u32) open;
        "proxy_grpc_close" => grpc_calls::close(stream: u32) open;
        "proxy_redis_init" => redis::init(service: u32, service_size: u32, username: u32, username_size: u32, password: u32, password_size: u32, timeout: u32) open;
        "proxy_redis_call" => redis::call(service: u32, service_size: u32, query: u32, query_size: u32, call_at: u32) open;
        "proxy_set_shared_data" => shared_data::set(key: u32, key_size: u32, value: u32, value_size: u32, cas: u32) open;
        "proxy_get_shared_data" => shared_data::get(key: u32, key_size: u32, value_at: u32, size_at: u32, cas_at: u32) open;
        "proxy_register_shared_queue" => shared_queues::register(name: u32, name_size: u32, queue_at: u32) open;
        "proxy_resolve_shared_queue" => shared_queues::resolve(vm: u32, vm_size: u32, name: u32, name_size: u32, queue_at: u32) open;
        "proxy_enqueue_shared_queue" => shared_queues::enqueue(queue: u32, value: u32, value_size: u32) open;
        "proxy_dequeue_shared_queue" => shared_queues::dequeue(queue: u32, value_at: u32, size_at: u32) open;
        "proxy_define_metric" => metrics::define(kind: u32, name: u32, name_size: u32, metric_at: u32) open;
        "proxy_record_metric" => metrics::record(metric: u32, value: i64) open;
        "proxy_increment_metric" => metrics::increment(metric: u32, delta: i64) open;
        "proxy_get_metric" => metrics::get(metric: u32, value_at: u32) open;
        "proxy_get_property" => properties::get(path: u32, path_size: u32, value_at: u32, size_at: u32) open;
        "proxy_set_property" => properties::set(path: u32, path_size: u32, value: u32, value_size: u32) open;
        "proxy_call_foreign_function" => foreign::call(name: u32, name_size: u32, arguments: u32, arguments_size: u32, result_at: u32, size_at: u32) open;
        "proxy_set_effective_context" => contexts::set_effective(context: u32) open;
        "proxy_done" => contexts::done() open;
        "proxy_continue_request" => legacy::continue_request() open;
        "proxy_continue_response" => legacy::continue_response() open;
        "proxy_clear_route_cache" => legacy::clear_route_cache() open;
        "proxy_get_upstream_hosts" => higress::get_upstream_hosts(hosts_at: u32, size_at: u32) open;
        "proxy_set_upstream_override_host" => higress::set_upstream_override_host(host: u32, host_size: u32) open;
        "proxy_get_configuration" => legacy::get_configuration(value_at: u32, size_at: u32) open;
    }
};

/// Modules `wasi_snapshot_preview1` and `wasi_unstable`.
const WASI: Table = |each| {
    hostcalls! { each;
        "args_get" => wasi::args_get(arguments: u32, buffer: u32) wasi;
        "args_sizes_get" => wasi::args_sizes_get(count_at: u32, size_at: u32) wasi;
        "environ_get" => wasi::environ_get(pointers: u32, buffer: u32) wasi;
        "environ_sizes_get" => wasi::environ_sizes_get(count_at: u32, size_at: u32) wasi;
        "clock_res_get" => wasi::clock_res_get(clock: u32, resolution_at: u32) wasi;
        "clock_time_get" => wasi::clock_time_get(clock: u32, precision: u64, time_at: u32) wasi;
        "random_get" => wasi::random_get(buffer: u32, size: u32) wasi;
        "fd_write" => wasi::fd_write(descriptor: u32, vectors: u32, count: u32, written_at: u32) wasi;
        "fd_advise" => wasi::fd_advise(descriptor: u32, offset: u64, length: u64, advice: u32) wasi;
        "fd_allocate" => wasi::fd_allocate(descriptor: u32, offset: u64, length: u64) wasi;
        "fd_close" => wasi::fd_close(descriptor: u32) wasi;
        "fd_datasync" => wasi::fd_sync(descriptor: u32) wasi;
        "fd_fdstat_get" => wasi::fd_fdstat_get(descriptor: u32, stat_at: u32) wasi;
        "fd_fdstat_set_flags" => wasi::fd_fdstat_set_flags(descriptor: u32, flags: u32) wasi;
        "fd_fdstat_set_rights" => wasi::fd_fdstat_set_rights(descriptor: u32, rights: u64, inherited: u64) wasi;
        "fd_filestat_get" => wasi::fd_filestat_get(descriptor: u32, stat_at: u32) wasi;
        "fd_filestat_set_size" => wasi::fd_filestat_set_size(descriptor: u32, size: u64) wasi;
        "fd_filestat_set_times" => wasi::fd_filestat_set_times(descriptor: u32, accessed: u64, modified: u64, flags: u32) wasi;
        "fd_pread" => wasi::fd_pread(descriptor: u32, vectors: u32, count: u32, offset: u64, read_at: u32) wasi;
        "fd_prestat_get" => wasi::fd_prestat_get(descriptor: u32, prestat_at: u32) wasi;
        "fd_prestat_dir_name" => wasi::fd_prestat_dir_name(descriptor: u32, path: u32, size: u32) wasi;
        "fd_pwrite" => wasi::fd_pwrite(descriptor: u32, vectors: u32, count: u32, offset: u64, written_at: u32) wasi;
        "fd_read" => wasi::fd_read(descriptor: u32, vectors: u32, count: u32, read_at: u32) wasi;
        "fd_readdir" => wasi::fd_readdir(descriptor: u32, buffer: u32, size: u32, cookie: u64, used_at: u32) wasi;
        "fd_renumber" => wasi::fd_renumber(from: u32, to: u32) wasi;
        "fd_seek" => wasi::fd_seek(descriptor: u32, offset: i64, whence: u32, position_at: u32) wasi;
        "fd_sync" => wasi::fd_sync(descriptor: u32) wasi;
        "fd_tell" => wasi::fd_tell(descriptor: u32, position_at: u32) wasi;
        "path_create_directory" => wasi::path_create_directory(folder: u32, path: u32, size: u32) wasi;
        "path_filestat_get" => wasi::path_filestat_get(folder: u32, lookup: u32, path: u32, size: u32, stat_at: u32) wasi;
        "path_filestat_set_times" => wasi::path_filestat_set_times(folder: u32, lookup: u32, path: u32, size: u32, accessed: u64, modified: u64, flags: u32) wasi;
        "path_link" => wasi::path_link(from: u32, lookup: u32, old: u32, old_size: u32, folder: u32, new: u32, new_size: u32) wasi;
        "path_open" => wasi::path_open(folder: u32, lookup: u32, path: u32, size: u32, flags: u32, rights: u64, inherited: u64, descriptor_flags: u32, opened_at: u32) wasi;
        "path_readlink" => wasi::path_readlink(folder: u32, path: u32, size: u32, buffer: u32, room: u32, used_at: u32) wasi;
        "path_remove_directory" => wasi::path_remove_directory(folder: u32, path: u32, size: u32) wasi;
        "path_rename" => wasi::path_rename(from: u32, old: u32, old_size: u32, folder: u32, new: u32, new_size: u32) wasi;
        "path_symlink" => wasi::path_symlink(old: u32, old_size: u32, folder: u32, new: u32, new_size: u32) wasi;
        "path_unlink_file" => wasi::path_unlink_file(folder: u32, path: u32, size: u32) wasi;
        "poll_oneoff" => wasi::poll_oneoff(subscriptions: u32, events: u32, count: u32, events_at: u32) wasi;
        "proc_raise" => wasi::proc_raise(signal: u32) wasi;
        "sock_accept" => wasi::sock_accept(socket: u32, flags: u32, accepted_at: u32) wasi;
        "sock_recv" => wasi::sock_recv(socket: u32, vectors: u32, count: u32, flags: u32, received_at: u32, flags_at: u32) wasi;
        "sock_send" => wasi::sock_send(socket: u32, vectors: u32, count: u32, flags: u32, sent_at: u32) wasi;
        "sock_shutdown" => wasi::sock_shutdown(socket: u32, how: u32) wasi;
        "sched_yield" => wasi::sched_yield() wasi;
    }
};

/// What module `wasi_unstable` has otherwise: places in structures, and a numbering.
const WASI_UNSTABLE: Table = |each| {
    hostcalls! { each;
        "fd_filestat_get" => wasi::fd_filestat_get_unstable(descriptor: u32, stat_at: u32) wasi;
        "fd_seek" => wasi::fd_seek_unstable(descriptor: u32, offset: i64, whence: u32, position_at: u32) wasi;
        "path_filestat_get" => wasi::path_filestat_get_unstable(folder: u32, lookup: u32, path: u32, size: u32, stat_at: u32) wasi;
        "poll_oneoff" => wasi::poll_oneoff_unstable(subscriptions: u32, events: u32, count: u32, events_at: u32) wasi;
    }
};

/// Everything that the module imports, in its order: loading has made sure that these are functions.
pub(crate) fn imports(
    store: &mut impl AsStoreMut,
    env: &FunctionEnv<InstanceState>,
    module: &Module,
) -> Vec<Extern> {
    let mut store = store.as_store_mut();
    let functions = module.imports().functions().map(|import| {
        let (module, name, signature) = (import.module(), import.name(), import.ty());
        if imports::find(module, name).is_none() {
            return unknown(&mut store, module, name, signature);
        }
        let tables: &[Table] = match module {
            "env" => &[PROXY],
            "wasi_unstable" => &[WASI, WASI_UNSTABLE],
            _ => &[WASI],
        };
        let mut found = None;
        for table in tables {
            table(&mut |known, make| {
                if known == name {
                    found = Some(make);
                }
            });
        }
        match found {
            Some(make) => make(&mut store, env),
            None => without_status(&mut store, env, name, signature),
        }
    });
    functions.map(Extern::Function).collect()
}

fn unknown(
    store: &mut wasmer::StoreMut<'_>,
    module: &str,
    name: &str,
    signature: &FunctionType,
) -> Function {
    let trap = format!("the guest called {module}.{name}, which this host does not have");
    Function::new(store, signature, move |_| Err(RuntimeError::new(trap.as_str())))
}

/// The functions that answer no status: Emscripten's, and the end of the guest.
fn without_status(
    store: &mut wasmer::StoreMut<'_>,
    env: &FunctionEnv<InstanceState>,
    name: &str,
    signature: &FunctionType,
) -> Function {
    let name = name.to_owned();
    Function::new_with_env(store, env, signature, move |mut caller: Caller<'_>, arguments| {
        let answer = Guest::enter(&mut caller).map(|mut guest| {
            let ends = name == "proc_exit";
            let errno = unsupported(&mut guest, &name, |_| (!ends).then_some(0));
            errno.map(|_| emscripten::answer(guest.env.core.services.clock(), &name, arguments))
        });
        match answer {
            Err(Fault::Trap(trap)) => Err(trap),
            Ok(None) => Err(RuntimeError::new(format!("the guest called {name}"))),
            Ok(Some(results)) => Ok(results),
            Err(_) => Ok(Vec::new()),
        }
    })
}
