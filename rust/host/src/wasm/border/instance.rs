//! A guest's instance: calls of the guest, and what the host functions that it calls use of it.

#![allow(unsafe_code, reason = "guests are machine code: the border's reasons are in its decision")]

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::rc::Rc;

use wasmer::sys::NativeEngineExt;
use wasmer::sys::vm::{
    LinearMemory, VMConfig, VMExtern, VMFunctionBody, VMFunctionContext, VMMemoryDefinition,
    VMTrampoline, catch_traps, on_host_stack,
};
use wasmer::{AsStoreMut, Engine, Extern, Instance, Module, RuntimeError, Store, Type};
use wasmer_types::RawValue;

use crate::wasm::border::call::{GuestFunction, Next, OtherType, OutOfBounds, PARAMETERS, Problem};
use crate::wasm::fuel::{FUEL, Meter, MeterMissing, REFUSED};
use crate::wasm::snapshot::{self, CopyError};

/// What the host functions of an instance are given by the guest that calls them.
pub(crate) struct Link<S> {
    /// Invariant 2.
    state: Cell<*mut S>,
    /// Known once the module is instantiated.
    parts: Cell<Option<Parts>>,
    allocator: Cell<Option<Entry>>,
}

/// What host functions use of their guest.
#[derive(Clone, Copy)]
struct Parts {
    memory: NonNull<VMMemoryDefinition>,
    fuel: NonNull<Cell<i64>>,
    refused: NonNull<Cell<i32>>,
    stack_size: Option<usize>,
}

/// A function of a guest, as machine code is called.
#[derive(Clone, Copy)]
struct Entry {
    context: VMFunctionContext,
    trampoline: VMTrampoline,
    body: *const VMFunctionBody,
}

/// An instance of a module, the store that owns it, and the state `S` that its host functions use.
pub(crate) struct WasmInstance<S> {
    state: S,
    entries: Vec<Entry>,
    parts: Parts,
    link: Rc<Link<S>>,
    instance: Instance,
    store: Store,
}

impl<S: 'static> WasmInstance<S> {
    /// Instantiates a module; `imports` makes its imports, in their order.
    pub(crate) fn new(
        engine: Engine,
        module: &Module,
        state: S,
        imports: impl FnOnce(&mut Store, &Rc<Link<S>>, &Module) -> Vec<Extern>,
    ) -> Result<Self, Problem> {
        let stack_size = engine.tunables().vmconfig().wasm_stack_size;
        let mut store = Store::new(engine);
        let link = Rc::new(Link {
            state: Cell::new(ptr::null_mut()),
            parts: Cell::new(None),
            allocator: Cell::new(None),
        });
        let imports = imports(&mut store, &link, module);
        let instance = Instance::new_by_index(&mut store, module, &imports).map_err(Box::new)?;
        let memory = memory(&instance, &mut store).ok_or(Problem::NoMemory)?;
        let (fuel, refused) = counters(&instance, &mut store)?;
        let parts = Parts { memory, fuel, refused, stack_size };
        link.parts.set(Some(parts));
        Ok(Self { state, entries: Vec::new(), parts, link, instance, store })
    }

    /// The exported function of this name.
    pub(crate) fn function<const N: usize, const R: usize>(
        &mut self,
        name: &str,
    ) -> Result<Option<GuestFunction<N, R>>, OtherType> {
        let Some(export) = self.instance.exports.get_extern(name) else { return Ok(None) };
        let VMExtern::Function(handle) = export.to_vm_extern().unwrap_sys() else {
            return Err(OtherType);
        };
        let function = handle.get(self.store.objects_mut().as_sys());
        let ty = &function.signature;
        if *ty.params() != [Type::I32; N] || *ty.results() != [Type::I32; R] {
            return Err(OtherType);
        }
        // SAFETY: the store owns the function, and what it points to is written while the module is
        // instantiated only.
        let function = unsafe { *function.anyfunc.as_ptr().as_ref() };
        self.entries.push(Entry {
            context: function.vmctx,
            trampoline: function.call_trampoline,
            body: function.func_ptr,
        });
        Ok(Some(GuestFunction { index: self.entries.len() - 1 }))
    }

    /// Lets [`Caller::allocate`] use this function.
    pub(crate) fn set_allocator(&mut self, function: GuestFunction<1, 1>) {
        self.link.allocator.set(self.entries.get(function.index).copied());
    }

    /// Calls the guest as often as `next` says, which is told what the call before answered; traps are
    /// caught once for all of them, and end the step. What the last call answered.
    #[inline]
    pub(crate) fn step<F>(&mut self, mut next: F) -> Result<Option<i32>, RuntimeError>
    where
        F: FnMut(&mut S, Meter<'_>, Option<i32>) -> Next,
    {
        let mut values = [RawValue { u128: 0 }; PARAMETERS];
        let lent = self.link.lend(&mut self.state);
        let mut step = Step {
            state: lent.state,
            parts: self.parts,
            entries: &self.entries,
            next: &mut next,
            values: (&raw mut values).cast(),
            answers: false,
        };
        let Some(first) = step.advance() else { return Ok(None) };
        let values = step.values;
        let next = After { advance: Step::<S, F>::advance_erased, step: (&raw mut step).cast() };
        // SAFETY: the entries are of this instance, which `self` owns (1), and the values have room for
        // the parameters and the result of each. `step` and what it borrows live until `enter` returns,
        // and only `next` uses them meanwhile.
        unsafe { enter(self.parts.stack_size, first, values, Some(next))? };
        Ok(step.answer())
    }

    pub(crate) fn state(&self) -> &S {
        &self.state
    }

    pub(crate) fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    pub(crate) fn meter(&self) -> Meter<'_> {
        self.parts.meter()
    }

    /// Bytes of its memory.
    pub(crate) fn memory_size(&self) -> u64 {
        self.parts.memory().current_length as u64
    }

    /// Copies memory and mutable globals to another instance of the same module.
    pub(crate) fn copy_to(&mut self, other: &mut Self) -> Result<(), CopyError> {
        let from = (&self.instance, &mut self.store);
        snapshot::copy_state(from, (&other.instance, &mut other.store))
    }
}

