//! Guests that cross the border in every way.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use wasmer::{Extern, Module, RuntimeError, Store};

use crate::types::limits::Limits;
use crate::wasm::border::call::{GuestFunction, Next, OtherType, OutOfBounds, Problem};
use crate::wasm::border::host_functions::Linker;
use crate::wasm::border::instance::WasmInstance;
use crate::wasm::border::link::{Caller, Link};
use crate::wasm::engine;
use crate::wasm::engine::Tier;

/// What host functions were told.
type Told = Vec<u32>;

fn imports(store: &mut Store, link: &Rc<Link<Told>>, module: &Module) -> Vec<Extern> {
    let mut linker = Linker { store, link };
    let functions = module.imports().functions();
    functions
        .map(|import| match import.name() {
            "tell" => linker.function(|caller: Caller<'_, Told>, number: u32| {
                caller.state.push(number);
                Ok(number + 1)
            }),
            "allocate" => linker.function(|mut caller: Caller<'_, Told>, length: u32| {
                caller.state.push(length);
                let address = caller.side.allocate(caller.state, length)?;
                caller.state.push(address);
                caller.side.write(address, &[7; 4]).map_err(|_| RuntimeError::new("no room"))?;
                Ok(address)
            }),
            "want" => linker.function(|mut caller: Caller<'_, Told>, length: u32| {
                let later =
                    [caller.side.allocate_later(length), caller.side.allocate_later(length)];
                caller.state.extend(later.map(u32::from));
                Ok(length)
            }),
            "read" => linker.function(|caller: Caller<'_, Told>, at: u32, length: u32| {
                let mut bytes = vec![1; length as usize];
                let read = caller.side.read(at, &mut bytes);
                Ok(read.map_or_else(|OutOfBounds| -1, |()| length.cast_signed()))
            }),
            "fail" => linker.function(|_: Caller<'_, Told>| -> Result<(), RuntimeError> {
                Err(RuntimeError::new("the host refuses"))
            }),
            "panic" => linker.function(|_: Caller<'_, Told>| -> Result<(), RuntimeError> {
                panic!("the host is wrong")
            }),
            "ten" => linker.function(
                |caller: Caller<'_, Told>,
                 a: u32,
                 b: u64,
                 c: u32,
                 d: i64,
                 e: i32,
                 f: u32,
                 g: u64,
                 h: u32,
                 i: u32,
                 j: u32| {
                    let long = [b, d.cast_unsigned(), g].map(|it| u32::try_from(it).unwrap());
                    caller.state.extend([a, long[0], c, long[1], e.cast_unsigned(), f]);
                    caller.state.extend([long[2], h, i, j]);
                    Ok(2.5)
                },
            ),
            name => linker.unknown(import.ty(), format!("there is no {name}")),
        })
        .collect()
}

fn open(wat: &str) -> Result<WasmInstance<Told>, Problem> {
    let engine = engine::compiling(Tier::Optimized, &Limits::default());
    let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
    let mut instance = WasmInstance::new(engine, &module, Told::new(), imports)?;
    instance.gauges().meter().refill(1 << 40);
    if let Ok(Some(allocator)) = instance.function("malloc") {
        instance.set_allocator(allocator, |mut caller, address, status| {
            caller.state.push(address);
            let written = caller.side.write(address, &[9; 4]);
            Ok(written.map_or(-1, |()| status))
        });
    }
    Ok(instance)
}

fn guest(functions: &str) -> WasmInstance<Told> {
    let wat = format!(
        r#"(module
             (import "m" "tell" (func $tell (param i32) (result i32)))
             (import "m" "allocate" (func $allocate (param i32) (result i32)))
             (import "m" "want" (func $want (param i32) (result i32)))
             (import "m" "read" (func $read (param i32 i32) (result i32)))
             (import "m" "fail" (func $fail))
             (import "m" "panic" (func $panic))
             (import "m" "ten" (func $ten (param i32 i64 i32 i64 i32 i32 i64 i32 i32 i32) (result f64)))
             (import "m" "other" (func $other (param f64) (result f64 i64 i32 v128 f32 i32)))
             (memory (export "memory") 1 2)
             {functions})"#
    );
    open(&wat).unwrap()
}

fn find<const N: usize, const R: usize>(
    guest: &mut WasmInstance<Told>,
    name: &str,
) -> GuestFunction<N, R> {
    guest.function(name).unwrap().unwrap()
}

fn call<const N: usize>(
    guest: &mut WasmInstance<Told>,
    name: &str,
    arguments: [u32; N],
) -> Result<Option<i32>, String> {
    let call = find::<N, 1>(guest, name).with(arguments);
    guest.step(|_, _, _| Next::Last(call)).map_err(|trap| trap.message())
}

