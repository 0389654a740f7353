//! A module checked, compiled or taken from the cache, and ready to be instantiated.

use std::fmt::Write;

use aws_lc_rs::digest;
use wasmer::{CompileError, Engine, FunctionType, Module, Type, WASM_PAGE_SIZE};

use crate::artifact_cache::ArtifactCache;
pub(crate) use crate::dialect::Dialect;
use crate::fuel::{METERING_VERSION, RESERVED_PREFIX};
use crate::limits::{Limits, TABLE_ELEMENTS, TABLES};
pub use crate::load_error::LoadError;
use crate::sections::{Import, Sections};
use crate::{engine, imports, magic};

/// Parameters or results of one function type. A branch moves them all for the price of one
/// operator, so this bounds how far fuel can be from time; compilers stay far below.
const WIDEST_TYPE: usize = 64;
/// The exports that allocate guest memory for the host, preferred one first.
const ALLOCATORS: [&str; 2] = ["proxy_on_memory_allocate", "malloc"];

/// A proxy-wasm module in machine code. Stores for it must be made with its engine.
#[derive(Clone, Debug)]
pub(crate) struct CompiledModule {
    module: Module,
    engine: Engine,
    digest: String,
    dialect: Dialect,
    cached: bool,
    cache_problem: Option<String>,
}

impl CompiledModule {
    /// Checks the module, then loads its artifact from the cache or compiles it.
    ///
    /// # Errors
    /// The first [`LoadError`] found. Problems of the cache are no errors.
    pub(crate) fn load(
        bytes: &[u8],
        limits: &Limits,
        cache: Option<&ArtifactCache>,
    ) -> Result<Self, LoadError> {
        magic::check(bytes)?;
        let sections = Sections::read(bytes)?;
        let dialect = check(&sections, limits)?;
        let digest = digest_hex(bytes);
        let key = format!("{digest} metering {METERING_VERSION}");
        let mut cache_problem = None;
        if let Some(cache) = cache {
            let engine = engine::loading(limits);
            match cache.fetch(&key, &engine) {
                Ok(Some(module)) => {
                    let cached = true;
                    return Ok(Self { module, engine, digest, dialect, cached, cache_problem });
                }
                Ok(None) => {}
                Err(problem) => cache_problem = Some(problem.to_string()),
            }
        }

        let engine = engine::compiling(limits);
        let module = Module::new(&engine, bytes).map_err(compile_error)?;
        if let Some(Err(problem)) = cache.map(|cache| cache.keep(&key, &module)) {
            cache_problem.get_or_insert(problem.to_string());
        }
        Ok(Self { module, engine, digest, dialect, cached: false, cache_problem })
    }

    pub(crate) fn module(&self) -> &Module {
        &self.module
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// SHA-256 of the `.wasm` bytes, in hex.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the machine code came from the cache.
    pub(crate) fn cached(&self) -> bool {
        self.cached
    }

    /// Why the cache could not be used, for a log line; a plain miss is no problem.
    pub(crate) fn cache_problem(&self) -> Option<&str> {
        self.cache_problem.as_deref()
    }
}

/// SHA-256 in hex.
pub(crate) fn digest_hex(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn check(sections: &Sections, limits: &Limits) -> Result<Dialect, LoadError> {
    let dialect = Dialect::of_exports(sections.exports.iter().map(|export| &*export.name))?;
    if let Some(export) = sections.exports.iter().find(|e| e.name.starts_with(RESERVED_PREFIX)) {
        return Err(LoadError::ReservedExport { name: export.name.clone() });
    }
    if !sections.exports_memory("memory") {
        return Err(LoadError::MissingExport { what: "its memory as \"memory\"" });
    }
    let allocates = FunctionType::new([Type::I32], [Type::I32]);
    if !ALLOCATORS.iter().any(|name| sections.exported_function(name) == Some(&allocates)) {
        return Err(LoadError::MissingExport {
            what: "proxy_on_memory_allocate or malloc as (i32) -> i32",
        });
    }
    sections.imports.iter().try_for_each(check_import)?;
    check_bounds(sections, limits)?;
    Ok(dialect)
}

fn check_import(import: &Import) -> Result<(), LoadError> {
    let known = imports::find(&import.module, &import.name).filter(|_| import.kind == "function");
    let (module, name) = (import.module.clone(), import.name.clone());
    let Some(known) = known else {
        return Err(LoadError::UnknownImport { module, name, kind: import.kind });
    };
    match &import.function {
        Some(ty) if known.matches(ty) => Ok(()),
        other => {
            let found = other.as_ref().map_or_else(
                || "a type of another WebAssembly proposal".to_owned(),
                |ty| imports::signature(ty.params(), ty.results()),
            );
            Err(LoadError::ImportSignature { module, name, expected: known.signature(), found })
        }
    }
}

fn check_bounds(sections: &Sections, limits: &Limits) -> Result<(), LoadError> {
    let pages: u64 = sections.memories.iter().map(|(least, _)| least).sum();
    if pages > u64::from(limits.memory_pages()) {
        let needed = pages.saturating_mul(WASM_PAGE_SIZE as u64);
        return Err(LoadError::MemoryLimit { needed, limit: limits.memory });
    }
    let bound = |what, found: u64, allowed: u64| {
        if found > allowed { Err(LoadError::Bound { what, found, allowed }) } else { Ok(()) }
    };
    bound("tables", sections.tables.len() as u64, TABLES as u64)?;
    let largest = sections.tables.iter().copied().max().unwrap_or(0);
    bound("elements in a table", largest, TABLE_ELEMENTS.into())?;
    let widest = sections.widest_type as u64;
    bound("parameters or results in one function type", widest, WIDEST_TYPE as u64)
}

fn compile_error(error: CompileError) -> LoadError {
    match error {
        CompileError::Validate(reason) => LoadError::Invalid(reason),
        error => LoadError::Compile(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
