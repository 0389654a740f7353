//! WASI's numbers (WebAssembly/WASI, `legacy/preview1/docs.md`, "errno").

use std::io::{Error, ErrorKind};

use crate::guest::memory::Fault;

pub(super) const ACCES: i32 = 2;
pub(super) const BADF: i32 = 8;
pub(super) const ILSEQ: i32 = 25;
pub(super) const INVAL: i32 = 28;
pub(super) const IO: i32 = 29;
pub(super) const ISDIR: i32 = 31;
pub(super) const LOOP: i32 = 32;
pub(super) const MFILE: i32 = 33;
pub(super) const NAMETOOLONG: i32 = 37;
pub(super) const NOENT: i32 = 44;
pub(super) const NOMEM: i32 = 48;
pub(super) const NOSYS: i32 = 52;
pub(super) const NOTDIR: i32 = 54;
pub(super) const NOTSUP: i32 = 58;
pub(super) const ROFS: i32 = 69;
pub(super) const SPIPE: i32 = 70;
pub(super) const NOTCAPABLE: i32 = 76;

pub(super) fn errno(number: i32) -> Fault {
    Fault::Errno(number)
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Errno(of(&error))
    }
}

/// The number of an error of the system.
pub(super) fn of(error: &Error) -> i32 {
    match error.kind() {
        ErrorKind::NotFound => NOENT,
        // cap-std has no number of the system for a path that led out of its folder.
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => NOTCAPABLE,
        ErrorKind::PermissionDenied => ACCES,
        ErrorKind::NotADirectory => NOTDIR,
        ErrorKind::IsADirectory => ISDIR,
        ErrorKind::InvalidInput => INVAL,
        ErrorKind::InvalidFilename => NAMETOOLONG,
        _ => IO,
    }
}