const ADD: &str = r#"(func (export "add") (param i32 i32) (result i32)
    (i32.add (local.get 0) (local.get 1)))
  (func (export "nothing") (param i32))"#;

#[test]
fn a_step_calls_one_function_after_the_other() {
    let mut guest = guest(ADD);
    let (add, nothing) = (find::<2, 1>(&mut guest, "add"), find::<1, 0>(&mut guest, "nothing"));
    let mut calls =
        [Next::Call(add.with([1, 2])), Next::Call(nothing.with([9])), Next::Last(add.with([3, 4]))]
            .into_iter();
    let mut answers = Vec::new();
    let last = guest.step(|_, _, answer| {
        answers.push(answer);
        calls.next().unwrap()
    });
    assert_eq!((answers, last.unwrap()), (vec![None, Some(3), None], Some(7)));
}

#[test]
fn a_step_can_stop_before_each_call() {
    let mut guest = guest(ADD);
    assert_eq!(guest.step(|_, _, _| Next::Stop).unwrap(), None);
    let call = find::<2, 1>(&mut guest, "add").with([1, 2]);
    let mut calls = [Next::Call(call), Next::Stop].into_iter();
    assert_eq!(guest.step(|_, _, _| calls.next().unwrap()).unwrap(), Some(3));
}

#[test]
fn a_host_function_uses_the_state_that_the_step_lends() {
    let mut guest =
        guest(r#"(func (export "run") (param i32) (result i32) (call $tell (local.get 0)))"#);
    let run = find::<1, 1>(&mut guest, "run");
    let mut rounds = 0;
    let last = guest.step(|told, _, _| {
        rounds += 1;
        told.push(100 * rounds);
        if rounds < 2 { Next::Call(run.with([5])) } else { Next::Last(run.with([6])) }
    });
    assert_eq!((last.unwrap(), guest.state()), (Some(7), &vec![100, 5, 200, 6]));
}

#[test]
fn an_allocator_grows_the_memory_and_calls_the_host_inside_of_a_host_function() {
    let mut guest = guest(
        r#"(func (export "malloc") (param i32) (result i32)
             (drop (call $tell (i32.const 42)))
             (drop (memory.grow (i32.const 1)))
             (i32.const 65536))
           (func (export "run") (result i32) (i32.load (call $allocate (i32.const 4))))"#,
    );
    assert_eq!(call(&mut guest, "run", []), Ok(Some(0x0707_0707)));
    assert_eq!((guest.state(), guest.gauges().memory_size()), (&vec![4, 42, 65_536], 131_072));
}

#[test]
fn memory_that_a_host_function_wants_is_allocated_when_it_has_returned() {
    let mut guest = guest(
        r#"(func (export "malloc") (param i32) (result i32)
             (drop (call $tell (local.get 0)))
             (drop (memory.grow (i32.const 1)))
             (i32.const 65536))
           (func (export "run") (result i32)
             (i32.add (call $want (i32.const 4)) (i32.load8_u (i32.const 65536))))"#,
    );
    assert_eq!(call(&mut guest, "run", []), Ok(Some(4 + 9)));
    assert_eq!(guest.state(), &vec![1, 0, 4, 65_536]);
}

#[test]
fn an_allocator_that_traps_once_the_host_function_has_returned_ends_the_step() {
    let mut guest = guest(
        r#"(func (export "malloc") (param i32) (result i32) (unreachable))
           (func (export "run") (param i32) (result i32)
             (if (local.get 0) (then (drop (call $want (i32.const 4))))) (i32.const 3))"#,
    );
    assert_eq!(call(&mut guest, "run", [1]), Err("unreachable".into()));
    assert_eq!(call(&mut guest, "run", [0]), Ok(Some(3)));
}

#[test]
fn a_trap_ends_the_step_and_not_the_instance() {
    let mut guest = guest(
        r#"(func (export "run") (param i32) (result i32)
             (if (local.get 0) (then (unreachable))) (call $tell (i32.const 1)))"#,
    );
    assert_eq!(call(&mut guest, "run", [1]), Err("unreachable".into()));
    assert_eq!(call(&mut guest, "run", [0]), Ok(Some(2)));
}

#[test]
fn a_trap_in_the_allocator_ends_the_step() {
    let mut guest = guest(
        r#"(func (export "malloc") (param i32) (result i32) (unreachable))
           (func (export "run") (result i32) (call $allocate (i32.const 4)))"#,
    );
    assert_eq!(call(&mut guest, "run", []), Err("unreachable".into()));
    assert_eq!(guest.state(), &vec![4]);
}

