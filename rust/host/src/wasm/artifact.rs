//! Modules compiled ahead, for another process.

use std::path::PathBuf;

use crate::types::limits::Limits;
use crate::types::load_error::LoadError;
use crate::wasm::artifact_cache::{ArtifactCache, CacheProblem};
use crate::wasm::digest::ModuleId;
use crate::wasm::engine::Tier;
use crate::wasm::module::{Code, check};

/// Why a module was not written to the cache.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The module cannot run here.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The folder cannot be used.
    #[error("{0}")]
    Cache(String),
}

impl From<CacheProblem> for ArtifactError {
    fn from(problem: CacheProblem) -> Self {
        Self::Cache(problem.to_string())
    }
}

/// Compiles a module into the cache in `folder`, so that another process can load it. A module that
/// the fast tier cannot compile is optimised at once. Of all processes one optimises at a time, and
/// what another has done is not done again.
///
/// # Errors
/// [`ArtifactError`]. How much memory the module may have is asked when it is loaded.
pub fn compile_artifact(bytes: &[u8], folder: PathBuf, tier: Tier) -> Result<Tier, ArtifactError> {
    let limits = Limits { memory: u64::MAX, ..Limits::default() };
    check(bytes, &limits)?;
    let cache = ArtifactCache::new(folder);
    if tier == Tier::Fast
        && let Ok(code) = Code::compile(bytes, tier, &limits)
    {
        cache.keep(bytes, tier, &code.module)?;
        return Ok(tier);
    }
    let _alone = cache.alone()?;
    if !cache.holds(ModuleId::of(bytes), Tier::Optimized)? {
        let code = Code::compile(bytes, Tier::Optimized, &limits)?;
        cache.keep(bytes, Tier::Optimized, &code.module)?;
    }
    Ok(Tier::Optimized)
}
