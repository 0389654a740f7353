//! Descriptors: 0 to 2 are not files, from 3 on come the folders of the capability `read`, then what
//! the guest opened in them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::context::descriptors::Descriptor;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::hostcalls::wasi::errno::{BADF, INVAL, ISDIR, ROFS, SPIPE, errno, of};
use crate::hostcalls::wasi::{filestat, vectors};
use crate::plugin::folders::Folders;

/// The number of the first folder.
pub(super) const FIRST: u32 = 3;
/// Bytes that one call reads; a guest asks again for more.
const MOST: u32 = 64 << 10;
/// What a system call costs, beside the bytes.
pub(super) const CALL: u64 = 1024;

const DIRECTORY: u8 = 3;
pub(super) const REGULAR: u8 = 4;
/// Rights (`docs.md`, "rights"): read, seek, set flags, tell, advise, open, list, read links, stat.
const FILE_RIGHTS: u64 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 7 | 1 << 21 | 1 << 27;
const FOLDER_RIGHTS: u64 = 1 << 13 | 1 << 14 | 1 << 15 | 1 << 18 | 1 << 21;

/// What a number stands for.
pub(super) enum Open {
    Nothing,
    /// Standard input, output or error.
    Standard,
    /// A folder of the capability, by position.
    Folder(usize),
    Directory(Arc<cap_std::fs::Dir>),
    File(Arc<File>),
}

pub(super) fn folders(guest: &Guest<'_>) -> Folders {
    guest.env.core.spec.capabilities.read.clone()
}

/// The number of the first file that a guest opens.
pub(super) fn first_file(folders: &Folders) -> u32 {
    FIRST.saturating_add(u32::try_from(folders.len()).unwrap_or(u32::MAX))
}

pub(super) fn open(guest: &mut Guest<'_>, descriptor: u32) -> Open {
    let folders = guest.env.core.spec.capabilities.read.len();
    match descriptor.checked_sub(FIRST) {
        None => Open::Standard,
        Some(position) if (position as usize) < folders => Open::Folder(position as usize),
        Some(_) => match guest.env.files.get(descriptor) {
            None => Open::Nothing,
            Some(Descriptor::Folder(position)) => Open::Folder(*position),
            Some(Descriptor::Directory { dir, .. }) => Open::Directory(Arc::clone(dir)),
            Some(Descriptor::File(file)) => Open::File(Arc::clone(file)),
        },
    }
}

/// A file to read.
fn file(guest: &mut Guest<'_>, descriptor: u32, standard: i32) -> Result<Arc<File>, Fault> {
    match open(guest, descriptor) {
        Open::File(file) => {
            guest.charge(CALL)?;
            Ok(file)
        }
        Open::Folder(_) | Open::Directory(_) => Err(errno(ISDIR)),
        Open::Standard => Err(errno(standard)),
        Open::Nothing => Err(errno(BADF)),
    }
}

/// Reads until the guest's pieces are full, the file ends, or [`MOST`] is reached.
fn scatter(guest: &mut Guest<'_>, mut file: &File, at: u32, count: u32, read_at: u32) -> Answer {
    guest.check(read_at, 4)?;
    let mut total = 0;
    let pieces = vectors(guest, at, count)?;
    // The first system call is paid for.
    for (number, (at, size)) in pieces.into_iter().filter(|(_, size)| *size > 0).enumerate() {
        guest.charge(if number == 0 { 0 } else { CALL })?;
        let wanted = size.min(MOST - total);
        guest.check(at, wanted)?;
        let mut bytes = vec![0; wanted as usize];
        let length = file.read(&mut bytes).map_err(|error| errno(of(&error)))?;
        guest.charge_bytes(length)?;
        guest.write(at, &bytes[..length])?;
        let length = Guest::length(length)?;
        total += length;
        if length < size {
            break;
        }
    }
    guest.write_u32(read_at, total)
}

pub(in crate::hostcalls) fn fd_read(
    guest: &mut Guest<'_>,
    descriptor: u32,
    vectors: u32,
    count: u32,
    read_at: u32,
) -> Answer {
    let file = file(guest, descriptor, BADF)?;
    scatter(guest, &file, vectors, count, read_at)
}

pub(in crate::hostcalls) fn fd_pread(
    guest: &mut Guest<'_>,
    descriptor: u32,
    vectors: u32,
    count: u32,
    offset: u64,
    read_at: u32,
) -> Answer {
    let file = file(guest, descriptor, SPIPE)?;
    guest.charge(3 * CALL)?;
    let failed = |error: std::io::Error| errno(of(&error));
    let position = (&*file).stream_position().map_err(failed)?;
    (&*file).seek(SeekFrom::Start(offset)).map_err(failed)?;
    let answer = scatter(guest, &file, vectors, count, read_at);
    (&*file).seek(SeekFrom::Start(position)).map_err(failed)?;
    answer
}

fn seek(guest: &mut Guest<'_>, descriptor: u32, to: SeekFrom, position_at: u32) -> Answer {
    let file = file(guest, descriptor, SPIPE)?;
    guest.check(position_at, 8)?;
    let position = (&*file).seek(to).map_err(|error| errno(of(&error)))?;
    guest.write_u64(position_at, position)
}