fn memory(instance: &Instance, store: &mut Store) -> Option<NonNull<VMMemoryDefinition>> {
    match instance.exports.get_extern("memory")?.to_vm_extern().unwrap_sys() {
        VMExtern::Memory(handle) => Some(handle.get(store.objects_mut().as_sys()).vmmemory()),
        _ => None,
    }
}

/// The meter of an instance that a test made by wasmer's own API.
#[cfg(test)]
pub(crate) fn meter<'a>(
    instance: &Instance,
    store: &'a mut Store,
) -> Result<Meter<'a>, MeterMissing> {
    let (fuel, refused) = counters(instance, store)?;
    // SAFETY: the globals live as long as the store, which the meter borrows.
    Ok(unsafe { Meter::new(fuel.as_ref(), refused.as_ref()) })
}

/// Where the numbers of a meter are. Guests change them on this thread alone, as cells are changed.
fn counters(instance: &Instance, store: &mut Store) -> Result<Counters, MeterMissing> {
    let mut find = |name, ty| {
        let global = match instance.exports.get_extern(name)?.to_vm_extern().unwrap_sys() {
            VMExtern::Global(handle) => handle.get(store.objects_mut().as_sys()),
            _ => return None,
        };
        let fits = global.ty().ty == ty && global.ty().mutability.is_mutable();
        fits.then(|| global.vmglobal())
    };
    let (fuel, refused) = (find(FUEL, Type::I64), find(REFUSED, Type::I32));
    // A definition begins with its value.
    fuel.zip(refused).map(|(fuel, refused)| (fuel.cast(), refused.cast())).ok_or(MeterMissing)
}

type Counters = (NonNull<Cell<i64>>, NonNull<Cell<i32>>);

impl Parts {
    fn memory(&self) -> VMMemoryDefinition {
        // SAFETY: invariant 1. The guest changes it, and does not run now: it is copied, not borrowed.
        unsafe { self.memory.read() }
    }

    fn meter(&self) -> Meter<'_> {
        // SAFETY: invariant 1. A part is used in borrows of its instance only, and in host functions.
        unsafe { Meter::new(self.fuel.as_ref(), self.refused.as_ref()) }
    }

    /// Where `length` bytes at `at` are.
    #[inline]
    fn place(&self, at: u32, length: usize) -> Result<*mut u8, OutOfBounds> {
        let memory = self.memory();
        let at = at as usize;
        match at.checked_add(length) {
            // SAFETY: the offset is in the memory, or one past its end.
            Some(end) if end <= memory.current_length => Ok(unsafe { memory.base.add(at) }),
            _ => Err(OutOfBounds),
        }
    }
}

