//! An allocator with free lists of small blocks, in front of a general one.
//!
//! A request makes some twenty small allocations in each policy and frees them again. With a free list for each size an
//! allocation is a pop and a release a push. Blocks of one size never serve another, so the pool of small blocks is
//! bounded; what does not fit goes to the general allocator, which coalesces.

#![expect(unsafe_code, reason = "`GlobalAlloc` is an unsafe trait, and free blocks hold the lists")]
#![allow(clippy::cast_ptr_alignment, reason = "blocks are aligned to `STEP`")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

/// Bytes of all small blocks, at most.
const POOL: usize = 256 * 1024;
/// Sizes of small blocks are multiples of it, and so are their addresses.
const STEP: usize = 16;
/// Bytes of the largest small block.
const LARGEST: usize = 512;
const SIZES: usize = LARGEST / STEP + 1;

/// An allocator for one thread.
pub struct FreeLists<G> {
    general: G,
    state: UnsafeCell<State>,
}

struct State {
    /// The first free block of each size, which holds the address of the next one.
    free: [*mut u8; SIZES],
    /// The pool, null until the first allocation.
    pool: *mut u8,
    /// Bytes of the pool, 0 where the general allocator had none.
    size: usize,
    /// Bytes at its start that were handed out at least once.
    used: usize,
}

// SAFETY: the target wasm32-wasip1 has one thread, and tests keep an allocator on theirs.
unsafe impl<G> Sync for FreeLists<G> {}

impl<G: GlobalAlloc> FreeLists<G> {
    /// Free lists in front of `general`, which gives them their pool at the first allocation.
    pub const fn new(general: G) -> Self {
        let state = State { free: [null_mut(); SIZES], pool: null_mut(), size: 0, used: 0 };
        Self { general, state: UnsafeCell::new(state) }
    }

    /// A block for `layout` from the pool; null if it is too large or the pool is used up.
    fn take(&self, layout: Layout) -> *mut u8 {
        let Some(index) = index(layout) else { return null_mut() };
        // SAFETY: one thread, and no reference to the state outlives a method, none of which calls another with one.
        let state = unsafe { &mut *self.state.get() };
        let block = state.free[index];
        if !block.is_null() {
            // SAFETY: a block of a free list was written by `give` below: it holds an address, and nobody uses it.
            state.free[index] = unsafe { block.cast::<*mut u8>().read() };
            return block;
        }
        let bytes = index * STEP;
        if state.pool.is_null() {
            // SAFETY: the layout has a size that is not 0.
            state.pool = unsafe { self.general.alloc(POOL_LAYOUT) };
            state.size = if state.pool.is_null() { 0 } else { POOL };
        }
        if state.used + bytes > state.size {
            return null_mut();
        }
        // SAFETY: the pool has `size` bytes, and `used + bytes` is not beyond them.
        let block = unsafe { state.pool.add(state.used) };
        state.used += bytes;
        block
    }

    fn has(&self, block: *mut u8) -> bool {
        // SAFETY: as in `take`.
        let state = unsafe { &*self.state.get() };
        (block as usize).wrapping_sub(state.pool as usize) < state.size
    }

    /// Puts a block of the pool into the list of its size.
    ///
    /// # Safety
    /// `take` returned the block for a layout of the same size class, and it is not used any more.
    unsafe fn give(&self, block: *mut u8, layout: Layout) {
        let Some(index) = index(layout) else { return };
        // SAFETY: as in `take`.
        let state = unsafe { &mut *self.state.get() };
        // SAFETY: the block has at least `STEP` bytes at an address that is a multiple of `STEP`, and is free.
        unsafe { block.cast::<*mut u8>().write(state.free[index]) };
        state.free[index] = block;
    }
}

const POOL_LAYOUT: Layout = match Layout::from_size_align(POOL, STEP) {
    Ok(layout) => layout,
    Err(_) => Layout::new::<u128>(),
};

