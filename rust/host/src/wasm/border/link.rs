//! The access of host functions to the guest that calls them.

#![allow(unsafe_code, reason = "guests are machine code: decision 032 has the border's reasons")]

use std::cell::Cell;
use std::ptr::{self, NonNull};

use wasmer::RuntimeError;
use wasmer_types::RawValue;

use crate::wasm::border::call::OutOfBounds;
use crate::wasm::border::entry::{Entry, enter};
use crate::wasm::border::parts::{Gauges, Parts};

/// The data of an instance that its host functions need; each gets a pointer to it.
pub(crate) struct Link<S> {
    /// Invariant 2.
    state: Cell<*mut S>,
    /// Set once the module is instantiated.
    pub(super) parts: Cell<Option<Parts>>,
    pub(super) allocator: Cell<Option<Allocator<S>>>,
    /// Bytes to allocate after the host function has returned; 0 for none.
    wanted: Cell<u32>,
}

/// The guest's allocator, and the function that fills memory which a host function requested.
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

/// Writes the result of a host function to the allocated address. Gets the status that the function
/// would return, and returns the one that the guest gets.
pub(crate) type Deliver<S> = fn(Caller<'_, S>, u32, i32) -> Result<i32, RuntimeError>;

impl<S> Allocator<S> {
    /// Returns the address of `length` allocated bytes.
    ///
    /// # Safety
    /// The guest has called a host function, whose body has returned, and the guest's stack is active.
    pub(super) unsafe fn allocate(&self, length: u32) -> u32 {
        let mut value = RawValue { u32: length };
        let value = &raw mut value;
        // SAFETY: the allocator has one parameter and one result, both of type u32.
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

    /// Lends the state to host functions until the returned value is dropped.
    pub(super) fn lend<'a>(&'a self, state: &'a mut S) -> Lent<'a, S> {
        let state: *mut S = state;
        let (before, wanted) = (self.state.replace(state), self.wanted.replace(0));
        Lent { state, before, wanted, link: self }
    }

    /// Takes the number of bytes that a host function requested from the allocator; 0 for none.
    pub(super) fn take_wanted(&self) -> u32 {
        self.wanted.replace(0)
    }

    /// # Safety
    /// The guest of this link has called a host function, which calls this once.
    pub(super) unsafe fn caller(&self) -> Result<Caller<'_, S>, RuntimeError> {
        match (self.parts.get(), NonNull::new(self.state.get())) {
            (Some(parts), Some(mut state)) => {
                // SAFETY: invariant 2: nothing else uses the state until the host function returns.
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
    /// The request of the host function that calls the guest, restored afterwards.
    wanted: u32,
    link: &'a Link<S>,
}

impl<S> Drop for Lent<'_, S> {
    fn drop(&mut self) {
        self.link.state.set(self.before);
        self.link.wanted.set(self.wanted);
    }
}

/// The guest that called a host function.
pub(crate) struct Caller<'a, S> {
    pub(crate) state: &'a mut S,
    pub(crate) side: GuestSide<'a, S>,
}

/// The guest's memory and allocator, for a host function.
pub(crate) struct GuestSide<'a, S> {
    parts: Parts,
    link: &'a Link<S>,
}

impl<S> GuestSide<'_, S> {
    pub(crate) fn gauges(&self) -> Gauges<'_> {
        Gauges(&self.parts)
    }

    /// Copies bytes of the guest at `at` into `bytes`.
    #[inline]
    pub(crate) fn read(&self, at: u32, bytes: &mut [u8]) -> Result<(), OutOfBounds> {
        let from = self.parts.place(at, bytes.len())?;
        // SAFETY: all of `from` is in the guest's memory, and no Rust reference points into it.
        unsafe { ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    /// Copies `bytes` into the guest's memory at `at`.
    #[inline]
    pub(crate) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), OutOfBounds> {
        let to = self.parts.place(at, bytes.len())?;
        // SAFETY: as above, and the guest does not run.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// Requests memory that the allocator provides after the host function has returned, in the same entry
    /// of the guest, and that [`Deliver`] fills. Returns false if that is not possible in this call.
    pub(crate) fn allocate_later(&mut self, length: u32) -> bool {
        let can = self.link.wanted.get() == 0 && self.link.allocator.get().is_some();
        if can {
            self.link.wanted.set(length);
        }
        can
    }

    /// Calls the guest's allocator, which may call host functions; these use `state` meanwhile.
    pub(crate) fn allocate(&mut self, state: &mut S, length: u32) -> Result<u32, RuntimeError> {
        let allocator = self.link.allocator.get();
        let entry = allocator.ok_or_else(|| RuntimeError::new("the guest has no allocator"))?.entry;
        let mut value = RawValue { u128: length.into() };
        let value = &raw mut value;
        let _lent = self.link.lend(state);
        // SAFETY: the guest of this link has called a host function, so it is alive (1); the allocator has
        // one parameter and one result.
        unsafe {
            enter(self.parts.stack_size, (entry, true), value, None)?;
            Ok((*value).u32)
        }
    }
}
