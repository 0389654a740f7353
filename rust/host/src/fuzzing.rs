//! What only a fuzzer may touch: the insides that take bytes of others, and counts of what is kept.
//! The feature `fuzzing` opens it; nothing that is shipped has it.

use std::path::PathBuf;

use wasmer::Type;

use crate::abi::protobuf::Field;
use crate::abi::{pairs, protobuf, signatures as imports};
use crate::types::headers::HeaderMap;
use crate::types::limits::Limits;
use crate::wasm::artifact_cache::ArtifactCache;
use crate::wasm::digest::ModuleId;
use crate::wasm::engine;
use crate::wasm::engine::Tier;

/// A function that a guest may import; `true` stands for an i64 among its parameters, `false` for an
/// i32. What it answers is an i32, if it answers.
pub struct ImportedFunction {
    /// `env`, or one of WASI's two names.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Its parameters.
    pub wide: Vec<bool>,
    /// Whether it answers.
    pub answers: bool,
}

/// Every function that the host has for guests.
pub fn hostcalls() -> impl Iterator<Item = ImportedFunction> {
    imports::all().map(|function| ImportedFunction {
        module: function.module,
        name: function.name,
        wide: function.params.iter().map(|ty| *ty == Type::I64).collect(),
        answers: !function.results.is_empty(),
    })
}

/// The map that bytes of a guest stand for.
#[must_use]
pub fn decode_map(bytes: &[u8]) -> Option<HeaderMap> {
    pairs::decode(bytes)
}

/// A map as a guest gets it, and the length that `proxy_get_header_map_size` tells.
#[must_use]
pub fn encode_map(map: &HeaderMap) -> (Vec<u8>, usize) {
    (pairs::encode(map), pairs::encoded_len(map))
}

/// A field of a protobuf message: its number, and its bytes unless it is a number itself.
pub type MessageField<'a> = (u64, Option<&'a [u8]>);

/// The fields in a protobuf message, as arguments of foreign functions are read; `None` for what is
/// none.
#[must_use]
pub fn read_message(bytes: &[u8]) -> Option<Vec<MessageField<'_>>> {
    let mut fields = Vec::new();
    let read = protobuf::read(bytes, |number, field| {
        fields.push(match field {
            Field::Bytes(bytes) => (number, Some(bytes)),
            Field::Number(_) => (number, None),
        });
    });
    read.is_ok().then_some(fields)
}

/// Whether the cache in `folder` gives machine code for this module.
#[must_use]
pub fn loads_artifact(folder: PathBuf, module: &[u8]) -> bool {
    let engine = engine::loading(&Limits::default());
    let found = ArtifactCache::new(folder).fetch(ModuleId::of(module), Tier::Optimized, &engine);
    matches!(found, Ok(Some(_)))
}
