//! A module that is ready to be started.

use std::path::Path;
use std::sync::Arc;

use crate::host::Host;
use crate::types::limits::Limits;
use crate::types::load_error::LoadError;
use crate::wasm::artifact_cache::ArtifactCache;
use crate::wasm::module::CompiledModule;

/// A checked and compiled module. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct LoadedModule {
    pub(crate) compiled: Arc<CompiledModule>,
    memory: u64,
}

impl LoadedModule {
    /// Takes the module of these `.wasm` bytes from the host's cache, or compiles it here. Of the
    /// limits only `memory` is used.
    ///
    /// # Errors
    /// [`LoadError`] for a module that cannot run here.
    pub fn load(host: &Host, bytes: &[u8], limits: &Limits) -> Result<Self, LoadError> {
        let compiled = CompiledModule::load(bytes, limits, host.services().artifacts())?;
        Ok(Self::of(compiled, limits))
    }

    /// The same, and `None` when the module is not in the cache, or the cache cannot be used:
    /// [`compile_artifact`] can put it there, or into another folder, in another process.
    ///
    /// # Errors
    /// [`LoadError`] for a module that cannot run here.
    ///
    /// [`compile_artifact`]: crate::compile_artifact
    pub fn find(host: &Host, bytes: &[u8], limits: &Limits) -> Result<Option<Self>, LoadError> {
        let found = CompiledModule::find(bytes, limits, host.services().artifacts())?;
        Ok(found.map(|compiled| Self::of(compiled, limits)))
    }

    /// Takes the module's code from a folder that [`compile_artifact`] has put it into for this time
    /// alone; `None` if it is not there.
    ///
    /// # Errors
    /// [`LoadError`] for a module that cannot run here.
    ///
    /// [`compile_artifact`]: crate::compile_artifact
    pub fn take(folder: &Path, bytes: &[u8], limits: &Limits) -> Result<Option<Self>, LoadError> {
        let folder = ArtifactCache::new(folder.to_owned());
        let found = CompiledModule::take(bytes, limits, &folder)?;
        Ok(found.map(|compiled| Self::of(compiled, limits)))
    }

    /// The memory limit of its instances, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory
    }

    fn of(compiled: CompiledModule, limits: &Limits) -> Self {
        Self { compiled: Arc::new(compiled), memory: limits.memory }
    }
}
