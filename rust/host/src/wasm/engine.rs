//! Engines: how modules are compiled, and how artifacts are loaded.

use std::sync::Arc;

use wasmer::Engine;
#[cfg(feature = "singlepass")]
use wasmer::sys::Singlepass;
use wasmer::sys::{
    CompilerConfig, Cranelift, CraneliftOptLevel, EngineBuilder, Features, NativeEngineExt, Target,
};

use crate::types::limits::Limits;
use crate::wasm::fuel::Metering;
use crate::wasm::tunables::BoundedTunables;

/// The version of the crate `wasmer` that writes and reads artifacts; a test compares it with
/// the lock file.
pub(crate) const ENGINE_VERSION: &str = "7.4.2";

/// The tier of compiled code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// For a fast swap: compiled without optimisations, or by singlepass
    /// where that feature is on.
    Fast,
    /// Optimised code.
    Optimized,
}

impl Tier {
    /// Its name, in messages and in the keys of artifacts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Optimized => "optimized",
        }
    }

    /// The tier of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Fast, Self::Optimized].into_iter().find(|tier| tier.name() == name)
    }

    pub(crate) fn compiler(self) -> &'static str {
        match self {
            Self::Fast if cfg!(feature = "singlepass") => "singlepass",
            Self::Fast => "cranelift none",
            Self::Optimized => "cranelift",
        }
    }
}

/// An engine that compiles one module.
pub(crate) fn compiling(tier: Tier, limits: &Limits) -> Engine {
    match tier {
        Tier::Fast => fast(limits),
        Tier::Optimized => cranelift(CraneliftOptLevel::Speed, limits),
    }
}

#[cfg(feature = "singlepass")]
fn fast(limits: &Limits) -> Engine {
    let mut features = features();
    features.simd(false);
    let mut compiler = Singlepass::new();
    compiler.push_middleware(Arc::new(Metering::default()));
    bounded(EngineBuilder::new(compiler).set_features(Some(features)), limits)
}

#[cfg(not(feature = "singlepass"))]
fn fast(limits: &Limits) -> Engine {
    cranelift(CraneliftOptLevel::None, limits)
}

fn cranelift(level: CraneliftOptLevel, limits: &Limits) -> Engine {
    let mut compiler = Cranelift::new();
    compiler.opt_level(level);
    compiler.push_middleware(Arc::new(Metering::default()));
    bounded(EngineBuilder::new(compiler).set_features(Some(features())), limits)
}

/// An engine without a compiler, for artifacts.
pub(crate) fn loading(limits: &Limits) -> Engine {
    bounded(EngineBuilder::headless(), limits)
}

fn bounded(builder: EngineBuilder, limits: &Limits) -> Engine {
    let mut engine = Engine::from(builder);
    engine.set_tunables(BoundedTunables::new(limits));
    engine
}

/// The processor that code is made for, as one line of text.
pub(crate) fn target_key() -> String {
    let target = Target::default();
    format!("{} {:?}", target.triple(), target.cpu_features())
}

/// What WebAssembly modules may use: what compilers emit for `wasm32` today. Mutable globals,
/// sign extension and saturating conversions are always on.
fn features() -> Features {
    let mut features = Features::none();
    features
        .bulk_memory(true)
        .reference_types(true)
        .multi_value(true)
        .simd(true)
        .extended_const(true);
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_version_is_the_locked_one() {
        let lock = include_str!("../../../Cargo.lock");
        let entry = format!("name = \"wasmer\"\nversion = \"{ENGINE_VERSION}\"\n");
        assert!(lock.contains(&entry), "ENGINE_VERSION is not the wasmer of Cargo.lock");
    }
}
