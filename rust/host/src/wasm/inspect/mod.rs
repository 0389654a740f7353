//! Inspects a module without compiling it.

use crate::abi::dialect::Dialect;
use crate::abi::signatures;
use crate::types::capability::Capability;
use crate::types::limits::Limits;
use crate::types::load_error::LoadError;
use crate::wasm::digest::digest_hex;
use crate::wasm::module::check_sections;
use crate::wasm::preamble as magic;
use crate::wasm::sections::Sections;
use wasmer::sys::wasmparser::ExternalKind;

/// The result of an inspection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Bytes of the file.
    pub size: usize,
    /// SHA-256 in hex.
    pub digest: String,
    /// The version of the ABI, like `0.2.1`, if it is one of this host's.
    pub abi: Option<&'static str>,
    /// Why it cannot be loaded, as far as can be seen without its code and the policy's limits.
    pub problem: Option<LoadError>,
    /// How it is started: `_initialize`, `_start`, `start section`, or nothing.
    pub start: Option<&'static str>,
    /// Exported functions that begin with `proxy_on_`.
    pub callbacks: Vec<String>,
    /// Imports in the order of the module, each once.
    pub imports: Vec<InspectedImport>,
    /// The kinds of capability that it can ask for, and the imports with which it would. A module
    /// without an entry for a kind cannot use it; one with an entry may never do.
    pub asks: Vec<(Capability, Vec<&'static str>)>,
    /// Bytes of memory at the start and at most (none: up to the limit of the policy).
    pub memory: Option<(u64, Option<u64>)>,
    /// Names of the custom sections.
    pub custom_sections: Vec<String>,
    /// Field (`language`, `processed-by`, `sdk`), name and version.
    pub producers: Vec<(String, String, String)>,
    /// WebAssembly features that the compiler used, like `+bulk-memory`, if it noted them.
    pub target_features: Vec<String>,
}

/// One import of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedImport {
    /// Mostly `env` or `wasi_snapshot_preview1`.
    pub module: String,
    /// The function's name.
    pub name: String,
    /// function, memory, table, global or tag.
    pub kind: &'static str,
    /// Whether this host provides it, with this type. A function that is unknown stops the guest
    /// when it calls it; everything else that is unknown keeps the module from loading.
    pub known: bool,
}

/// Reads a module's sections, also of one that could not be loaded.
///
/// # Errors
/// [`LoadError::NotWasm`] and [`LoadError::Invalid`].
pub fn inspect(bytes: &[u8]) -> Result<Inspection, LoadError> {
    magic::check(bytes)?;
    let sections = Sections::read(bytes)?;
    let names = || sections.exports.iter().map(|export| export.name.as_str());
    let page = wasmer::WASM_PAGE_SIZE as u64;
    let memory = sections.memories.first();
    let limits = Limits { memory: u64::MAX, ..Limits::default() };
    Ok(Inspection {
        size: bytes.len(),
        digest: digest_hex(bytes),
        abi: Dialect::of_exports(names()).ok().map(Dialect::version),
        problem: check_sections(&sections, &limits).err(),
        start: start(&sections),
        callbacks: names()
            .zip(&sections.exports)
            .filter(|(name, export)| {
                export.kind == ExternalKind::Func && name.starts_with("proxy_on_")
            })
            .map(|(name, _)| name.to_owned())
            .collect(),
        imports: inspected_imports(&sections),
        asks: asks(&sections),
        memory: memory.map(|&(least, most)| {
            (least.saturating_mul(page), most.map(|most| most.saturating_mul(page)))
        }),
        custom_sections: sections.custom,
        producers: sections.producers,
        target_features: sections.target_features,
    })
}

/// The order in which the host looks for a start function; a start section runs before any.
fn start(sections: &Sections) -> Option<&'static str> {
    if sections.start {
        return Some("start section");
    }
    ["_initialize", "_start"].into_iter().find(|name| sections.exported_function(name).is_some())
}

/// The functions that reach outside, by the capability that opens them.
const REACHES: [(Capability, &[&str]); 6] = [
    (
        Capability::Net,
        &["proxy_http_call", "proxy_grpc_call", "proxy_grpc_stream", "proxy_redis_init"],
    ),
    (Capability::Env, &["environ_get"]),
    (Capability::Read, &["path_open", "path_filestat_get", "path_readlink", "fd_readdir"]),
    (Capability::ForeignFunctions, &["proxy_call_foreign_function"]),
    (Capability::Metrics, &["proxy_define_metric"]),
    (Capability::SharedData, &["proxy_resolve_shared_queue"]),
];

fn asks(sections: &Sections) -> Vec<(Capability, Vec<&'static str>)> {
    let imported = |name: &&str| {
        let import = sections.imports.iter().find(|import| import.name == **name);
        import.is_some_and(|import| signatures::find(&import.module, name).is_some())
    };
    let asked = REACHES.iter().map(|&(capability, functions)| {
        (capability, functions.iter().copied().filter(|name| imported(name)).collect())
    });
    asked.filter(|(_, functions): &(_, Vec<_>)| !functions.is_empty()).collect()
}

fn inspected_imports(sections: &Sections) -> Vec<InspectedImport> {
    let mut inspected: Vec<InspectedImport> = Vec::new();
    for import in &sections.imports {
        let function = signatures::find(&import.module, &import.name);
        let known = function
            .zip(import.function.as_ref())
            .is_some_and(|(function, ty)| function.matches(ty));
        let entry = InspectedImport {
            module: import.module.clone(),
            name: import.name.clone(),
            kind: import.kind,
            known,
        };
        if !inspected.contains(&entry) {
            inspected.push(entry);
        }
    }
    inspected
}

#[cfg(test)]
mod tests;
