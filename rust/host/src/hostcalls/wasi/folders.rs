//! The folders that a guest finds, and what is in them.

use std::sync::Arc;

use crate::context::descriptors::{Descriptor, Entry, listing};
use crate::guest::memory::{Answer, Fault, Guest};
use crate::hostcalls::wasi::errno::{BADF, NAMETOOLONG, NOMEM, NOTDIR, errno};
use crate::hostcalls::wasi::files::{CALL, FIRST, Open, REGULAR, folders, open};

/// What an entry of a listing costs.
const ENTRY: u64 = 512;

/// The folders of the capability; past the last one `BADF`, which ends a guest's search for them.
pub(in crate::hostcalls) fn fd_prestat_get(
    guest: &mut Guest<'_>,
    descriptor: u32,
    prestat_at: u32,
) -> Answer {
    let name = name(guest, descriptor)?;
    guest.write_u32(prestat_at, 0)?;
    guest.write_u32(prestat_at.wrapping_add(4), Guest::length(name.len())?)
}

pub(in crate::hostcalls) fn fd_prestat_dir_name(
    guest: &mut Guest<'_>,
    descriptor: u32,
    path: u32,
    size: u32,
) -> Answer {
    let name = name(guest, descriptor)?;
    if name.len() > size as usize {
        return Err(errno(NAMETOOLONG));
    }
    guest.write(path, name.as_bytes())
}

fn name(guest: &mut Guest<'_>, descriptor: u32) -> Result<String, Fault> {
    let position = descriptor.checked_sub(FIRST).ok_or_else(|| errno(BADF))?;
    let folders = &guest.env.core.spec.capabilities.read;
    let folder = folders.get(position as usize).ok_or_else(|| errno(BADF))?;
    Ok(folder.name.clone())
}

/// A listing continues with the entries of its start; a new listing reads the folder again.
pub(in crate::hostcalls) fn fd_readdir(
    guest: &mut Guest<'_>,
    descriptor: u32,
    buffer: u32,
    size: u32,
    cookie: u64,
    used_at: u32,
) -> Answer {
    guest.check(used_at, 4)?;
    guest.check(buffer, size)?;
    let listed = entries(guest, descriptor, cookie == 0)?;
    let from = usize::try_from(cookie).unwrap_or(usize::MAX);
    let mut bytes = Vec::new();
    for (position, entry) in listed.iter().enumerate().skip(from) {
        bytes.extend_from_slice(&(position as u64 + 1).to_le_bytes());
        bytes.extend_from_slice(&(position as u64 + 1).to_le_bytes());
        bytes.extend_from_slice(&Guest::length(entry.name.len())?.to_le_bytes());
        bytes.extend_from_slice(&u32::from(entry.kind).to_le_bytes());
        bytes.extend_from_slice(entry.name.as_bytes());
        if bytes.len() >= size as usize {
            bytes.truncate(size as usize);
            break;
        }
    }
    guest.charge_bytes(bytes.len())?;
    guest.write(buffer, &bytes)?;
    guest.write_u32(used_at, Guest::length(bytes.len())?)
}

fn entries(guest: &mut Guest<'_>, descriptor: u32, anew: bool) -> Result<Arc<[Entry]>, Fault> {
    guest.charge(CALL)?;
    let dir = match open(guest, descriptor) {
        Open::Nothing => return Err(errno(BADF)),
        Open::Standard | Open::File(_) => return Err(errno(NOTDIR)),
        Open::Directory(dir) => dir,
        Open::Folder(position) => {
            let folders = folders(guest);
            let folder = folders.get(position).ok_or_else(|| errno(BADF))?;
            match folder.content() {
                Ok(dir) => Arc::clone(dir),
                Err(names) => {
                    let entry = |name: &str| Entry { name: name.to_owned(), kind: REGULAR };
                    return Ok(names.into_iter().map(entry).collect());
                }
            }
        }
    };
    if let Some(Descriptor::Directory { entries, .. }) = guest.env.files.get(descriptor)
        && !anew
    {
        return Ok(Arc::clone(entries));
    }
    let fresh = listing(&dir, || guest.charge(ENTRY))?;
    if !guest.env.files.keep_listing(descriptor, &fresh) {
        return Err(errno(NOMEM));
    }
    Ok(fresh)
}
