//! The allocator of the modules. wasi-libc's takes more code, and more instructions for each call.

use crate::free_lists::FreeLists;
use talc::wasm::{WasmDynamicTalc, new_wasm_dynamic_allocator};

#[global_allocator]
static ALLOCATOR: FreeLists<WasmDynamicTalc> = FreeLists::new(new_wasm_dynamic_allocator());
