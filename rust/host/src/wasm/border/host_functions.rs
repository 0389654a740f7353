//! Functions of the host that guests call.

#![allow(unsafe_code, reason = "guests are machine code: decision 032 has the border's reasons")]

use std::any::Any;
use std::cell::UnsafeCell;
use std::error::Error;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::rc::Rc;

use wasmer::sys::vm::{
    MaybeInstanceOwned, StoreHandle, VMCallerCheckedAnyfunc, VMContext, VMDynamicFunctionContext,
    VMExtern, VMFunction, VMFunctionBody, VMFunctionContext, VMFunctionKind, VMTrampoline,
    on_host_stack, raise_user_trap, resume_panic,
};
use wasmer::{AsStoreMut, Extern, FunctionType, RuntimeError, Store, Type, VMExternToExtern};
use wasmer_types::RawValue;

use crate::wasm::border::link::{Caller, Link};

/// Creates the imports of an instance.
pub(crate) struct Linker<'a, S> {
    pub(crate) store: &'a mut Store,
    pub(crate) link: &'a Rc<Link<S>>,
}

impl<S: 'static> Linker<'_, S> {
    /// Returns a host function as an import.
    pub(crate) fn function<F: HostFunction<S, A, R>, A, R>(&mut self, _: F) -> Extern {
        let link = Rc::clone(self.link);
        let context = Rc::as_ptr(&link).cast_mut().cast();
        let code = (VMFunctionKind::Static, F::BODY, F::TRAMPOLINE);
        self.register(FunctionType::new(F::parameters(), F::RESULTS), code, context, Box::new(link))
    }

    /// Returns a function of any type that traps with `message`.
    pub(crate) fn unknown(&mut self, signature: &FunctionType, message: String) -> Extern {
        let body = end_guest as unsafe extern "C" fn(_, _);
        let address = body as *const VMFunctionBody;
        let message = Rc::new(VMDynamicFunctionContext { address, ctx: message });
        let context = Rc::as_ptr(&message).cast_mut().cast();
        // The engine replaces the null with a trampoline of its own.
        let code = (VMFunctionKind::Dynamic, ptr::null(), end_guest_trampoline as VMTrampoline);
        self.register(signature.clone(), code, context, Box::new(message))
    }

    fn register(
        &mut self,
        signature: FunctionType,
        (kind, func_ptr, call_trampoline): (VMFunctionKind, *const VMFunctionBody, VMTrampoline),
        host_env: *mut c_void,
        host_data: Box<dyn Any>,
    ) -> Extern {
        let function = VMCallerCheckedAnyfunc {
            func_ptr,
            type_signature_hash: self.store.engine().as_sys().register_signature(&signature),
            vmctx: VMFunctionContext { host_env },
            call_trampoline,
        };
        let anyfunc = MaybeInstanceOwned::Host(Box::new(UnsafeCell::new(function)));
        let function = VMFunction { anyfunc, signature, kind, host_data };
        let handle = StoreHandle::new(self.store.objects_mut().as_sys_mut(), function);
        VMExtern::Function(handle.internal_handle()).to_extern(self.store)
    }
}

type Message = VMDynamicFunctionContext<String>;

/// # Safety
/// The guest calls it with the context that it was registered with.
unsafe extern "C" fn end_guest(message: *const Message, _: *mut RawValue) {
    let trap = on_host_stack(|| {
        // SAFETY: the store owns the message (1).
        let message = unsafe { &(*message).ctx };
        Box::new(RuntimeError::new(message.as_str()))
    });
    // SAFETY: the guest is on the stack, and this frame hands over everything it owns (3).
    unsafe { raise_user_trap(trap) }
}

/// The trampoline of [`end_guest`], for a host that calls the function when the guest re-exports it.
unsafe extern "C" fn end_guest_trampoline(
    message: *mut VMContext,
    _: *const VMFunctionBody,
    values: *mut RawValue,
) {
    // SAFETY: a trampoline is called under the same conditions as its function.
    unsafe { end_guest(message.cast(), values) }
}

/// A function of the host that guests can call: a closure that captures nothing.
pub(crate) trait HostFunction<S, A, R> {
    const RESULTS: &'static [Type];
    const BODY: *const VMFunctionBody;
    const TRAMPOLINE: VMTrampoline;

    fn parameters() -> Vec<Type>;
}

/// A number that is passed between guest and host.
pub(crate) trait Crossing: Copy {
    const TYPES: &'static [Type];

    /// # Safety
    /// `from` points to a value of this type.
    unsafe fn read(from: *const RawValue) -> Self;

    /// # Safety
    /// `to` has room for a value.
    unsafe fn write(self, to: *mut RawValue);

    /// The number as a status; 0 for a type that cannot be a status.
    fn status(self) -> i32;

    /// The status as a number of this type.
    fn of_status(status: i32) -> Self;
}

macro_rules! crossing {
    ($( $number:ident: $type:ident, $status:expr, $of_status:expr; )*) => { $(
        impl Crossing for $number {
            const TYPES: &'static [Type] = &[Type::$type];

            #[inline]
            unsafe fn read(from: *const RawValue) -> Self {
                // SAFETY: guaranteed by the caller.
                unsafe { (*from).$number }
            }

            #[inline]
            unsafe fn write(self, to: *mut RawValue) {
                // SAFETY: guaranteed by the caller.
                unsafe { to.write(RawValue { $number: self }) }
            }

            #[inline]
            fn status(self) -> i32 {
                $status(self)
            }

            #[inline]
            fn of_status(status: i32) -> Self {
                $of_status(status)
            }
        }
    )* };
}

