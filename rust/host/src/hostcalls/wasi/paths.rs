//! Paths below the folders of the capability `read`. Without it there is nothing to name: each call
//! is answered `NOTCAPABLE` and logged as denied.

use std::path::PathBuf;
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions};

use crate::context::descriptors::Descriptor;
use crate::guest::memory::{Answer, Fault, Guest};
use crate::hostcalls::wasi::errno::{
    ACCES, BADF, ILSEQ, INVAL, LOOP, MFILE, NAMETOOLONG, NOTCAPABLE, NOTDIR, ROFS, errno, of,
};
use crate::hostcalls::wasi::files::{CALL, Open, first_file, folders, open};
use crate::hostcalls::wasi::filestat::Facts;
use crate::plugin::folders::Found;
use crate::types::capability::Capability;

/// Bytes of a path.
const LONGEST: u32 = 4096;
/// `lookupflags`: the last part may be a symlink.
const FOLLOW: u32 = 1;
/// `oflags`: it must be a folder.
const FOLDER: u32 = 2;
/// `oflags`: create, fail if it is there, cut to nothing.
const CHANGES: u32 = 1 | 4 | 8;
/// `rights`: to write.
const WRITE: u64 = 1 << 6;

/// Where a path leads.
pub(super) struct Place {
    /// `Err`: to a folder of the capability that has single files only, by position.
    at: Result<(Arc<Dir>, PathBuf), usize>,
    /// As the guest wrote it, with the name of its folder.
    shown: String,
}

fn text(guest: &mut Guest<'_>, path: u32, size: u32) -> Result<String, Fault> {
    if size > LONGEST {
        return Err(errno(NAMETOOLONG));
    }
    String::from_utf8(guest.read(path, size)?).map_err(|_| errno(ILSEQ))
}

fn denied(guest: &mut Guest<'_>, shown: &str) -> Fault {
    guest.env.denied(Capability::Read, shown);
    errno(NOTCAPABLE)
}

pub(super) fn place(
    guest: &mut Guest<'_>,
    folder: u32,
    path: u32,
    size: u32,
) -> Result<Place, Fault> {
    let path = text(guest, path, size)?;
    // A walk is a system call for each part, on systems without `openat2`.
    guest.charge(CALL * (1 + path.matches('/').count() as u64))?;
    match open(guest, folder) {
        Open::File(_) => Err(errno(NOTDIR)),
        Open::Nothing | Open::Standard => Err(denied(guest, &path)),
        Open::Directory(dir) => Ok(Place { at: Ok((dir, path.clone().into())), shown: path }),
        Open::Folder(position) => {
            let folders = folders(guest);
            let folder = folders.get(position).ok_or_else(|| errno(BADF))?;
            let shown = format!("{}/{path}", folder.name.trim_end_matches('/'));
            let at = match folder.find(&path) {
                Found::In(dir, path) => Ok((dir, path)),
                Found::Itself => Err(position),
                Found::Nowhere => return Err(denied(guest, &shown)),
            };
            Ok(Place { at, shown })
        }
    }
}

/// What the system said of a path; one that led out of its folder is denied.
fn failed(guest: &mut Guest<'_>, shown: &str, error: &std::io::Error) -> Fault {
    match of(error) {
        NOTCAPABLE => denied(guest, shown),
        number => errno(number),
    }
}

fn opened(dir: &Dir, path: &PathBuf, follow: bool, flags: u32) -> Result<Descriptor, Fault> {
    let failed = |error: std::io::Error| errno(of(&error));
    let its = if follow { dir.metadata(path) } else { dir.symlink_metadata(path) };
    let its = its.map_err(failed)?;
    if its.is_symlink() {
        return Err(errno(LOOP));
    }
    if its.is_dir() {
        let dir = Arc::new(dir.open_dir(path).map_err(failed)?);
        return Ok(Descriptor::Directory { dir, entries: Arc::default() });
    }
    if flags & FOLDER != 0 {
        return Err(errno(NOTDIR));
    }
    let mut options = OpenOptions::new();
    options.read(true);
    never_wait(&mut options);
    let file = dir.open_with(path, &options).map_err(failed)?;
    // Another may have put a pipe or a device there meanwhile.
    if !its.is_file() || !file.metadata().map_err(failed)?.is_file() {
        return Err(errno(ACCES));
    }
    Ok(Descriptor::File(Arc::new(file.into_std())))
}

