//! Why a module cannot be loaded.

use std::path::PathBuf;

use crate::types::printable::printable;

/// What is wrong with a `.wasm` file, with what its author can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a WebAssembly module.
    #[error("not a WebAssembly module: {looks_like}")]
    NotWasm {
        /// What the bytes look like, and what to do about it.
        looks_like: &'static str,
    },
    /// The module breaks the rules of WebAssembly, or uses a proposal that is switched off here.
    #[error(
        "the module is invalid or uses WebAssembly features beyond bulk memory, reference types, \
         multi-value and SIMD: {}",
        printable(.0)
    )]
    Invalid(String),
    /// The module exports no ABI version.
    #[error(
        "not a proxy-wasm module: it exports no proxy_abi_version_*; build it with a proxy-wasm SDK"
    )]
    NoAbi,
    /// The module speaks only versions of the ABI that this host does not.
    #[error(
        "the module speaks {}; this host speaks proxy_abi_version_0_1_0, _0_2_0, _0_2_1 \
         and _0_2_100",
        printable(&found.join(", "))
    )]
    UnknownAbi {
        /// The exports found.
        found: Vec<String>,
    },
    /// An export that the ABI requires is missing or has another type.
    #[error("the module does not export {what}")]
    MissingExport {
        /// The export and its type.
        what: &'static str,
    },
    /// The module exports a name that belongs to the host.
    #[error("the export {name:?} is reserved for the host; rename it")]
    ReservedExport {
        /// The name.
        name: String,
    },
    /// The module imports a memory, table, global or tag, which the host does not provide.
    #[error("the module imports the {kind} {module:?} {name:?}, which this host does not provide")]
    UnknownImport {
        /// The import's module, mostly `env` or `wasi_snapshot_preview1`.
        module: String,
        /// The import's name.
        name: String,
        /// memory, table, global or tag.
        kind: &'static str,
    },
    /// The module imports a function of this host with other parameters or results.
    #[error("the module imports {module:?} {name:?} as {found}; the ABI has {expected}")]
    ImportSignature {
        /// The import's module.
        module: String,
        /// The import's name.
        name: String,
        /// The type of the ABI, like `(i32, i64) -> i32`.
        expected: String,
        /// The type in the module.
        found: String,
    },
    /// The module starts with more memory than its limit.
    #[error(
        "the module starts with {needed} bytes of memory and its limit is {limit}; raise `memory`"
    )]
    MemoryLimit {
        /// Bytes at start.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The module goes beyond a fixed bound of this host.
    #[error("the module has {found} {what}; this host allows {allowed}")]
    Bound {
        /// What is counted.
        what: &'static str,
        /// The number in the module.
        found: u64,
        /// The largest number allowed.
        allowed: u64,
    },
    /// A file or folder of the capability `read` cannot be opened.
    #[error(
        "{} of the capability `read` cannot be opened: {reason}; make it readable for this process, \
         or take it out of `capabilities.read`",
        path.display()
    )]
    Read {
        /// The path on this system.
        path: PathBuf,
        /// The message of the system.
        reason: String,
    },
    /// The compiler failed.
    #[error("the module could not be compiled: {}", printable(.0))]
    Compile(String),
}
