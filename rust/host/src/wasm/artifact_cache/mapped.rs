//! An artifact as a mapping of a private copy.
//!
//! The engine copies the code out of an artifact once and keeps the rest for as long as the module
//! lives, for the traces of traps. A mapping of the file itself would end the process with SIGBUS at
//! the first trap if the file had been truncated, and would show the engine unchecked bytes if it had
//! been overwritten. So the bytes are copied first: into an unnamed file in the folder of the
//! artifact, whose pages cost no memory until a trap reads them, or into memory if the file system
//! does not support unnamed files or is full.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Mmap, MmapMut, UncheckedAdvice};
use wasmer::{Engine, Module};

use crate::wasm::digest::Digest;

const CHECKSUM_LENGTH: usize = size_of::<u32>();
/// Bytes of a longer file are not looked at: the artifact of the largest module that was tried has
/// 45 MB.
const LONGEST: u64 = 1 << 30;
const CHUNK: usize = 64 << 10;

/// A whole artifact: its checksum is right.
pub(super) struct MappedArtifact {
    pages: Arc<Pages>,
}

enum Pages {
    /// Of a file that has no name and that no descriptor is open for.
    OfFile(Mmap),
    InMemory(Mmap),
}

/// The part of the pages before digest and checksum.
struct Code(Arc<Pages>);

impl AsRef<[u8]> for Code {
    fn as_ref(&self) -> &[u8] {
        split(self.0.bytes()).map_or(&[], |(code, _)| code)
    }
}

impl Pages {
    fn copied(file: &File, folder: &Path) -> io::Result<Self> {
        let length = file.metadata()?.len();
        if length > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        into_file(file, folder, length).or_else(|_| into_memory(file, length))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::OfFile(pages) | Self::InMemory(pages) => pages,
        }
    }

    /// Gives the memory of a file's pages back; the next access reads them from the file again.
    #[allow(unsafe_code, reason = "the advice is unsafe where pages are changed in memory only")]
    fn forget(&self) {
        if let Self::OfFile(pages) = self {
            // SAFETY: a read-only mapping of a file has nothing that the file has not.
            let advised = unsafe { pages.unchecked_advise(UncheckedAdvice::DontNeed) };
            // An advice that is not taken costs memory only.
            let _ = advised;
        }
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "the compiler cannot know that a file stays as it is")]
fn into_file(file: &File, folder: &Path, length: u64) -> io::Result<Pages> {
    let mut nameless = OpenOptions::new();
    nameless.read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE);
    let mut copy = nameless.open(folder)?;
    // Copied within the kernel; some file systems let both files have the same blocks.
    if io::copy(&mut file.take(length), &mut copy)? != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    // SAFETY: the file has no name, and its only descriptor is closed at the end of this function.
    unsafe { Mmap::map(&copy) }.map(Pages::OfFile)
}

#[cfg(not(target_os = "linux"))]
fn into_file(_file: &File, _folder: &Path, _length: u64) -> io::Result<Pages> {
    Err(io::ErrorKind::Unsupported.into())
}

fn into_memory(mut file: &File, length: u64) -> io::Result<Pages> {
    // A copy into a file may have come to a part of it.
    io::Seek::rewind(&mut file)?;
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut copy = MmapMut::map_anon(length)?;
    file.read_exact(&mut copy)?;
    copy.make_read_only().map(Pages::InMemory)
}

impl MappedArtifact {
    /// The artifact in a file of the folder, unless it is damaged.
    pub(super) fn of(file: &File, folder: &Path) -> Option<Self> {
        let pages = Pages::copied(file, folder).ok()?;
        let (content, checksum) = pages.bytes().split_last_chunk::<CHECKSUM_LENGTH>()?;
        let sound = u32::from_le_bytes(*checksum) == crc32fast::hash(content);
        sound.then(|| Self { pages: Arc::new(pages) })
    }

    /// The module, in machine code of `engine`, and its digest.
    pub(super) fn load(self, engine: &Engine) -> Option<(Module, Digest)> {
        let (_, &digest) = split(self.pages.bytes())?;
        let code = Bytes::from_owner(Code(Arc::clone(&self.pages)));
        let module = deserialize(engine, code);
        self.pages.forget();
        module.map(|module| (module, digest))
    }
}

/// Whether the file is a whole artifact.
pub(super) fn is_sound(mut file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let Some(content) = length.checked_sub(CHECKSUM_LENGTH as u64) else { return Ok(false) };
    if length > LONGEST {
        return Ok(false);
    }
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    let mut rest = file.take(content);
    loop {
        match rest.read(&mut chunk)? {
            0 => break,
            read => hasher.update(&chunk[..read]),
        }
    }
    let mut checksum = [0; CHECKSUM_LENGTH];
    file.read_exact(&mut checksum)?;
    Ok(u32::from_le_bytes(checksum) == hasher.finalize())
}

fn split(pages: &[u8]) -> Option<(&[u8], &Digest)> {
    let (content, _) = pages.split_last_chunk::<CHECKSUM_LENGTH>()?;
    content.split_last_chunk()
}

#[allow(unsafe_code, reason = "an artifact is native code, which no type can vouch for")]
fn deserialize(engine: &Engine, artifact: Bytes) -> Option<Module> {
    // SAFETY: the file was written by this user with this version of the engine for this
    // processor (the key says so), no other user can write to it or its folder, and it is whole.
    unsafe { Module::deserialize(engine, artifact) }.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        io::Seek::rewind(&mut file).unwrap();
        file
    }

    #[test]
    fn a_copy_stays_as_it_is_whatever_becomes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for folder in [folder.path(), Path::new("/proc")] {
            let original = file(b"0123456789");
            let copy = Pages::copied(&original, folder).unwrap();
            original.set_len(0).unwrap();
            assert_eq!(copy.bytes(), b"0123456789", "{}", folder.display());
            copy.forget();
            assert_eq!(copy.bytes(), b"0123456789", "{}", folder.display());
        }
    }

    #[test]
    fn where_no_file_can_be_the_copy_is_in_memory() {
        let copy = Pages::copied(&file(b"0123456789"), Path::new("/proc")).unwrap();
        assert!(matches!(copy, Pages::InMemory(_)));
    }

    #[test]
    fn a_file_of_absurd_length_is_not_looked_at() {
        let sparse = file(b"");
        sparse.set_len(LONGEST + 1).unwrap();
        assert!(Pages::copied(&sparse, Path::new("/proc")).is_err());
        assert!(!is_sound(&sparse).unwrap());
    }
}
