//! An artifact as a mapping of its file.
//!
//! The engine copies the code out of an artifact once and keeps the rest for as long as the module
//! lives, for the traces of traps. Mapped, that rest costs no memory until a trap looks at it, and
//! all processes share it.

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Mmap, UncheckedAdvice};
use wasmer::{Engine, Module};

use crate::module::Digest;

const CHECKSUM_LENGTH: usize = size_of::<u32>();

/// A whole artifact: its checksum is right.
pub(super) struct MappedArtifact {
    pages: Arc<Mmap>,
}

/// The part of the pages before digest and checksum.
struct Code(Arc<Mmap>);

impl AsRef<[u8]> for Code {
    fn as_ref(&self) -> &[u8] {
        split(&self.0).map_or(&[], |(code, _)| code)
    }
}

impl MappedArtifact {
    /// The artifact in a file, unless it is damaged.
    #[allow(unsafe_code, reason = "nobody can promise to the compiler that a file stays as it is")]
    pub(super) fn of(file: &File) -> Option<Self> {
        // SAFETY: the file is ours alone, and we never write to one that has its final name: it is
        // replaced by renaming, which leaves this mapping with the old one.
        let pages = Arc::new(unsafe { Mmap::map(file) }.ok()?);
        let (content, checksum) = pages.split_last_chunk::<CHECKSUM_LENGTH>()?;
        let sound = u32::from_le_bytes(*checksum) == crc32fast::hash(content);
        sound.then_some(Self { pages })
    }

    /// The module, in machine code of `engine`, and its digest.
    pub(super) fn load(self, engine: &Engine) -> Option<(Module, Digest)> {
        let (_, &digest) = split(&self.pages)?;
        let code = Bytes::from_owner(Code(Arc::clone(&self.pages)));
        let module = deserialize(engine, code);
        self.forget_pages();
        module.map(|module| (module, digest))
    }

    /// Gives the memory of the pages back; who looks at them again reads them from the file.
    #[allow(unsafe_code, reason = "the advice is unsafe where pages are changed in memory only")]
    fn forget_pages(&self) {
        // SAFETY: a read-only mapping of a file has nothing that the file has not.
        let advised = unsafe { self.pages.unchecked_advise(UncheckedAdvice::DontNeed) };
        // An advice that is not taken costs memory only.
        let _ = advised;
    }
}

fn split(pages: &[u8]) -> Option<(&[u8], &Digest)> {
    let (content, _) = pages.split_last_chunk::<CHECKSUM_LENGTH>()?;
    content.split_last_chunk()
}

#[allow(unsafe_code, reason = "an artifact is native code, which no type can vouch for")]
fn deserialize(engine: &Engine, artifact: Bytes) -> Option<Module> {
    // SAFETY: the file was written by this user with this version of the engine for this
    // processor (the key says so), nobody else can write to it or its folder, and it is whole.
    unsafe { Module::deserialize(engine, artifact) }.ok()
}