#[test]
fn a_guest_that_recurses_without_end_is_stopped_and_goes_on_later() {
    let mut guest = guest(
        r#"(func $again (param i32) (result i32)
             (if (local.get 0) (then (return (i32.add (call $again (local.get 0)) (i32.const 1)))))
             (i32.const 3))
           (export "run" (func $again))"#,
    );
    assert_eq!(call(&mut guest, "run", [1]), Err("call stack exhausted".into()));
    assert_eq!(call(&mut guest, "run", [0]), Ok(Some(3)));
}

#[test]
fn a_trap_of_a_host_function_is_that_of_the_step() {
    let mut guest = guest(r#"(func (export "run") (result i32) (call $fail) (i32.const 1))"#);
    assert_eq!(call(&mut guest, "run", []), Err("the host refuses".into()));
}

#[test]
fn a_panic_of_a_host_function_or_between_calls_reaches_the_host() {
    let mut guest = guest(
        r#"(func (export "run") (param i32) (result i32)
             (if (local.get 0) (then (call $panic))) (i32.const 1))"#,
    );
    let run = find::<1, 1>(&mut guest, "run");
    let host = catch_unwind(AssertUnwindSafe(|| guest.step(|_, _, _| Next::Last(run.with([1])))));
    assert!(host.is_err());
    let between = catch_unwind(AssertUnwindSafe(|| {
        guest.step(|_, _, answer| match answer {
            None => Next::Call(run.with([0])),
            Some(_) => panic!("the host is wrong"),
        })
    }));
    assert!(between.is_err());
    assert_eq!(call(&mut guest, "run", [0]), Ok(Some(1)));
}

#[test]
fn a_function_that_the_host_does_not_have_ends_the_guest_whatever_its_type() {
    let mut guest = guest(
        r#"(func (export "run") (result i32) (call $other (f64.const 1))
             (drop) (drop) (drop) (drop) (drop) (drop) (i32.const 1))"#,
    );
    assert_eq!(call(&mut guest, "run", []), Err("there is no other".into()));
}

#[test]
fn numbers_of_every_kind_reach_the_host_in_order() {
    let mut guest = guest(
        r#"(func (export "run") (result i32) (i32.trunc_f64_s (f64.mul (f64.const 2)
             (call $ten (i32.const 1) (i64.const 2) (i32.const 3) (i64.const 4) (i32.const 5)
               (i32.const 6) (i64.const 7) (i32.const 8) (i32.const 9) (i32.const 10)))))"#,
    );
    assert_eq!(call(&mut guest, "run", []), Ok(Some(5)));
    assert_eq!(guest.state(), &(1..=10).collect::<Vec<u32>>());
}

#[test]
fn a_host_function_that_the_guest_exports_again_is_called_as_its_own() {
    let mut guest = guest(r#"(export "run" (func $tell)) (export "stop" (func $fail))"#);
    assert_eq!(call(&mut guest, "run", [5]), Ok(Some(6)));
    let stop = find::<0, 0>(&mut guest, "stop").with([]);
    let stopped = guest.step(|_, _, _| Next::Last(stop));
    assert_eq!(stopped.unwrap_err().message(), "the host refuses");
}

#[test]
fn a_function_in_a_table_is_called_by_its_type() {
    let mut guest = guest(
        r#"(type $t (func (param i32) (result i32))) (table 1 funcref) (elem (i32.const 0) $tell)
           (func (export "run") (result i32) (call_indirect (type $t) (i32.const 8) (i32.const 0)))"#,
    );
    assert_eq!(call(&mut guest, "run", []), Ok(Some(9)));
}

#[test]
fn bytes_beyond_the_memory_are_refused() {
    let mut guest = guest(
        r#"(func (export "run") (param i32 i32) (result i32)
             (call $read (local.get 0) (local.get 1)))"#,
    );
    let end = u32::try_from(guest.gauges().memory_size()).unwrap();
    let reads = [(0, 4), (end - 4, 4), (end, 0), (end - 3, 4), (end + 1, 0), (u32::MAX, 9)];
    let read = reads.map(|(at, length)| call(&mut guest, "run", [at, length]).unwrap());
    assert_eq!(read.map(Option::unwrap), [4, 4, 0, -1, -1, -1]);
}

#[test]
fn a_function_of_another_type_is_refused() {
    let mut guest = guest(ADD);
    assert!(matches!(guest.function::<1, 1>("add"), Err(OtherType)));
    assert!(matches!(guest.function::<2, 0>("add"), Err(OtherType)));
    assert!(matches!(guest.function::<0, 0>("memory"), Err(OtherType)));
    assert!(matches!(guest.function::<0, 0>("missing"), Ok(None)));
}

#[test]
fn a_module_without_a_memory_has_no_instance() {
    assert!(matches!(open("(module)"), Err(Problem::NoMemory)));
}
