//! A module that was checked, and compiled or loaded from the cache: ready to be instantiated.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wasmer::{CompileError, Engine, FunctionType, Module, Type, WASM_PAGE_SIZE};

mod migration;

use crate::abi::dialect::Dialect;
use crate::abi::signatures;
use crate::types::limits::Limits;
use crate::types::load_error::LoadError;
use crate::wasm::artifact_cache::{ArtifactCache, CacheProblem};
use crate::wasm::engine;
use crate::wasm::engine::Tier;
use crate::wasm::fuel::RESERVED_PREFIX;
use crate::wasm::idle::Idle;
use crate::wasm::preamble;
use crate::wasm::sections::{Import, Sections};
use crate::wasm::tunables::{TABLE_ELEMENTS, TABLES, memory_pages};

use crate::wasm::digest::{Digest, ModuleId, digest_hex, hex};

/// The maximum number of parameters or results of a function type. A branch moves all of them for the
/// cost of one operator, so this bounds the ratio of time to fuel; compilers stay far below.
const WIDEST_TYPE: usize = 64;
/// Units for the parts of an instance: about nanoseconds, measured.
const UNITS_AN_IMPORT: u64 = 2_000;
const UNITS_AN_EXPORT: u64 = 200;
const UNITS_A_FUNCTION: u64 = 16;
/// A mutable global is also an export.
const UNITS_A_GLOBAL: u64 = 400;
const UNITS_AN_ELEMENT: u64 = 16;
const UNITS_A_SEGMENT: u64 = 128;
const BYTES_A_UNIT: u64 = 8;
/// As for `memory.grow`: the kernel maps and zeroes a page on first use.
const UNITS_A_PAGE: u64 = 1024;
/// The exports that can allocate guest memory for the host, in order of preference.
const ALLOCATORS: [&str; 2] = ["proxy_on_memory_allocate", "malloc"];

/// A proxy-wasm module as machine code, which optimised code may replace.
#[derive(Debug)]
pub(crate) struct CompiledModule {
    id: ModuleId,
    digest: String,
    dialect: Dialect,
    /// Fuel for making an instance, before any of its code runs.
    start_units: u64,
    /// Exported functions that do nothing, by name.
    idle: Vec<(String, Idle)>,
    cached: bool,
    cache_problem: Option<String>,
    code: Mutex<Arc<Code>>,
    /// Whether instances of the first code may switch to the code that replaced it.
    migrates: AtomicBool,
}

/// Machine code of one tier. Stores for it must be made with its engine.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) module: Module,
    pub(crate) engine: Engine,
    pub(crate) tier: Tier,
}

impl CompiledModule {
    /// Checks the module, then loads its best artifact from the cache, or compiles it in this process.
    ///
    /// # Errors
    /// The first [`LoadError`] found. Problems with the cache are not errors.
    pub(crate) fn load(
        bytes: &[u8],
        limits: &Limits,
        cache: Option<&ArtifactCache>,
    ) -> Result<Self, LoadError> {
        let facts = check(bytes, limits)?;
        let problem = match Self::cached_as(bytes, &facts, limits, cache) {
            Ok(Some(module)) => return Ok(module),
            Ok(None) => None,
            Err(problem) => Some(problem),
        };
        Self::compile(bytes, &facts, limits, cache, problem)
    }

    /// Checks the module, then loads its best artifact; `None` if the cache has none or cannot be used.
    ///
    /// # Errors
    /// The first [`LoadError`] found. Problems with the cache are not errors.
    pub(crate) fn find(
        bytes: &[u8],
        limits: &Limits,
        cache: Option<&ArtifactCache>,
    ) -> Result<Option<Self>, LoadError> {
        let facts = check(bytes, limits)?;
        Ok(Self::cached_as(bytes, &facts, limits, cache).unwrap_or_default())
    }

    /// Loads the module's code from a folder into which another process has just compiled it; such code
    /// does not count as cached.
    ///
    /// # Errors
    /// The first [`LoadError`] found.
    pub(crate) fn take(
        bytes: &[u8],
        limits: &Limits,
        folder: &ArtifactCache,
    ) -> Result<Option<Self>, LoadError> {
        let found = Self::find(bytes, limits, Some(folder))?;
        Ok(found.map(|module| Self { cached: false, ..module }))
    }

    fn cached_as(
        bytes: &[u8],
        facts: &Facts,
        limits: &Limits,
        cache: Option<&ArtifactCache>,
    ) -> Result<Option<Self>, CacheProblem> {
        let Some(cache) = cache else { return Ok(None) };
        let id = ModuleId::of(bytes);
        let found = Code::best(id, limits, cache)?;
        Ok(found.map(|(code, digest)| Self {
            cached: true,
            ..Self::new(id, hex(&digest), facts, code)
        }))
    }

    /// Compiles the module in this process, and stores it in the cache even if reading the cache failed.
    fn compile(
        bytes: &[u8],
        facts: &Facts,
        limits: &Limits,
        cache: Option<&ArtifactCache>,
        mut problem: Option<CacheProblem>,
    ) -> Result<Self, LoadError> {
        let code = Code::compile(bytes, Tier::Optimized, limits)?;
        if let Some(Err(unkept)) = cache.map(|cache| cache.keep(bytes, code.tier, &code.module)) {
            problem.get_or_insert(unkept);
        }
        let cache_problem = problem.map(|problem| problem.to_string());
        let (id, digest) = (ModuleId::of(bytes), digest_hex(bytes));
        Ok(Self { cache_problem, ..Self::new(id, digest, facts, code) })
    }

    fn new(id: ModuleId, digest: String, facts: &Facts, code: Code) -> Self {
        let Facts { dialect, start_units, ref idle } = *facts;
        let code = Mutex::new(Arc::new(code));
        let (cached, cache_problem) = (false, None);
        let migrates = AtomicBool::new(false);
        let idle = idle.clone();
        Self { id, digest, dialect, start_units, idle, cached, cache_problem, code, migrates }
    }

