//! An instance of a guest, and the calls into it.

#![allow(unsafe_code, reason = "guests are machine code: decision 032 has the border's reasons")]

use std::ffi::c_void;
use std::rc::Rc;

use wasmer::sys::NativeEngineExt;
use wasmer::sys::vm::VMExtern;
use wasmer::{AsStoreMut, Engine, Extern, Instance, Module, RuntimeError, Store, Type};
use wasmer_types::RawValue;

use crate::wasm::border::call::{GuestFunction, Next, OtherType, PARAMETERS, Problem};
use crate::wasm::border::entry::{After, Due, Entry, enter};
use crate::wasm::border::link::{Allocator, Deliver, Link};
use crate::wasm::border::parts::{Gauges, Parts, counters, memory};
use crate::wasm::snapshot::{self, CopyError};

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
    /// Instantiates a module; `imports` returns its imports in declaration order.
    pub(crate) fn new(
        engine: Engine,
        module: &Module,
        state: S,
        imports: impl FnOnce(&mut Store, &Rc<Link<S>>, &Module) -> Vec<Extern>,
    ) -> Result<Self, Problem> {
        let stack_size = engine.tunables().vmconfig().wasm_stack_size;
        let mut store = Store::new(engine);
        let link = Rc::new(Link::new());
        let imports = imports(&mut store, &link, module);
        let instance = Instance::new_by_index(&mut store, module, &imports).map_err(Box::new)?;
        let memory = memory(&instance, &mut store).ok_or(Problem::NoMemory)?;
        let (fuel, refused) = counters(&instance, &mut store)?;
        let parts = Parts { memory, fuel, refused, stack_size };
        link.parts.set(Some(parts));
        Ok(Self { state, entries: Vec::new(), parts, link, instance, store })
    }

    /// Returns the exported function of this name.
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
        // SAFETY: the store owns the function, whose definition is only written during instantiation.
        let function = unsafe { *function.anyfunc.as_ptr().as_ref() };
        self.entries.push(Entry {
            context: function.vmctx,
            trampoline: function.call_trampoline,
            body: function.func_ptr,
        });
        Ok(Some(GuestFunction { index: self.entries.len() - 1, idle: None }))
    }

    /// Sets the function by which [`GuestSide`] allocates.
    pub(crate) fn set_allocator(&mut self, function: GuestFunction<1, 1>, deliver: Deliver<S>) {
        let entry = self.entries.get(function.index);
        self.link.allocator.set(entry.map(|&entry| Allocator { entry, deliver }));
    }

    /// Calls the guest until `next` ends the step; `next` gets the result of the previous call. Traps are
    /// caught once for all calls, and end the step. Returns the result of the last call.
    #[inline]
    pub(crate) fn step<F>(&mut self, mut next: F) -> Result<Option<i32>, RuntimeError>
    where
        F: FnMut(&mut S, Gauges<'_>, Option<i32>) -> Next,
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
        // SAFETY: the entries belong to this instance, which `self` owns (1), and `values` has room for the
        // parameters and the result of each. `step` and its borrows outlive `enter`, and only `next` uses
        // them during that call.
        unsafe { enter(self.parts.stack_size, first, values, Some(next))? };
        Ok(step.answer())
    }

    pub(crate) fn state(&self) -> &S {
        &self.state
    }

    pub(crate) fn state_mut(&mut self) -> &mut S {
        &mut self.state
    }

    pub(crate) fn state_and_gauges(&mut self) -> (&mut S, Gauges<'_>) {
        (&mut self.state, Gauges(&self.parts))
    }

    /// The counters and sizes that can be read while the guest does not run.
    pub(crate) fn gauges(&self) -> Gauges<'_> {
        Gauges(&self.parts)
    }

    /// Copies memory and mutable globals to another instance of the same module.
    pub(crate) fn copy_to(&mut self, other: &mut Self) -> Result<(), CopyError> {
        let from = (&self.instance, &mut self.store);
        snapshot::copy_state(from, (&other.instance, &mut other.store))
    }
}

/// A step in progress.
struct Step<'a, S, F> {
    state: *mut S,
    parts: Parts,
    entries: &'a [Entry],
    next: &'a mut F,
    values: *mut RawValue,
    /// Whether the previous call has a result.
    answers: bool,
}

impl<S, F: FnMut(&mut S, Gauges<'_>, Option<i32>) -> Next> Step<'_, S, F> {
    #[inline]
    fn advance(&mut self) -> Option<Due> {
        let answer = self.answer();
        // SAFETY: the state was lent by the step, and no host function runs between two calls (2).
        let state = unsafe { &mut *self.state };
        let (call, is_last) = match (self.next)(state, Gauges(&self.parts), answer) {
            Next::Call(call) => (call, false),
            Next::Last(call) => (call, true),
            Next::Stop => return None,
        };
        let entry = *self.entries.get(call.index)?;
        self.answers = call.answers;
        for (place, argument) in call.arguments.into_iter().enumerate() {
            // SAFETY: `values` has room for each argument.
            unsafe { self.values.add(place).write(RawValue { u32: argument }) };
        }
        Some((entry, is_last))
    }

    /// The result of the previous call.
    fn answer(&self) -> Option<i32> {
        // SAFETY: a function with a result has written it to the first value.
        self.answers.then(|| unsafe { (*self.values).i32 })
    }

    /// # Safety
    /// `step` points to a value of this type, and nothing else uses it.
    unsafe fn advance_erased(step: *mut c_void) -> Option<Due> {
        // SAFETY: guaranteed by the caller.
        unsafe { &mut *step.cast::<Self>() }.advance()
    }
}
