//! What host functions use of the guest that calls them.

#![allow(unsafe_code, reason = "guests are machine code: decision 032 has the border's reasons")]

use std::cell::Cell;
use std::ptr::{self, NonNull};

use wasmer::RuntimeError;
use wasmer_types::RawValue;

use crate::wasm::border::call::OutOfBounds;
use crate::wasm::border::entry::{Entry, enter};
use crate::wasm::border::parts::{Gauges, Parts};

/// What the host functions of an instance are given by the guest that calls them.
pub(crate) struct Link<S> {
    /// Invariant 2.
    state: Cell<*mut S>,
    /// Known once the module is instantiated.
    pub(super) parts: Cell<Option<Parts>>,
    pub(super) allocator: Cell<Option<Allocator<S>>>,
    /// Bytes to allocate when the host function has returned; 0 for none.
    wanted: Cell<u32>,
}

/// The guest's allocator, and what is done with memory that a host function has left wanted.
pub(super) struct Allocator<S> {
    pub(super) entry: Entry,
    pub(super) deliver: Deliver<S>,
}

impl<S> Clone for Allocator<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Allocator<S> {}

/// Writes the result of a host function to the allocated address; it gets the status that the function
/// would return.
pub(crate) type Deliver<S> = fn(Caller<'_, S>, u32, i32) -> Result<i32, RuntimeError>;

impl<S> Allocator<S> {
    /// The address of `length` bytes.
    ///
    /// # Safety
    /// The guest has called a host function that has returned but for this, on the guest's stack.
    pub(super) unsafe fn allocate(&self, length: u32) -> u32 {
        let mut value = RawValue { u32: length };
        let value = &raw mut value;
        // SAFETY: the allocator has one parameter and one result, and both are a u32.
        unsafe {
            self.entry.call(value);
            (*value).u32
        }
    }
}

impl<S> Link<S> {
    pub(super) fn new() -> Self {
        let (state, parts) = (Cell::new(ptr::null_mut()), Cell::new(None));
        Self { state, parts, allocator: Cell::new(None), wanted: Cell::new(0) }
    }

    /// Lends the state to host functions.
    pub(super) fn lend<'a>(&'a self, state: &'a mut S) -> Lent<'a, S> {
        let state: *mut S = state;
        let (before, wanted) = (self.state.replace(state), self.wanted.replace(0));
        Lent { state, before, wanted, link: self }
    }

    /// The bytes that a host function has left wanted of the allocator; 0: none.
    pub(super) fn take_wanted(&self) -> u32 {
        self.wanted.replace(0)
    }

    /// # Safety
    /// A host function is called that the guest of this link called, and it asks once.
    pub(super) unsafe fn caller(&self) -> Result<Caller<'_, S>, RuntimeError> {
        match (self.parts.get(), NonNull::new(self.state.get())) {
            (Some(parts), Some(mut state)) => {
                // SAFETY: invariant 2: nothing else uses the state before the host function returns.
                let state = unsafe { state.as_mut() };
                Ok(Caller { state, side: GuestSide { parts, link: self } })
            }
            _ => Err(RuntimeError::new("a hostcall before the module was linked")),
        }
    }
}

/// A borrow of the state while the guest runs.
pub(super) struct Lent<'a, S> {
    pub(super) state: *mut S,
    before: *mut S,
    /// What the host function that calls the guest has left wanted.
    wanted: u32,
    link: &'a Link<S>,
}

impl<S> Drop for Lent<'_, S> {
    fn drop(&mut self) {
        self.link.state.set(self.before);
        self.link.wanted.set(self.wanted);
    }
}

/// The guest that has called a host function.
pub(crate) struct Caller<'a, S> {
    pub(crate) state: &'a mut S,
    pub(crate) side: GuestSide<'a, S>,
}

/// What a host function uses of its guest.
pub(crate) struct GuestSide<'a, S> {
    parts: Parts,
    link: &'a Link<S>,
}

impl<S> GuestSide<'_, S> {
    pub(crate) fn gauges(&self) -> Gauges<'_> {
        Gauges(&self.parts)
    }

    /// Copies the guest's bytes at `at`.
    #[inline]
    pub(crate) fn read(&self, at: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        let from = self.parts.place(at, bytes.len())?;
        // SAFETY: all of `from` is in the guest's memory, which no Rust reference points to.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies to the guest's memory at `at`.
    #[inline]
    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let to = self.parts.place(at, bytes.len())?;
        // SAFETY: as above; the guest does not run.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Has memory allocated once the host function has returned, in the same entry of the guest, and
    /// delivered then ([`Deliver`]). False if that is not possible now.
    pub(crate) fn allocate_later(&mut self, length: u32) -> bool {
        let can = self.link.wanted.get() == 0 && self.link.allocator.get().is_some();
        if can {
            self.link.wanted.set(length);
        }
        can
    }

    /// Calls the guest's allocator, which may call host functions in turn: they use `state` meanwhile.
    pub(crate) fn allocate(&mut self, state: &mut S, length: u32) -> Result<u32, RuntimeError> {
        let allocator = self.link.allocator.get();
        let entry = allocator.ok_or_else(|| RuntimeError::new("the guest has no allocator"))?.entry;
        let mut value = RawValue { u128: length.into() };
        let value = &raw mut value;
        let _lent = self.link.lend(state);
        // SAFETY: the guest of this link has called a host function, so it lives (1); the allocator
        // has one parameter and one result.
        unsafe {
            enter(self.parts.stack_size, (entry, true), value, None)?;
            Ok((*value).u32)
        }
    }
}
