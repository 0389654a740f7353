//! WASI preview 1, as far as policies use it (proxy-wasm/spec, "WASI functions"): two output
//! descriptors that are log lines, two clocks, random bytes, the allowed environment variables.
//! Pointers are `u32`; a wild one is `EFAULT`.

use crate::LogLevel;
use crate::guest::{Answer, Fault, Guest};

const BADF: i32 = 8;
const INVAL: i32 = 28;
const NOENT: i32 = 44;
const NOSYS: i32 = 52;
const NOTSUP: i32 = 58;

/// `random_get` fills at most so many bytes a call.
const RANDOM: u32 = 64 << 10;
/// An `fd_write` has at most so many pieces.
const VECTORS: u32 = 1024;
/// What a piece costs, however short it is.
const VECTOR_UNITS: u64 = 16;

fn errno(number: i32) -> Fault {
    Fault::Errno(number)
}

/// No arguments.
pub(super) fn args_get(_guest: &mut Guest<'_>, _arguments: u32, _buffer: u32) -> Answer {
    Ok(())
}

pub(super) fn args_sizes_get(guest: &mut Guest<'_>, count_at: u32, size_at: u32) -> Answer {
    guest.write_u32(count_at, 0)?;
    guest.write_u32(size_at, 0)
}

fn environment(guest: &mut Guest<'_>) -> Result<Vec<Vec<u8>>, Fault> {
    let variables = guest.env.core.spec.environment.iter();
    let variables: Vec<_> =
        variables.map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect();
    guest.charge_bytes(variables.iter().map(Vec::len).sum())?;
    Ok(variables)
}

/// The variables that the policy's capabilities name, and no others.
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
    let told = guest.env.core.host.clock();
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
    // The generator takes one to three nanoseconds a byte.
    guest.charge(u64::from(size) * 2)?;
    let mut bytes = vec![0; size as usize];
    if !guest.env.core.host.random().fill(&mut bytes) {
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
        _ => return Err(errno(BADF)),
    };
    if count > VECTORS {
        return Err(errno(INVAL));
    }
    let list = guest.read(vectors, count * 8)?;
    guest.charge(u64::from(count) * VECTOR_UNITS)?;
    let (mut line, mut length) = (Vec::new(), 0);
    let room = guest.env.log_room(level);
    let mut words = list
        .chunks_exact(4)
        .map(|word| word.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)));
    while let (Some(at), Some(size)) = (words.next(), words.next()) {
        line.append(&mut guest.read_some(at, size, room - line.len())?);
        length += size as usize;
    }
    let written = Guest::length(length)?;
    if line.len() == length && line.ends_with(b"\n") {
        line.pop();
        length -= 1;
    }
    guest.env.guest_log(level, &line, length);
    guest.write_u32(written_at, written)
}

/// Descriptors 1 and 2 are character devices that can be written.
pub(super) fn fd_fdstat_get(guest: &mut Guest<'_>, descriptor: u32, stat_at: u32) -> Answer {
    if !matches!(descriptor, 1 | 2) {
        return Err(errno(BADF));
    }
    let mut stat = [0; 24];
    stat[0] = 2;
    stat[8] = 64;
    guest.write(stat_at, &stat)
}

/// Go's scheduler polls and must be told that this went well; nothing ever happens.
pub(super) fn poll_oneoff(
    guest: &mut Guest<'_>,
    _subscriptions: u32,
    _events: u32,
    _count: u32,
    events_at: u32,
) -> Answer {
    guest.write_u32(events_at, 0)
}

pub(super) fn sched_yield(_guest: &mut Guest<'_>) -> Answer {
    Ok(())
}

/// The answer of a function that has no device behind it; `None` for `proc_exit`, which ends the
/// guest. The numbers are Envoy's, which Go and `AssemblyScript` guests are known to bear.
pub(super) fn unsupported(guest: &mut Guest<'_>, name: &str) -> Option<i32> {
    let number = match name {
        "proc_exit" => return None,
        "emscripten_notify_memory_growth" | "fd_close" | "fd_seek" => return Some(0),
        "fd_prestat_get" | "fd_filestat_get" => return Some(BADF),
        "path_open" => NOENT,
        "fd_prestat_dir_name" | "fd_read" | "fd_pread" | "fd_fdstat_set_flags" => NOSYS,
        _ => NOTSUP,
    };
    guest.env.log(LogLevel::Debug, format!("{name} is not available on this host"));
    Some(number)
}
