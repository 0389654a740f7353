//! Copies linear memory and mutable globals to another instance of the same module.

use wasmer::{ExportError, Instance, MemoryAccessError, MemoryError, RuntimeError, Store};

use crate::wasm::fuel::KEPT_GLOBAL;

/// Bytes that are compared, and copied where they differ: a page that neither guest has touched
/// stays without memory of its own.
const CHUNK: usize = 4096;

/// Why an instance cannot continue in another one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyError {
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Growth(#[from] MemoryError),
    #[error(transparent)]
    Access(#[from] MemoryAccessError),
    #[error(transparent)]
    Global(#[from] RuntimeError),
}

type Side<'a> = (&'a Instance, &'a mut Store);

/// Copies memory and mutable globals; both instances are of one module, and neither runs.
pub(crate) fn copy_state(mut from: Side<'_>, mut to: Side<'_>) -> Result<(), CopyError> {
    copy_memory(&mut from, &mut to)?;
    copy_globals(from, to)
}

fn copy_memory(from: &mut Side<'_>, to: &mut Side<'_>) -> Result<(), CopyError> {
    let source = from.0.exports.get_memory("memory")?;
    let target = to.0.exports.get_memory("memory")?;
    let source = source.view(&*from.1);
    target.grow_at_least(&mut *to.1, source.data_size())?;
    let target = target.view(&*to.1);
    let (mut wanted, mut found) = ([0; CHUNK], [0; CHUNK]);
    for offset in (0..source.data_size()).step_by(CHUNK) {
        source.read(offset, &mut wanted)?;
        target.read(offset, &mut found)?;
        if wanted != found {
            target.write(offset, &wanted)?;
        }
    }
    Ok(())
}

fn copy_globals((old, old_store): Side<'_>, (new, new_store): Side<'_>) -> Result<(), CopyError> {
    for (name, global) in old.exports.iter().globals() {
        if name.starts_with(KEPT_GLOBAL) {
            let value = global.get(old_store);
            new.exports.get_global(name)?.set(new_store, value)?;
        }
    }
    Ok(())
}