#[cfg(unix)]
fn never_wait(options: &mut OpenOptions) {
    use cap_std::fs::OpenOptionsExt;
    options.custom_flags(libc::O_NONBLOCK);
}

#[cfg(not(unix))]
fn never_wait(_options: &mut OpenOptions) {}

#[allow(clippy::too_many_arguments, reason = "the type of WASI's function")]
pub(in crate::hostcalls) fn path_open(
    guest: &mut Guest<'_>,
    folder: u32,
    lookup: u32,
    path: u32,
    size: u32,
    flags: u32,
    rights: u64,
    _inherited: u64,
    _descriptor_flags: u32,
    opened_at: u32,
) -> Answer {
    let Place { at, shown } = place(guest, folder, path, size)?;
    if flags & CHANGES != 0 || rights & WRITE != 0 {
        return Err(errno(ROFS));
    }
    guest.check(opened_at, 4)?;
    let descriptor = match at {
        Err(position) => Descriptor::Folder(position),
        Ok((dir, path)) => match opened(&dir, &path, lookup & FOLLOW != 0, flags) {
            Ok(descriptor) => descriptor,
            Err(Fault::Errno(NOTCAPABLE)) => return Err(denied(guest, &shown)),
            Err(fault) => return Err(fault),
        },
    };
    let first = first_file(&folders(guest));
    let number = guest.env.files.add(first, descriptor).ok_or_else(|| errno(MFILE))?;
    guest.write_u32(opened_at, number)
}

fn stat(
    guest: &mut Guest<'_>,
    folder: u32,
    lookup: u32,
    path: u32,
    size: u32,
) -> Result<Facts, Fault> {
    let Place { at, shown } = place(guest, folder, path, size)?;
    let Ok((dir, path)) = at else { return Ok(Facts::directory()) };
    let its = if lookup & FOLLOW != 0 { dir.metadata(&path) } else { dir.symlink_metadata(&path) };
    its.map(|its| Facts::of_path(&its)).map_err(|error| failed(guest, &shown, &error))
}

pub(in crate::hostcalls) fn path_filestat_get(
    guest: &mut Guest<'_>,
    folder: u32,
    lookup: u32,
    path: u32,
    size: u32,
    stat_at: u32,
) -> Answer {
    let facts = stat(guest, folder, lookup, path, size)?;
    guest.write(stat_at, &facts.preview1())
}

pub(in crate::hostcalls) fn path_filestat_get_unstable(
    guest: &mut Guest<'_>,
    folder: u32,
    lookup: u32,
    path: u32,
    size: u32,
    stat_at: u32,
) -> Answer {
    let facts = stat(guest, folder, lookup, path, size)?;
    guest.write(stat_at, &facts.unstable())
}

/// Where a symlink leads, if that is a path below its folder.
pub(in crate::hostcalls) fn path_readlink(
    guest: &mut Guest<'_>,
    folder: u32,
    path: u32,
    size: u32,
    buffer: u32,
    room: u32,
    used_at: u32,
) -> Answer {
    let Place { at, shown } = place(guest, folder, path, size)?;
    let (dir, path) = at.map_err(|_| errno(INVAL))?;
    let link = dir.read_link(&path).map_err(|error| failed(guest, &shown, &error))?;
    let link = link.into_os_string().into_string().map_err(|_| errno(ILSEQ))?;
    let bytes = &link.as_bytes()[..link.len().min(room as usize)];
    guest.write(buffer, bytes)?;
    guest.write_u32(used_at, Guest::length(bytes.len())?)
}
