//! The call of a guest's machine code.

#![allow(unsafe_code, reason = "guests are machine code: decision 032 has the border's reasons")]

use std::ffi::c_void;

use wasmer::RuntimeError;
use wasmer::sys::vm::{
    VMConfig, VMFunctionBody, VMFunctionContext, VMTrampoline, catch_traps, on_host_stack,
};
use wasmer_types::RawValue;

/// A function of a guest: the pointers that a call of its machine code needs.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) context: VMFunctionContext,
    pub(super) trampoline: VMTrampoline,
    pub(super) body: *const VMFunctionBody,
}

impl Entry {
    /// # Safety
    /// The function's instance is alive, `values` has room for its parameters and its result, and the guest
    /// runs on its own stack.
    pub(super) unsafe fn call(self, values: *mut RawValue) {
        // SAFETY: the trampoline belongs to this function: the engine made it, or `Linker` did for a host
        // function that the guest re-exports. Both fields of the union are pointers.
        unsafe { (self.trampoline)(self.context.vmctx, self.body, values) }
    }
}

/// The next call, and whether it is the last one.
pub(super) type Due = (Entry, bool);

/// The function that returns the next call of a step, and the step.
#[derive(Clone, Copy)]
pub(super) struct After {
    pub(super) advance: unsafe fn(*mut c_void) -> Option<Due>,
    pub(super) step: *mut c_void,
}

/// Runs the guest on its own stack and catches its traps.
///
/// # Safety
/// The entries belong to an instance that is alive, and `values` has room for their parameters and
/// result. The step of `after` outlives this call, has the type that `advance` expects, and nothing else
/// uses it during the call.
#[inline]
pub(super) unsafe fn enter(
    stack_size: Option<usize>,
    (mut entry, mut is_last): Due,
    values: *mut RawValue,
    after: Option<After>,
) -> Result<(), RuntimeError> {
    let run = move || {
        loop {
            // SAFETY: guaranteed by the caller.
            unsafe { entry.call(values) };
            let Some(after) = after.filter(|_| !is_last) else { return };
            // SAFETY: guaranteed by the caller.
            match on_host_stack(|| unsafe { (after.advance)(after.step) }) {
                Some(due) => (entry, is_last) = due,
                None => return,
            }
        }
    };
    // SAFETY: the closure owns nothing (3).
    let caught = unsafe { catch_traps(None, &VMConfig { wasm_stack_size: stack_size }, run) };
    caught.map_err(RuntimeError::from)
}
