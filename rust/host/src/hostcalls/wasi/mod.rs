//! WASI preview 1, as far as policies use it (proxy-wasm/spec, "WASI functions"): two output
//! descriptors that are log lines, two clocks, random bytes, the allowed environment variables.
//! Pointers are `u32`; an invalid one is `EFAULT`.

mod changes;
mod errno;
mod files;
mod filestat;
mod folders;
mod paths;
mod poll;

pub(super) use crate::hostcalls::wasi::changes::{
    fd_allocate, fd_filestat_set_size, fd_filestat_set_times, fd_pwrite, fd_renumber,
    path_create_directory, path_filestat_set_times, path_link, path_remove_directory, path_rename,
    path_symlink, path_unlink_file,
};
pub(super) use crate::hostcalls::wasi::files::{
    fd_advise, fd_close, fd_fdstat_get, fd_fdstat_set_flags, fd_fdstat_set_rights, fd_filestat_get,
    fd_filestat_get_unstable, fd_pread, fd_read, fd_seek, fd_seek_unstable, fd_sync, fd_tell,
};
pub(super) use crate::hostcalls::wasi::folders::{fd_prestat_dir_name, fd_prestat_get, fd_readdir};
pub(super) use crate::hostcalls::wasi::paths::{
    path_filestat_get, path_filestat_get_unstable, path_open, path_readlink,
};
pub(super) use crate::hostcalls::wasi::poll::{poll_oneoff, poll_oneoff_unstable};

use crate::guest::memory::{Answer, Fault, Guest};
use crate::hostcalls::logging::TEXT_UNITS;
use crate::hostcalls::wasi::errno::{INVAL, NOSYS, NOTSUP, errno};
use crate::types::log_level::LogLevel;

/// The most bytes that one `random_get` fills.
const RANDOM: u32 = 64 << 10;
/// What `random_get` costs: a system call, and one to three nanoseconds a byte.
const RANDOM_CALL: u64 = 256;
const RANDOM_BYTE: u64 = 3;
/// The most buffers of one `fd_write`.
const VECTORS: u32 = 1024;
/// What a piece costs, however short it is.
const VECTOR_UNITS: u64 = 16;

/// What an environment variable costs, however short it is.
const VARIABLE_UNITS: u64 = 128;

/// No arguments.
pub(super) fn args_get(_guest: &mut Guest<'_>, _arguments: u32, _buffer: u32) -> Answer {
    Ok(())
}

pub(super) fn args_sizes_get(guest: &mut Guest<'_>, count_at: u32, size_at: u32) -> Answer {
    guest.write_u32(count_at, 0)?;
    guest.write_u32(size_at, 0)
}

fn environment(guest: &mut Guest<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    let spec = &guest.env.core.spec;
    let mut variables: Vec<_> = spec
        .environment
        .iter()
        .map(|(name, value)| format!("{name}={value}\0").into_bytes())
        .collect();
    let says_where = spec.environment.iter().any(|(name, _)| name == "PWD");
    if !spec.capabilities.read.is_empty() && !says_where {
        variables.push(b"PWD=/\0".to_vec());
    }
    guest.charge_bytes(variables.iter().map(Vec::len).sum())?;
    guest.charge(variables.len() as u64 * VARIABLE_UNITS)?;
    Ok(variables)
}

/// The variables that the policy's capabilities name, and no others; with folders to read also where
/// relative paths begin: Go takes the first folder for that, other libraries the root.
pub(super) fn environ_get(guest: &mut Guest<'_>, pointers: u32, buffer: u32) -> Answer {
    let (mut slot, mut at) = (pointers, buffer);
    for variable in environment(guest)? {
        guest.write_u32(slot, at)?;
        guest.write(at, &variable)?;
        slot = slot.wrapping_add(4);
        at = at.wrapping_add(Guest::length(variable.len())?);
    }
    Ok(())
}

pub(super) fn environ_sizes_get(guest: &mut Guest<'_>, count_at: u32, size_at: u32) -> Answer {
    let variables = environment(guest)?;
    guest.write_u32(count_at, Guest::length(variables.len())?)?;
    guest.write_u32(size_at, Guest::length(variables.iter().map(Vec::len).sum())?)
}