    /// Replaces fast code by optimised code from the cache; returns whether it did. New instances run the
    /// new code; existing ones migrate, if the module allows it ([`migration`]).
    pub(crate) fn upgrade(&self, bytes: &[u8], limits: &Limits, cache: &ArtifactCache) -> bool {
        if self.tier() == Tier::Optimized || !self.is(bytes) {
            return false;
        }
        let Ok(Some((code, _))) = Code::fetch(self.id, Tier::Optimized, limits, cache) else {
            return false;
        };
        let migrates = migration::can_migrate(bytes);
        *self.code.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(code);
        self.migrates.store(migrates, Ordering::Release);
        true
    }

    /// Whether the module was made from these `.wasm` bytes.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        self.id == ModuleId::of(bytes)
    }

    /// The code for new instances.
    pub(crate) fn code(&self) -> Arc<Code> {
        Arc::clone(&self.code.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether instances of fast code switch to optimised code.
    pub(crate) fn can_migrate(&self) -> bool {
        self.migrates.load(Ordering::Acquire)
    }

    pub(crate) fn tier(&self) -> Tier {
        self.code().tier
    }

    /// SHA-256 of the `.wasm` bytes, in hex.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Units of fuel that making an instance costs.
    pub(crate) fn start_units(&self) -> u64 {
        self.start_units
    }

    /// The result of the exported function of this name, if it does nothing else.
    pub(crate) fn idle(&self, name: &str) -> Option<Idle> {
        self.idle.iter().find(|(known, _)| known == name).map(|(_, idle)| *idle)
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether the machine code came from the cache.
    pub(crate) fn cached(&self) -> bool {
        self.cached
    }

    /// Why the cache could not be used, for a log line; a cache miss is not a problem.
    pub(crate) fn cache_problem(&self) -> Option<&str> {
        self.cache_problem.as_deref()
    }
}

impl Code {
    pub(crate) fn compile(bytes: &[u8], tier: Tier, limits: &Limits) -> Result<Self, LoadError> {
        let engine = engine::compiling(tier, limits);
        let module = Module::new(&engine, bytes).map_err(compile_error)?;
        Ok(Self { module, engine, tier })
    }

    /// Fetches the best artifact of a module, and its digest.
    fn best(
        id: ModuleId,
        limits: &Limits,
        cache: &ArtifactCache,
    ) -> Result<Option<(Self, Digest)>, CacheProblem> {
        match Self::fetch(id, Tier::Optimized, limits, cache)? {
            Some(found) => Ok(Some(found)),
            None => Self::fetch(id, Tier::Fast, limits, cache),
        }
    }

    fn fetch(
        id: ModuleId,
        tier: Tier,
        limits: &Limits,
        cache: &ArtifactCache,
    ) -> Result<Option<(Self, Digest)>, CacheProblem> {
        let engine = engine::loading(limits);
        let found = cache.fetch(id, tier, &engine)?;
        Ok(found.map(|(module, digest)| (Self { module, engine, tier }, digest)))
    }
}

/// Properties of a module that its sections tell.
pub(crate) struct Facts {
    dialect: Dialect,
    start_units: u64,
    idle: Vec<(String, Idle)>,
}

pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<Facts, LoadError> {
    preamble::check(bytes)?;
    let sections = Sections::read(bytes)?;
    let (dialect, start_units) = (check_sections(&sections, limits)?, start_units(&sections));
    let idle = sections.exports.into_iter().filter_map(|export| Some((export.name, export.idle?)));
    Ok(Facts { dialect, start_units, idle: idle.collect() })
}

fn start_units(sections: &Sections) -> u64 {
    let pages: u64 = sections.memories.iter().map(|(least, _)| least).sum();
    let elements = sections.elements.saturating_add(sections.tables.iter().sum());
    let parts = [
        (sections.imports.len() as u64, UNITS_AN_IMPORT),
        (sections.exports.len() as u64, UNITS_AN_EXPORT),
        (sections.functions, UNITS_A_FUNCTION),
        (sections.globals, UNITS_A_GLOBAL),
        (elements, UNITS_AN_ELEMENT),
        (sections.data_segments, UNITS_A_SEGMENT),
        (pages, UNITS_A_PAGE),
    ];
    let units = parts.iter().map(|(count, units)| count.saturating_mul(*units));
    units.fold(sections.data_bytes / BYTES_A_UNIT, u64::saturating_add)
}

/// Checks everything that does not depend on the code.
pub(crate) fn check_sections(sections: &Sections, limits: &Limits) -> Result<Dialect, LoadError> {
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

/// An unknown function traps when it is called, and not earlier: guests have imports of their SDK that
/// they never call.
fn check_import(import: &Import) -> Result<(), LoadError> {
    let (module, name) = (import.module.clone(), import.name.clone());
    if import.kind != "function" {
        return Err(LoadError::UnknownImport { module, name, kind: import.kind });
    }
    let Some(known) = signatures::find(&module, &name) else { return Ok(()) };
    match &import.function {
        Some(ty) if known.matches(ty) => Ok(()),
        other => {
            let found = other.as_ref().map_or_else(
                || "a type of another WebAssembly proposal".to_owned(),
                |ty| signatures::signature(ty.params(), ty.results()),
            );
            Err(LoadError::ImportSignature { module, name, expected: known.signature(), found })
        }
    }
}

fn check_bounds(sections: &Sections, limits: &Limits) -> Result<(), LoadError> {
    let pages: u64 = sections.memories.iter().map(|(least, _)| least).sum();
    if pages > u64::from(memory_pages(limits)) {
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
