//! The memory and the meter of an instance, which the host reads and writes.

#![allow(unsafe_code, reason = "guests are machine code: decision 032 has the border's reasons")]

use std::cell::Cell;
use std::ptr::NonNull;

use wasmer::sys::vm::{LinearMemory, VMExtern, VMMemoryDefinition};
use wasmer::{AsStoreMut, Instance, Store, Type};

use crate::wasm::border::call::OutOfBounds;
use crate::wasm::fuel::{FUEL, Meter, MeterMissing, REFUSED};

/// The parts of a guest that host functions use.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub(super) memory: NonNull<VMMemoryDefinition>,
    pub(super) fuel: NonNull<Cell<i64>>,
    pub(super) refused: NonNull<Cell<i32>>,
    pub(super) stack_size: Option<usize>,
}

/// The resources that a guest has used.
#[derive(Clone, Copy)]
pub(crate) struct Gauges<'a>(pub(super) &'a Parts);

impl<'a> Gauges<'a> {
    pub(crate) fn meter(self) -> Meter<'a> {
        self.0.meter()
    }

    /// Size of the guest's memory in bytes.
    pub(crate) fn memory_size(self) -> u64 {
        self.0.memory().current_length as u64
    }
}

impl Parts {
    fn memory(&self) -> VMMemoryDefinition {
        // SAFETY: invariant 1. Only the guest changes it, and it does not run: the value is copied.
        unsafe { self.memory.read() }
    }

    fn meter(&self) -> Meter<'_> {
        // SAFETY: invariant 1. The parts are only used in borrows of the instance and in host functions.
        unsafe { Meter::new(self.fuel.as_ref(), self.refused.as_ref()) }
    }

    /// The address of `length` bytes at the guest's address `at`.
    #[inline]
    pub(super) fn place(&self, at: u32, length: usize) -> Result<*mut u8, OutOfBounds> {
        let memory = self.memory();
        let at = at as usize;
        match at.checked_add(length) {
            // SAFETY: the offset is within the memory, or one past its end.
            Some(end) if end <= memory.current_length => Ok(unsafe { memory.base.add(at) }),
            _ => Err(OutOfBounds),
        }
    }
}

/// Returns the definition of the memory that hostcalls read and write.
pub(super) fn memory(
    instance: &Instance,
    store: &mut Store,
) -> Option<NonNull<VMMemoryDefinition>> {
    match instance.exports.get_extern("memory")?.to_vm_extern().unwrap_sys() {
        VMExtern::Memory(handle) => Some(handle.get(store.objects_mut().as_sys()).vmmemory()),
        _ => None,
    }
}

/// Returns pointers to the numbers of the meter. The guest changes them on this thread only, like cells.
pub(super) fn counters(instance: &Instance, store: &mut Store) -> Result<Counters, MeterMissing> {
    let mut find = |name, ty| {
        let global = match instance.exports.get_extern(name)?.to_vm_extern().unwrap_sys() {
            VMExtern::Global(handle) => handle.get(store.objects_mut().as_sys()),
            _ => return None,
        };
        let fits = global.ty().ty == ty && global.ty().mutability.is_mutable();
        fits.then(|| global.vmglobal())
    };
    let (fuel, refused) = (find(FUEL, Type::I64), find(REFUSED, Type::I32));
    // The first field of a global's definition is its value.
    fuel.zip(refused).map(|(fuel, refused)| (fuel.cast(), refused.cast())).ok_or(MeterMissing)
}

pub(super) type Counters = (NonNull<Cell<i64>>, NonNull<Cell<i32>>);

/// Returns the meter of an instance that a test made by wasmer's own API.
#[cfg(test)]
pub(crate) fn meter<'a>(
    instance: &Instance,
    store: &'a mut Store,
) -> Result<Meter<'a>, MeterMissing> {
    let (fuel, refused) = counters(instance, store)?;
    // SAFETY: the globals live as long as the store, which the meter borrows.
    Ok(unsafe { Meter::new(fuel.as_ref(), refused.as_ref()) })
}