/// Real time (0) and monotonic time (1).
pub(super) fn clock_time_get(
    guest: &mut Guest<'_>,
    clock: u32,
    _precision: u64,
    time_at: u32,
) -> Answer {
    let told = guest.env.core.services.clock();
    let time = match clock {
        0 => told.unix(),
        1 => told.monotonic(),
        _ => return Err(errno(NOTSUP)),
    };
    guest.write_u64(time_at, time)
}

pub(super) fn clock_res_get(guest: &mut Guest<'_>, clock: u32, resolution_at: u32) -> Answer {
    if clock > 1 {
        return Err(errno(NOTSUP));
    }
    guest.write_u64(resolution_at, 1)
}

/// Bytes of the operating system's generator, or of the host's seed.
pub(super) fn random_get(guest: &mut Guest<'_>, buffer: u32, size: u32) -> Answer {
    if size > RANDOM {
        return Err(errno(INVAL));
    }
    guest.charge(RANDOM_CALL + u64::from(size) * RANDOM_BYTE)?;
    let mut bytes = vec![0; size as usize];
    if !guest.env.core.services.random().fill(&mut bytes) {
        return Err(errno(NOSYS));
    }
    guest.write(buffer, &bytes)
}

/// Descriptor 1 is a log line at level info, 2 at level error; one newline at the end is dropped.
pub(super) fn fd_write(
    guest: &mut Guest<'_>,
    descriptor: u32,
    vectors: u32,
    count: u32,
    written_at: u32,
) -> Answer {
    let level = match descriptor {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return files::refuse_write(guest, descriptor),
    };
    let (mut line, mut length) = (Vec::new(), 0);
    let room = guest.env.log_room(level);
    for (at, size) in self::vectors(guest, vectors, count)? {
        line.append(&mut guest.read_some(at, size, room - line.len())?);
        length += size as usize;
    }
    guest.charge(line.len() as u64 * TEXT_UNITS)?;
    let written = Guest::length(length)?;
    if line.len() == length && line.ends_with(b"\n") {
        line.pop();
        length -= 1;
    }
    guest.env.guest_log(level, &line, length);
    guest.write_u32(written_at, written)
}

pub(super) fn sched_yield(_guest: &mut Guest<'_>) -> Answer {
    Ok(())
}

/// There are no processes and no signals.
pub(super) fn proc_raise(_guest: &mut Guest<'_>, _signal: u32) -> Answer {
    Err(errno(NOTSUP))
}

/// There are no sockets: `net` is for calls of the ABI.
pub(super) fn sock_accept(
    _guest: &mut Guest<'_>,
    _socket: u32,
    _flags: u32,
    _accepted_at: u32,
) -> Answer {
    Err(errno(NOTSUP))
}

pub(super) fn sock_recv(
    _guest: &mut Guest<'_>,
    _socket: u32,
    _vectors: u32,
    _count: u32,
    _flags: u32,
    _received_at: u32,
    _flags_at: u32,
) -> Answer {
    Err(errno(NOTSUP))
}

pub(super) fn sock_send(
    _guest: &mut Guest<'_>,
    _socket: u32,
    _vectors: u32,
    _count: u32,
    _flags: u32,
    _sent_at: u32,
) -> Answer {
    Err(errno(NOTSUP))
}

pub(super) fn sock_shutdown(_guest: &mut Guest<'_>, _socket: u32, _how: u32) -> Answer {
    Err(errno(NOTSUP))
}

/// The guest's pieces of memory at `at`, address and size each.
fn vectors(guest: &mut Guest<'_>, at: u32, count: u32) -> Result<Vec<(u32, u32)>, Fault> {
    if count > VECTORS {
        return Err(errno(INVAL));
    }
    let list = guest.read(at, count * 8)?;
    guest.charge(u64::from(count) * VECTOR_UNITS)?;
    let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte));
    Ok(list.chunks_exact(8).map(|pair| (word(&pair[..4]), word(&pair[4..]))).collect())
}