/// `whence`: 0 from the start, 1 from where it is, 2 from the end.
pub(in crate::hostcalls) fn fd_seek(
    guest: &mut Guest<'_>,
    descriptor: u32,
    offset: i64,
    whence: u32,
    position_at: u32,
) -> Answer {
    let to = match whence {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| errno(INVAL))?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(errno(INVAL)),
    };
    seek(guest, descriptor, to, position_at)
}

/// The same of `wasi_unstable`: 0 from where it is, 1 from the end, 2 from the start.
pub(in crate::hostcalls) fn fd_seek_unstable(
    guest: &mut Guest<'_>,
    descriptor: u32,
    offset: i64,
    whence: u32,
    position_at: u32,
) -> Answer {
    let whence = if whence > 2 { whence } else { (whence + 1) % 3 };
    fd_seek(guest, descriptor, offset, whence, position_at)
}

pub(in crate::hostcalls) fn fd_tell(
    guest: &mut Guest<'_>,
    descriptor: u32,
    position_at: u32,
) -> Answer {
    seek(guest, descriptor, SeekFrom::Current(0), position_at)
}

/// A guest cannot close the outputs and the folders of the capability.
pub(in crate::hostcalls) fn fd_close(guest: &mut Guest<'_>, descriptor: u32) -> Answer {
    let own = guest.env.files.close(descriptor);
    if own || matches!(open(guest, descriptor), Open::Standard | Open::Folder(_)) {
        return Ok(());
    }
    Err(errno(BADF))
}

/// 1 and 2 are character devices that can be written.
pub(in crate::hostcalls) fn fd_fdstat_get(
    guest: &mut Guest<'_>,
    descriptor: u32,
    stat_at: u32,
) -> Answer {
    let (kind, rights, inherited) = match open(guest, descriptor) {
        Open::Standard if descriptor > 0 => (2, 1 << 6, 0),
        Open::Standard | Open::Nothing => return Err(errno(BADF)),
        Open::Folder(_) | Open::Directory(_) => {
            (DIRECTORY, FOLDER_RIGHTS, FOLDER_RIGHTS | FILE_RIGHTS)
        }
        Open::File(_) => (REGULAR, FILE_RIGHTS, 0),
    };
    let mut stat = [0; 24];
    stat[0] = kind;
    stat[8..16].copy_from_slice(&u64::to_le_bytes(rights));
    stat[16..].copy_from_slice(&u64::to_le_bytes(inherited));
    guest.write(stat_at, &stat)
}

/// Flags change nothing: no call waits, and nothing is appended.
pub(in crate::hostcalls) fn fd_fdstat_set_flags(
    guest: &mut Guest<'_>,
    descriptor: u32,
    _flags: u32,
) -> Answer {
    known(guest, descriptor)
}

/// Rights can only be taken away, and are few.
pub(in crate::hostcalls) fn fd_fdstat_set_rights(
    guest: &mut Guest<'_>,
    descriptor: u32,
    _rights: u64,
    _inherited: u64,
) -> Answer {
    known(guest, descriptor)
}

pub(super) fn known(guest: &mut Guest<'_>, descriptor: u32) -> Answer {
    match open(guest, descriptor) {
        Open::Nothing => Err(errno(BADF)),
        _ => Ok(()),
    }
}

fn stat(guest: &mut Guest<'_>, descriptor: u32) -> Result<filestat::Facts, Fault> {
    guest.charge(CALL)?;
    let failed = |error: std::io::Error| errno(of(&error));
    match open(guest, descriptor) {
        Open::Nothing => Err(errno(BADF)),
        Open::Standard => Ok(filestat::Facts::device()),
        Open::File(file) => file.metadata().map(|its| filestat::Facts::of(&its)).map_err(failed),
        Open::Directory(_) | Open::Folder(_) => Ok(filestat::Facts::directory()),
    }
}

pub(in crate::hostcalls) fn fd_filestat_get(
    guest: &mut Guest<'_>,
    descriptor: u32,
    stat_at: u32,
) -> Answer {
    let facts = stat(guest, descriptor)?;
    guest.write(stat_at, &facts.preview1())
}

pub(in crate::hostcalls) fn fd_filestat_get_unstable(
    guest: &mut Guest<'_>,
    descriptor: u32,
    stat_at: u32,
) -> Answer {
    let facts = stat(guest, descriptor)?;
    guest.write(stat_at, &facts.unstable())
}

/// Nothing is cached here, and nothing waits to be written.
pub(in crate::hostcalls) fn fd_sync(guest: &mut Guest<'_>, descriptor: u32) -> Answer {
    known(guest, descriptor)
}

pub(in crate::hostcalls) fn fd_advise(
    guest: &mut Guest<'_>,
    descriptor: u32,
    _offset: u64,
    _length: u64,
    _advice: u32,
) -> Answer {
    file(guest, descriptor, SPIPE).map(|_| ())
}

/// `fd_write` to a descriptor that is not an output.
pub(super) fn refuse_write(guest: &mut Guest<'_>, descriptor: u32) -> Answer {
    match open(guest, descriptor) {
        Open::Nothing | Open::Standard => Err(errno(BADF)),
        _ => Err(errno(ROFS)),
    }
}
