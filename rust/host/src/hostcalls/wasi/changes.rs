//! What would change something: everything is read only.

use crate::guest::memory::{Answer, Guest};
use crate::hostcalls::wasi::errno::{BADF, NOTSUP, ROFS, errno};
use crate::hostcalls::wasi::files::{Open, known, open};
use crate::hostcalls::wasi::paths::place;

/// What would change a file.
fn change_file(guest: &mut Guest<'_>, descriptor: u32) -> Answer {
    match open(guest, descriptor) {
        Open::Nothing => Err(errno(BADF)),
        Open::Standard => Err(errno(NOTSUP)),
        Open::Folder(_) | Open::Directory(_) | Open::File(_) => Err(errno(ROFS)),
    }
}

pub(in crate::hostcalls) fn fd_allocate(
    guest: &mut Guest<'_>,
    descriptor: u32,
    _offset: u64,
    _length: u64,
) -> Answer {
    change_file(guest, descriptor)
}

pub(in crate::hostcalls) fn fd_filestat_set_size(
    guest: &mut Guest<'_>,
    descriptor: u32,
    _size: u64,
) -> Answer {
    change_file(guest, descriptor)
}

pub(in crate::hostcalls) fn fd_filestat_set_times(
    guest: &mut Guest<'_>,
    descriptor: u32,
    _accessed: u64,
    _modified: u64,
    _flags: u32,
) -> Answer {
    change_file(guest, descriptor)
}

pub(in crate::hostcalls) fn fd_pwrite(
    guest: &mut Guest<'_>,
    descriptor: u32,
    _vectors: u32,
    _count: u32,
    _offset: u64,
    _written_at: u32,
) -> Answer {
    change_file(guest, descriptor)
}

pub(in crate::hostcalls) fn fd_renumber(guest: &mut Guest<'_>, from: u32, _to: u32) -> Answer {
    known(guest, from).and(Err(errno(NOTSUP)))
}

/// What would change a folder.
fn change_folder(guest: &mut Guest<'_>, folder: u32, path: u32, size: u32) -> Answer {
    place(guest, folder, path, size).and(Err(errno(ROFS)))
}

pub(in crate::hostcalls) fn path_create_directory(
    guest: &mut Guest<'_>,
    folder: u32,
    path: u32,
    size: u32,
) -> Answer {
    change_folder(guest, folder, path, size)
}

pub(in crate::hostcalls) fn path_remove_directory(
    guest: &mut Guest<'_>,
    folder: u32,
    path: u32,
    size: u32,
) -> Answer {
    change_folder(guest, folder, path, size)
}

pub(in crate::hostcalls) fn path_unlink_file(
    guest: &mut Guest<'_>,
    folder: u32,
    path: u32,
    size: u32,
) -> Answer {
    change_folder(guest, folder, path, size)
}

#[allow(clippy::too_many_arguments, reason = "the type of WASI's function")]
pub(in crate::hostcalls) fn path_filestat_set_times(
    guest: &mut Guest<'_>,
    folder: u32,
    _lookup: u32,
    path: u32,
    size: u32,
    _accessed: u64,
    _modified: u64,
    _flags: u32,
) -> Answer {
    change_folder(guest, folder, path, size)
}

#[allow(clippy::too_many_arguments, reason = "the type of WASI's function")]
pub(in crate::hostcalls) fn path_link(
    guest: &mut Guest<'_>,
    _from: u32,
    _lookup: u32,
    _old: u32,
    _old_size: u32,
    folder: u32,
    new: u32,
    new_size: u32,
) -> Answer {
    change_folder(guest, folder, new, new_size)
}

#[allow(clippy::too_many_arguments, reason = "the type of WASI's function")]
pub(in crate::hostcalls) fn path_rename(
    guest: &mut Guest<'_>,
    _from: u32,
    _old: u32,
    _old_size: u32,
    folder: u32,
    new: u32,
    new_size: u32,
) -> Answer {
    change_folder(guest, folder, new, new_size)
}

pub(in crate::hostcalls) fn path_symlink(
    guest: &mut Guest<'_>,
    _old: u32,
    _old_size: u32,
    folder: u32,
    new: u32,
    new_size: u32,
) -> Answer {
    change_folder(guest, folder, new, new_size)
}