impl<S> Link<S> {
    /// Lends the state to host functions.
    fn lend<'a>(&'a self, state: &'a mut S) -> Lent<'a, S> {
        let state: *mut S = state;
        Lent { state, before: self.state.replace(state), link: self }
    }

    /// # Safety
    /// A host function is called that the guest of this link called, and it asks once.
    pub(super) unsafe fn caller(&self) -> Result<Caller<'_, S>, RuntimeError> {
        match (self.parts.get(), NonNull::new(self.state.get())) {
            // SAFETY: invariant 2: nobody else uses the state before the host function returns.
            (Some(parts), Some(mut state)) => {
                let state = unsafe { state.as_mut() };
                Ok(Caller { state, side: GuestSide { parts, link: self } })
            }
            _ => Err(RuntimeError::new("a hostcall before the module was linked")),
        }
    }
}

/// A borrow of the state while the guest runs.
struct Lent<'a, S> {
    state: *mut S,
    before: *mut S,
    link: &'a Link<S>,
}

impl<S> Drop for Lent<'_, S> {
    fn drop(&mut self) {
        self.link.state.set(self.before);
    }
}

/// A step that is under way.
struct Step<'a, S, F> {
    state: *mut S,
    parts: Parts,
    entries: &'a [Entry],
    next: &'a mut F,
    values: *mut RawValue,
    /// Whether the call before has a result.
    answers: bool,
}

/// A call that is due, and whether it is the last.
type Due = (Entry, bool);

impl<S, F: FnMut(&mut S, Meter<'_>, Option<i32>) -> Next> Step<'_, S, F> {
    #[inline]
    fn advance(&mut self) -> Option<Due> {
        let answer = self.answer();
        // SAFETY: the step lent the state, and between two calls no host function runs (2).
        let state = unsafe { &mut *self.state };
        let (call, is_last) = match (self.next)(state, self.parts.meter(), answer) {
            Next::Call(call) => (call, false),
            Next::Last(call) => (call, true),
            Next::Stop => return None,
        };
        let entry = *self.entries.get(call.index)?;
        self.answers = call.answers;
        for (place, argument) in call.arguments.into_iter().enumerate() {
            // SAFETY: there are as many values as arguments.
            unsafe { self.values.add(place).write(RawValue { u32: argument }) };
        }
        Some((entry, is_last))
    }

    /// What the call before answered.
    fn answer(&self) -> Option<i32> {
        // SAFETY: a function with a result has written it there.
        self.answers.then(|| unsafe { (*self.values).i32 })
    }

    /// # Safety
    /// `step` is one of this type, and used by no one else.
    unsafe fn advance_erased(step: *mut c_void) -> Option<Due> {
        // SAFETY: the caller answers for it.
        unsafe { &mut *step.cast::<Self>() }.advance()
    }
}

/// Asks a step what is next, once a call has returned.
#[derive(Clone, Copy)]
struct After {
    advance: unsafe fn(*mut c_void) -> Option<Due>,
    step: *mut c_void,
}

/// Runs the guest on a stack of its own, and catches its traps.
///
/// # Safety
/// The entries are of an instance that lives, and `values` has room for their parameters and result.
/// The step of `after` lives until this returns, is the one that `advance` takes, and nobody else uses
/// it meanwhile.
#[inline]
unsafe fn enter(
    stack_size: Option<usize>,
    (mut entry, mut is_last): Due,
    values: *mut RawValue,
    after: Option<After>,
) -> Result<(), RuntimeError> {
    let run = move || {
        loop {
            // SAFETY: the trampoline is the one of this function, made by the engine, or below for a
            // host function that the guest exports again. The union's fields are pointers both.
            unsafe { (entry.trampoline)(entry.context.vmctx, entry.body, values) };
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
    /// Bytes of its memory.
    pub(crate) fn memory_size(&self) -> u64 {
        self.parts.memory().current_length as u64
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

    pub(crate) fn meter(&self) -> Meter<'_> {
        self.parts.meter()
    }

    /// Calls the guest's allocator, which may call host functions in turn: they use `state` meanwhile.
    pub(crate) fn allocate(&mut self, state: &mut S, length: u32) -> Result<u32, RuntimeError> {
        let entry = self.link.allocator.get();
        let entry = entry.ok_or_else(|| RuntimeError::new("the guest has no allocator"))?;
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
