//! Compiled modules on disk, so that a start does not compile again.
//!
//! An artifact is native code: a user who can write it runs code as this process. So the folder must belong to
//! us alone, links are not followed, and a file of another owner is not read.
//!
//! After the code come the SHA-256 of the module, so that a load need not compute it, and a checksum
//! that detects files that were cut off; it does not protect from malice.

use std::fmt;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use wasmer::{Engine, Module};

mod mapped;

use crate::wasm::artifact_cache::mapped::{MappedArtifact, is_sound};
use crate::wasm::digest::{Digest, ModuleId, digest, digest_hex};
use crate::wasm::engine;
use crate::wasm::engine::Tier;
use crate::wasm::fuel::METERING_VERSION;

/// Raise it when the layout of the files changes.
const FORMAT: u32 = 2;
/// Permissions of anyone but the owner.
const OTHERS: u32 = 0o077;

/// A folder of artifacts.
#[derive(Clone, Debug)]
pub(crate) struct ArtifactCache {
    folder: PathBuf,
}

/// Why an artifact was neither read nor written; the module is compiled then.
#[derive(Debug)]
pub(crate) struct CacheProblem {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for CacheProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the compiled module is not cached: {}: {}", self.path.display(), self.reason)
    }
}

impl ArtifactCache {
    /// A cache in `folder`, which is created at the first use.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The artifact of a module, loaded into `engine`, and the module's digest; nothing if there is
    /// none or it is damaged.
    ///
    /// # Errors
    /// [`CacheProblem`] when the folder or the file is not ours alone.
    pub(crate) fn fetch(
        &self,
        id: ModuleId,
        tier: Tier,
        engine: &Engine,
    ) -> Result<Option<(Module, Digest)>, CacheProblem> {
        let Some(file) = self.open(id, tier)? else { return Ok(None) };
        let artifact = MappedArtifact::of(&file, &self.folder);
        Ok(artifact.and_then(|artifact| artifact.load(engine)))
    }

    /// Whether there is an artifact that is not damaged.
    ///
    /// # Errors
    /// [`CacheProblem`] when the folder or the file is not ours alone.
    pub(crate) fn holds(&self, id: ModuleId, tier: Tier) -> Result<bool, CacheProblem> {
        let file = self.open(id, tier)?;
        // What cannot be read is damaged.
        Ok(file.is_some_and(|file| is_sound(&file).unwrap_or(false)))
    }

    /// Waits until no other process has the cache to itself; it is free again when the answer is
    /// dropped.
    ///
    /// # Errors
    /// [`CacheProblem`] when the folder is not ours alone or cannot be locked.
    pub(crate) fn alone(&self) -> Result<File, CacheProblem> {
        self.open_folder()?;
        let locked = File::open(&self.folder).and_then(|folder| folder.lock().map(|()| folder));
        locked.map_err(|error| problem(&self.folder, error))
    }

    fn open(&self, id: ModuleId, tier: Tier) -> Result<Option<File>, CacheProblem> {
        self.open_folder()?;
        let path = self.path(id, tier);
        // To open a pipe or a device in its place could block.
        let mut options = options();
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let file = match options.read(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(problem(&path, error)),
        };
        let metadata = file.metadata().map_err(|error| problem(&path, error))?;
        if !metadata.is_file() {
            return Err(problem(&path, "not a regular file"));
        }
        check_owner(&path, &metadata)?;
        Ok(Some(file))
    }

    /// Writes the artifact of the module of these `.wasm` bytes, replacing what was there in one step.
    ///
    /// # Errors
    /// [`CacheProblem`] when the folder is not ours alone or cannot be written.
    pub(crate) fn keep(
        &self,
        bytes: &[u8],
        tier: Tier,
        module: &Module,
    ) -> Result<(), CacheProblem> {
        static WRITES: AtomicU64 = AtomicU64::new(0);
        self.open_folder()?;
        let path = self.path(ModuleId::of(bytes), tier);
        let artifact = module.serialize().map_err(|error| problem(&path, error))?;
        let write = WRITES.fetch_add(1, Ordering::Relaxed);
        let draft = path.with_extension(format!("{}-{write}", std::process::id()));
        let written = write_checked(&draft, &artifact, &digest(bytes))
            .and_then(|()| fs::rename(&draft, &path));
        written.map_err(|error| {
            // The draft may be there in part; that it cannot be removed says nothing new.
            let _ = fs::remove_file(&draft);
            problem(&path, error)
        })
    }

    fn path(&self, id: ModuleId, tier: Tier) -> PathBuf {
        let (version, compiler) = (engine::ENGINE_VERSION, tier.compiler());
        let (id, target) = (id.hex(), engine::target_key());
        let key = format!(
            "{id} metering {METERING_VERSION} format {FORMAT} wasmer {version} {compiler} {target}"
        );
        self.folder.join(digest_hex(key.as_bytes())).with_extension("artifact")
    }

    fn open_folder(&self) -> Result<(), CacheProblem> {
        let folder = &self.folder;
        if fs::symlink_metadata(folder).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            let created = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            created.map_err(|error| problem(folder, error))?;
        }
        let metadata = fs::symlink_metadata(folder).map_err(|error| problem(folder, error))?;
        if !metadata.is_dir() {
            return Err(problem(folder, "not a folder (a link is not followed)"));
        }
        check_owner(folder, &metadata)
    }
}

fn problem(path: &Path, reason: impl fmt::Display) -> CacheProblem {
    CacheProblem { path: path.to_owned(), reason: reason.to_string() }
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), CacheProblem> {
    if metadata.uid() != effective_user() {
        return Err(problem(path, "belongs to another user"));
    }
    if metadata.mode() & OTHERS != 0 {
        let mode = metadata.mode() & 0o777;
        return Err(problem(path, format!("open to others (mode {mode:o}); run chmod go= on it")));
    }
    Ok(())
}

#[allow(unsafe_code, reason = "std has no way to ask for the user id")]
fn effective_user() -> u32 {
    // SAFETY: geteuid has no arguments, no preconditions and cannot fail.
    unsafe { libc::geteuid() }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags(libc::O_NOFOLLOW).mode(0o600);
    options
}

fn write_checked(path: &Path, artifact: &[u8], digest: &Digest) -> io::Result<()> {
    let mut file = options().write(true).create_new(true).open(path)?;
    file.write_all(artifact)?;
    file.write_all(digest)?;
    let mut checksum = crc32fast::Hasher::new_with_initial(crc32fast::hash(artifact));
    checksum.update(digest);
    file.write_all(&checksum.finalize().to_le_bytes())
}

#[cfg(test)]
mod tests;