/// The size class of a layout; `None` if no small block fits it.
fn index(layout: Layout) -> Option<usize> {
    let fits = layout.size() <= LARGEST && layout.align() <= STEP;
    fits.then(|| layout.size().div_ceil(STEP))
}

// SAFETY: a block is handed out once until it is given back, with the size and alignment of its class; everything else
// is the general allocator's.
unsafe impl<G: GlobalAlloc> GlobalAlloc for FreeLists<G> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.take(layout);
        if !block.is_null() {
            return block;
        }
        // SAFETY: the caller's obligations are the same.
        unsafe { self.general.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if self.has(block) {
            // SAFETY: a block of the pool came from `take`, with this layout or one of the same class.
            unsafe { self.give(block, layout) }
        } else {
            // SAFETY: a block outside of the pool is the general allocator's.
            unsafe { self.general.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.has(block) {
            // SAFETY: a block outside of the pool is the general allocator's.
            return unsafe { self.general.realloc(block, layout, size) };
        }
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return null_mut() };
        if index(wanted) == index(layout) {
            return block;
        }
        // SAFETY: the caller gives a size that is not 0.
        let other = unsafe { self.alloc(wanted) };
        if !other.is_null() {
            // SAFETY: both blocks have so many bytes and are apart; the old one is not used any more.
            unsafe {
                block.copy_to_nonoverlapping(other, layout.size().min(size));
                self.give(block, layout);
            }
        }
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;
    use std::collections::HashMap;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn a_released_block_serves_the_next_allocation_of_its_size() {
        let lists = FreeLists::new(System);
        // SAFETY: every block is released once, with its layout.
        unsafe {
            let first = lists.alloc(layout(40));
            lists.dealloc(first, layout(40));
            let second = lists.alloc(layout(33));
            assert_eq!(second, first);
            let other = lists.alloc(layout(49));
            assert_ne!(other, first);
            lists.dealloc(second, layout(33));
            lists.dealloc(other, layout(49));
        }
    }

    #[test]
    fn blocks_in_use_keep_their_bytes_in_any_order_of_calls() {
        let lists = FreeLists::new(System);
        let mut held: HashMap<usize, (*mut u8, Layout, u8)> = HashMap::new();
        let mut random = 1_u64;
        for round in 0..20_000_usize {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let slot = (random % 997) as usize;
            let size = (random >> 32) as usize % 700 + 1;
            let mark = u8::try_from(round % 251).unwrap();
            // SAFETY: every block is released or moved once, with its layout, and written within its size.
            unsafe {
                let block = match held.remove(&slot) {
                    None => lists.alloc(layout(size)),
                    Some((block, own, mark)) => {
                        assert_eq!((*block, *block.add(own.size() - 1)), (mark, mark));
                        if round % 2 == 0 {
                            lists.dealloc(block, own);
                            continue;
                        }
                        let moved = lists.realloc(block, own, size);
                        assert_eq!(*moved, mark);
                        moved
                    }
                };
                assert_eq!(block as usize % 8, 0);
                block.write_bytes(mark, size);
                held.insert(slot, (block, layout(size), mark));
            }
        }
        for (block, own, mark) in held.into_values() {
            // SAFETY: as above.
            unsafe {
                assert_eq!((*block, *block.add(own.size() - 1)), (mark, mark));
                lists.dealloc(block, own);
            }
        }
    }

    #[test]
    fn what_the_pool_has_no_room_for_is_the_general_allocator_s() {
        let lists = FreeLists::new(System);
        let layouts = [layout(512); POOL / 512 + 3];
        // SAFETY: every block is released once, with its layout.
        unsafe {
            let blocks = layouts.map(|layout| lists.alloc(layout));
            let inside = blocks.iter().filter(|block| lists.has(**block)).count();
            assert_eq!(inside, POOL / 512);
            for block in blocks {
                lists.dealloc(block, layout(512));
            }
            let large = lists.alloc(layout(513));
            assert!(!lists.has(large));
            lists.dealloc(large, layout(513));
        }
    }
}
