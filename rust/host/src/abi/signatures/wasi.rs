//! WASI: all of preview1 under its name and its predecessor's, with the types of its witx files.

use wasmer::Type::{I32, I64};

use crate::abi::signatures::Row;

pub(super) const MODULES: &[&str] = &["wasi_snapshot_preview1", "wasi_unstable"];

const ERRNO: &[wasmer::Type] = &[I32];

/// WebAssembly/WASI, `legacy/preview1/witx/wasi_snapshot_preview1.witx`.
pub(super) const FUNCTIONS: &[Row] = &[
    ("args_get", &[I32; 2], ERRNO),
    ("args_sizes_get", &[I32; 2], ERRNO),
    ("environ_get", &[I32; 2], ERRNO),
    ("environ_sizes_get", &[I32; 2], ERRNO),
    ("clock_res_get", &[I32; 2], ERRNO),
    ("clock_time_get", &[I32, I64, I32], ERRNO),
    ("fd_advise", &[I32, I64, I64, I32], ERRNO),
    ("fd_allocate", &[I32, I64, I64], ERRNO),
    ("fd_close", &[I32], ERRNO),
    ("fd_datasync", &[I32], ERRNO),
    ("fd_fdstat_get", &[I32; 2], ERRNO),
    ("fd_fdstat_set_flags", &[I32; 2], ERRNO),
    ("fd_fdstat_set_rights", &[I32, I64, I64], ERRNO),
    ("fd_filestat_get", &[I32; 2], ERRNO),
    ("fd_filestat_set_size", &[I32, I64], ERRNO),
    ("fd_filestat_set_times", &[I32, I64, I64, I32], ERRNO),
    ("fd_pread", &[I32, I32, I32, I64, I32], ERRNO),
    ("fd_prestat_get", &[I32; 2], ERRNO),
    ("fd_prestat_dir_name", &[I32; 3], ERRNO),
    ("fd_pwrite", &[I32, I32, I32, I64, I32], ERRNO),
    ("fd_read", &[I32; 4], ERRNO),
    ("fd_readdir", &[I32, I32, I32, I64, I32], ERRNO),
    ("fd_renumber", &[I32; 2], ERRNO),
    ("fd_seek", &[I32, I64, I32, I32], ERRNO),
    ("fd_sync", &[I32], ERRNO),
    ("fd_tell", &[I32; 2], ERRNO),
    ("fd_write", &[I32; 4], ERRNO),
    ("path_create_directory", &[I32; 3], ERRNO),
    ("path_filestat_get", &[I32; 5], ERRNO),
    ("path_filestat_set_times", &[I32, I32, I32, I32, I64, I64, I32], ERRNO),
    ("path_link", &[I32; 7], ERRNO),
    ("path_open", &[I32, I32, I32, I32, I32, I64, I64, I32, I32], ERRNO),
    ("path_readlink", &[I32; 6], ERRNO),
    ("path_remove_directory", &[I32; 3], ERRNO),
    ("path_rename", &[I32; 6], ERRNO),
    ("path_symlink", &[I32; 5], ERRNO),
    ("path_unlink_file", &[I32; 3], ERRNO),
    ("poll_oneoff", &[I32; 4], ERRNO),
    ("proc_exit", &[I32], &[]),
    ("proc_raise", &[I32], ERRNO),
    ("sched_yield", &[], ERRNO),
    ("random_get", &[I32; 2], ERRNO),
    ("sock_accept", &[I32; 3], ERRNO),
    ("sock_recv", &[I32; 6], ERRNO),
    ("sock_send", &[I32; 5], ERRNO),
    ("sock_shutdown", &[I32; 2], ERRNO),
];
