//! How machine code of a guest is called.

#![allow(unsafe_code, reason = "guests are machine code: decision 032 has the border's reasons")]

use std::ffi::c_void;

use wasmer::RuntimeError;
use wasmer::sys::vm::{
    VMConfig, VMFunctionBody, VMFunctionContext, VMTrampoline, catch_traps, on_host_stack,
};
use wasmer_types::RawValue;

/// A function of a guest, as machine code is called.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) context: VMFunctionContext,
    pub(super) trampoline: VMTrampoline,
    pub(super) body: *const VMFunctionBody,
}

impl Entry {
    /// # Safety
    /// The function's instance lives, `values` has room for its parameters and its result, and the guest
    /// runs on a stack of its own.
    pub(super) unsafe fn call(self, values: *mut RawValue) {
        // SAFETY: the trampoline is the one of this function, made by the engine, or by `Linker` for a
        // host function that the guest exports again. The union's fields are pointers both.
        unsafe { (self.trampoline)(self.context.vmctx, self.body, values) }
    }
}

/// A call that is due, and whether it is the last.
pub(super) type Due = (Entry, bool);

/// Asks a step what is next, once a call has returned.
#[derive(Clone, Copy)]
pub(super) struct After {
    pub(super) advance: unsafe fn(*mut c_void) -> Option<Due>,
    pub(super) step: *mut c_void,
}

/// Runs the guest on a stack of its own, and catches its traps.
///
/// # Safety
/// The entries are of an instance that lives, and `values` has room for their parameters and result.
/// The step of `after` lives until this returns, is the one that `advance` takes, and nothing else
/// uses it in the meantime.
#[inline]
pub(super) unsafe fn enter(
    stack_size: Option<usize>,
    (mut entry, mut is_last): Due,
    values: *mut RawValue,
    after: Option<After>,
) -> Result<(), RuntimeError> {
    let run = move || {
        loop {
            // SAFETY: the caller answers for it.
            unsafe { entry.call(values) };
            let Some(after) = after.filter(|_| !is_last) else { return };
            // SAFETY: the caller answers for it.
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