crossing! {
    u32: I32, u32::cast_signed, i32::cast_unsigned;
    i32: I32, |status| status, |status| status;
    u64: I64, |_| 0, |_| 0;
    i64: I64, |_| 0, i64::from;
    f64: F64, |_| 0, f64::from;
}

impl Crossing for () {
    const TYPES: &'static [Type] = &[];

    unsafe fn read(_: *const RawValue) -> Self {}

    unsafe fn write(self, _: *mut RawValue) {}

    fn status(self) -> i32 {
        0
    }

    fn of_status(_: i32) -> Self {}
}

/// The result of a host function with the number of bytes still to allocate (0: none), or the trap.
type Outcome<R> = std::thread::Result<Result<(R, u32), Trap>>;
type Trap = Box<dyn Error + Send + Sync>;

/// Runs a host function on the host's stack; a trap or a panic unwinds from the guest's stack. If the
/// function requested memory, the guest's allocator then runs on the guest's stack, within this call.
///
/// # Safety
/// The guest of `link` calls a host function, and that function's frame owns nothing else.
#[inline]
unsafe fn perform<S, R: Crossing>(
    link: *const Link<S>,
    function: impl FnOnce(Caller<'_, S>) -> Result<R, RuntimeError>,
) -> R {
    // SAFETY: guaranteed by the caller.
    let (answer, wanted) = unsafe { leave_on_failure(on_host(link, function)) };
    if wanted == 0 {
        return answer;
    }
    // SAFETY: the store owns the link (1).
    let Some(allocator) = (unsafe { &*link }).allocator.get() else { return answer };
    // SAFETY: the host function has returned, and its borrow of the state has ended.
    let address = unsafe { allocator.allocate(wanted) };
    let deliver = |caller: Caller<'_, S>| (allocator.deliver)(caller, address, answer.status());
    // SAFETY: as above.
    R::of_status(unsafe { leave_on_failure(on_host(link, deliver)) }.0)
}

/// # Safety
/// As for [`perform`].
#[inline]
unsafe fn on_host<S, R>(
    link: *const Link<S>,
    function: impl FnOnce(Caller<'_, S>) -> Result<R, RuntimeError>,
) -> Outcome<R> {
    on_host_stack(|| {
        catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the store owns the link (1).
            let link = unsafe { &*link };
            // SAFETY: `caller` is called once for this call of a host function.
            let caller = unsafe { link.caller() };
            // The trap is boxed here: the guest's stack may have no room for an allocation.
            let answer = caller.and_then(function).map_err(|trap| Box::new(trap) as Trap)?;
            Ok((answer, link.take_wanted()))
        }))
    })
}

/// # Safety
/// The guest is on the stack, and no frame above it owns anything (3).
#[inline]
unsafe fn leave_on_failure<R>(outcome: Outcome<R>) -> (R, u32) {
    match outcome {
        Ok(Ok(answer)) => answer,
        // SAFETY: guaranteed by the caller.
        Ok(Err(trap)) => unsafe { raise_user_trap(trap) },
        // SAFETY: as above.
        Err(panic) => unsafe { resume_panic(panic) },
    }
}

macro_rules! host_functions {
    ($( [$( $argument:ident )*] )*) => { $(
        #[allow(non_snake_case, unused_assignments, unused_mut, unused_variables)]
        const _: () = {
            unsafe extern "C" fn body<S, Z, X: Crossing, $( $argument: Crossing ),*>(
                link: *const Link<S>,
                $( $argument: $argument ),*
            ) -> X
            where
                Z: Fn(Caller<'_, S>, $( $argument ),*) -> Result<X, RuntimeError> + Copy + 'static,
            {
                const { assert!(size_of::<Z>() == 0, "a host function captures nothing") };
                // SAFETY: the type has no bytes, and `Linker::function` got a value of it: this is a copy.
                let function: &Z = unsafe { NonNull::dangling().as_ref() };
                // SAFETY: the guest calls this, with the link that the function was registered with.
                unsafe { perform(link, |caller| function(caller, $( $argument ),*)) }
            }

            unsafe extern "C" fn trampoline<S, Z, X: Crossing, $( $argument: Crossing ),*>(
                link: *mut VMContext,
                _: *const VMFunctionBody,
                values: *mut RawValue,
            ) where
                Z: Fn(Caller<'_, S>, $( $argument ),*) -> Result<X, RuntimeError> + Copy + 'static,
            {
                let mut place = 0;
                // SAFETY: the caller has written the arguments, and `values` has room for the result.
                unsafe {
                    $( let $argument = $argument::read(values.add(place)); place += 1; )*
                    body::<S, Z, X, $( $argument ),*>(link.cast(), $( $argument ),*).write(values);
                }
            }

            impl<S, Z, X: Crossing, $( $argument: Crossing ),*> HostFunction<S, ($( $argument, )*), X> for Z
            where
                Z: Fn(Caller<'_, S>, $( $argument ),*) -> Result<X, RuntimeError> + Copy + 'static,
            {
                const RESULTS: &'static [Type] = X::TYPES;
                const BODY: *const VMFunctionBody =
                    body::<S, Z, X, $( $argument ),*> as unsafe extern "C" fn(_, $( $argument ),*) -> X
                        as *const VMFunctionBody;
                const TRAMPOLINE: VMTrampoline = trampoline::<S, Z, X, $( $argument ),*>;

                fn parameters() -> Vec<Type> {
                    let types: &[&[Type]] = &[$( $argument::TYPES ),*];
                    types.concat()
                }
            }
        };
    )* };
}

host_functions! {
    [] [A] [A B] [A B C] [A B C D] [A B C D E] [A B C D E F] [A B C D E F G] [A B C D E F G H]
    [A B C D E F G H I] [A B C D E F G H I J] [A B C D E F G H I J K] [A B C D E F G H I J K L]
}
