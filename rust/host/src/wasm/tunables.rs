//! The tunables that enforce the limits of memories and tables.

use std::ptr::NonNull;

use wasmer::sys::vm::{VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition};
use wasmer::sys::{BaseTunables, Tunables};
use wasmer::{
    MemoryError, MemoryStyle, MemoryType, Pages, TableStyle, TableType, WASM_MAX_PAGES,
    WASM_PAGE_SIZE,
};

use crate::types::limits::Limits;

/// Elements that one table may grow to, 16 bytes each in the host.
pub(crate) const TABLE_ELEMENTS: u32 = 100_000;
/// Tables in one module; compilers write one or two.
pub(crate) const TABLES: usize = 8;

/// The memory limit in WebAssembly pages.
pub(crate) fn memory_pages(limits: &Limits) -> u32 {
    u32::try_from(limits.memory / WASM_PAGE_SIZE as u64)
        .unwrap_or(WASM_MAX_PAGES)
        .min(WASM_MAX_PAGES)
}

/// Tunables that lower every maximum to the limits; growth beyond answers -1 inside the guest.
pub(crate) struct BoundedTunables {
    base: BaseTunables,
    pages: Pages,
}

impl BoundedTunables {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { base: BaseTunables::new(), pages: Pages(memory_pages(limits)) }
    }

    fn bound_memory(&self, memory: &MemoryType) -> MemoryType {
        let maximum = memory.maximum.map_or(self.pages, |maximum| maximum.min(self.pages));
        MemoryType { maximum: Some(maximum), ..*memory }
    }
}

fn bound_table(table: &TableType) -> TableType {
    let maximum = table.maximum.map_or(TABLE_ELEMENTS, |maximum| maximum.min(TABLE_ELEMENTS));
    TableType { maximum: Some(maximum), ..*table }
}

#[allow(unsafe_code, reason = "the trait's methods that place definitions in VM memory are unsafe")]
impl Tunables for BoundedTunables {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        self.base.memory_style(&self.bound_memory(memory))
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        self.base.table_style(&bound_table(table))
    }

    fn create_host_memory(
        &self,
        memory: &MemoryType,
        style: &MemoryStyle,
    ) -> Result<VMMemory, MemoryError> {
        self.base.create_host_memory(&self.bound_memory(memory), style)
    }

    unsafe fn create_vm_memory(
        &self,
        memory: &MemoryType,
        style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // SAFETY: the caller answers for `definition`, which is passed on as it came.
        unsafe { self.base.create_vm_memory(&self.bound_memory(memory), style, definition) }
    }

    fn create_host_table(&self, table: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        self.base.create_host_table(&bound_table(table), style)
    }

    unsafe fn create_vm_table(
        &self,
        table: &TableType,
        style: &TableStyle,
        definition: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        // SAFETY: the caller answers for `definition`, which is passed on as it came.
        unsafe { self.base.create_vm_table(&bound_table(table), style, definition) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmer::Type;

    #[test]
    fn a_memory_without_maximum_gets_the_limit() {
        let tunables = BoundedTunables::new(&Limits::default());
        let bounded = tunables.bound_memory(&MemoryType::new(1, None, false));
        assert_eq!(bounded.maximum, Some(Pages(512)));
    }

    #[test]
    fn a_smaller_maximum_is_kept() {
        let tunables = BoundedTunables::new(&Limits::default());
        let bounded = tunables.bound_memory(&MemoryType::new(1, Some(7), false));
        assert_eq!(bounded.maximum, Some(Pages(7)));
    }

    #[test]
    fn a_memory_limit_above_4_gib_is_all_of_wasm32() {
        let limits = Limits { memory: u64::MAX, ..Limits::default() };
        assert_eq!(memory_pages(&limits), 65_536);
    }

    #[test]
    fn a_table_without_maximum_is_bounded() {
        let bounded = bound_table(&TableType::new(Type::FuncRef, 1, None));
        assert_eq!(bounded.maximum, Some(TABLE_ELEMENTS));
    }
}
