//! Metering seen from a guest: what runs, what is stopped, and what the meter says then. A guest is
//! two, one a tier, which must agree in everything.

use wasmer::{Engine, Instance, Module, RuntimeError, Store, Value, imports};

use crate::types::limits::Limits;
use crate::wasm::border::parts;
use crate::wasm::engine;
use crate::wasm::engine::Tier;
use crate::wasm::fuel::meter::{Cause, Meter};

struct Guest {
    tiers: [Metered; 2],
}

struct Metered {
    store: Store,
    instance: Instance,
}

fn engines(limits: &Limits) -> [Engine; 2] {
    [Tier::Fast, Tier::Optimized].map(|tier| engine::compiling(tier, limits))
}

/// What both tiers answer.
fn both<T: PartialEq + std::fmt::Debug>([fast, optimized]: [T; 2]) -> T {
    assert_eq!(fast, optimized);
    optimized
}

impl Guest {
    fn new(wat: &str) -> Self {
        Self::with_memory(wat, 32 << 20)
    }

    fn with_memory(wat: &str, memory: u64) -> Self {
        let wasm = wat::parse_str(wat).unwrap();
        let tiers = engines(&Limits { memory, ..Limits::default() }).map(|engine| {
            let module = Module::new(&engine, &wasm).unwrap();
            let mut store = Store::new(engine);
            let instance = Instance::new(&mut store, &module, &imports! {}).unwrap();
            Metered { store, instance }
        });
        Self { tiers }
    }

    fn call(&mut self, fuel: u64, args: &[Value]) -> Result<Vec<Value>, RuntimeError> {
        let [fast, optimized] = self.tiers.each_mut().map(|guest| guest.call(fuel, args));
        assert_eq!(fast.as_ref().ok(), optimized.as_ref().ok());
        optimized
    }

    fn refill(&mut self, fuel: u64) {
        for guest in &mut self.tiers {
            guest.meter().refill(fuel);
        }
    }

    fn charge(&mut self, units: u64) -> bool {
        both(self.tiers.each_mut().map(|guest| guest.meter().charge(units)))
    }

    fn used(&mut self, args: &[Value]) -> u64 {
        self.call(1_000_000_000, args).unwrap();
        let left = self.tiers.each_mut().map(|guest| guest.meter().remaining());
        1_000_000_000 - both(left)
    }

    fn cause(&mut self) -> Cause {
        both(self.tiers.each_mut().map(|guest| guest.meter().cause()))
    }
}

impl Metered {
    fn meter(&mut self) -> Meter<'_> {
        parts::meter(&self.instance, &mut self.store).unwrap()
    }

    fn call(&mut self, fuel: u64, args: &[Value]) -> Result<Vec<Value>, RuntimeError> {
        self.meter().refill(fuel);
        let run = self.instance.exports.get_function("run").unwrap();
        run.call(&mut self.store, args).map(Vec::from)
    }
}

#[test]
fn an_endless_loop_is_stopped() {
    let mut guest = Guest::new(r#"(module (func (export "run") (loop (br 0))))"#);
    assert!(guest.call(1_000_000, &[]).is_err());
    assert_eq!(guest.cause(), Cause::Fuel);
}

#[test]
fn endless_recursion_is_stopped() {
    let mut guest = Guest::new(
        r#"(module (func $f (export "run") (param i32)
             (if (local.get 0) (then (call $f (local.get 0))))))"#,
    );
    assert!(guest.call(1_000, &[Value::I32(1)]).is_err());
    assert_eq!(guest.cause(), Cause::Fuel);
}

#[test]
fn endless_recursion_without_a_branch_ends_with_the_stack() {
    let mut guest = Guest::new(r#"(module (func $f (export "run") (call $f)))"#);
    assert!(guest.call(1_000, &[]).is_err());
    assert_eq!(guest.cause(), Cause::None);
}

#[test]
fn a_refill_starts_anew_after_exhaustion() {
    let mut guest = Guest::new(
        r#"(module (func (export "run") (param i32)
             (loop (br_if 0 (local.get 0)))))"#,
    );
    assert!(guest.call(1_000, &[Value::I32(1)]).is_err());
    assert!(guest.call(1_000, &[Value::I32(0)]).is_ok());
    assert_eq!(guest.cause(), Cause::None);
}

#[test]
fn straight_line_code_costs_one_unit_an_operator() {
    let mut guest = Guest::new(
        r#"(module (func (export "run") (result i32) (i32.add (i32.const 1) (i32.const 2))))"#,
    );
    assert_eq!(guest.used(&[]), 3);
}

#[test]
fn only_the_branch_taken_is_charged() {
    let mut guest = Guest::new(
        r#"(module (func (export "run") (param i32)
             (if (local.get 0)
               (then (drop (i32.add (i32.const 1) (i32.const 2)))))))"#,
    );
    let (skipped, taken) = (guest.used(&[Value::I32(0)]), guest.used(&[Value::I32(1)]));
    assert_eq!((skipped, taken), (2, 6));
}

#[test]
fn a_trap_of_the_guest_is_not_the_meters() {
    let mut guest = Guest::new(r#"(module (func (export "run") unreachable))"#);
    assert!(guest.call(1_000, &[]).is_err());
    assert_eq!(guest.cause(), Cause::None);
}

#[test]
fn memory_fill_costs_a_unit_for_8_bytes() {
    let mut guest = Guest::new(
        r#"(module (memory 1) (func (export "run") (param i32)
             (memory.fill (i32.const 0) (i32.const 7) (local.get 0))))"#,
    );
    assert_eq!(guest.used(&[Value::I32(8_000)]) - guest.used(&[Value::I32(0)]), 1_000);
}

#[test]
fn memory_fill_still_fills() {
    let mut guest = Guest::new(
        r#"(module (memory 1) (func (export "run") (param i32) (result i32)
             (memory.fill (i32.const 16) (i32.const 7) (local.get 0))
             (i32.load8_u (i32.const 23))))"#,
    );
    assert_eq!(guest.call(1_000, &[Value::I32(8)]).unwrap(), [Value::I32(7)]);
}

#[test]
fn a_loop_of_large_fills_is_stopped_at_its_length() {
    let mut guest = Guest::new(
        r#"(module (memory 256) (func (export "run")
             (loop
               (memory.fill (i32.const 0) (i32.const 1) (i32.const 16777216))
               (br 0))))"#,
    );
    assert!(guest.call(10_000_000, &[]).is_err());
    assert_eq!(guest.cause(), Cause::Fuel);
}

#[test]
fn memory_copy_and_init_are_charged_by_length() {
    let mut guest = Guest::new(
        r#"(module (memory 1) (data $d "0123456789abcdef")
           (func (export "run") (param i32)
             (memory.init $d (i32.const 0) (i32.const 0) (local.get 0))
             (memory.copy (i32.const 100) (i32.const 0) (local.get 0))))"#,
    );
    assert_eq!(guest.used(&[Value::I32(16)]) - guest.used(&[Value::I32(0)]), 4);
}

#[test]
fn table_operators_are_charged_by_element() {
    let mut guest = Guest::new(
        r#"(module (table 64 funcref) (elem $e func 0 0 0 0)
           (func (export "run") (param i32)
             (table.fill (i32.const 0) (ref.null func) (local.get 0))
             (table.copy (i32.const 8) (i32.const 0) (local.get 0))
             (table.init $e (i32.const 0) (i32.const 0) (local.get 0))))"#,
    );
    assert_eq!(guest.used(&[Value::I32(4)]) - guest.used(&[Value::I32(0)]), 12);
}

#[test]
fn a_negative_length_does_not_give_fuel_back() {
    let mut guest = Guest::new(
        r#"(module (memory 1) (func (export "run")
             (memory.fill (i32.const 0) (i32.const 0) (i32.const -1))))"#,
    );
    assert!(guest.call(1_000, &[]).is_err());
    assert_eq!(guest.cause(), Cause::Fuel);
}

const GROW: &str = r#"(module (memory 1) (func (export "run") (param i32) (result i32)
    (memory.grow (local.get 0))))"#;

#[test]
fn growth_costs_1024_units_a_page() {
    let mut guest = Guest::new(GROW);
    assert_eq!(guest.used(&[Value::I32(3)]) - guest.used(&[Value::I32(0)]), 3 * 1024);
}

#[test]
fn growth_beyond_the_limit_answers_minus_one_and_is_noted() {
    let mut guest = Guest::with_memory(GROW, 2 * 65_536);
    assert_eq!(guest.call(10_000, &[Value::I32(2)]).unwrap(), [Value::I32(-1)]);
    assert_eq!(guest.cause(), Cause::Memory);
}

#[test]
fn growth_within_the_limit_answers_the_old_size() {
    let mut guest = Guest::with_memory(GROW, 2 * 65_536);
    assert_eq!(guest.call(10_000, &[Value::I32(1)]).unwrap(), [Value::I32(1)]);
    assert_eq!(guest.cause(), Cause::None);
}

#[test]
fn an_absurd_growth_is_refused_and_not_charged() {
    let mut guest = Guest::new(GROW);
    assert_eq!(guest.call(1_000, &[Value::I32(-1)]).unwrap(), [Value::I32(-1)]);
}

#[test]
fn a_refill_forgets_refused_memory() {
    let mut guest = Guest::with_memory(GROW, 65_536);
    guest.call(10_000, &[Value::I32(9)]).unwrap();
    guest.call(10_000, &[Value::I32(0)]).unwrap();
    assert_eq!(guest.cause(), Cause::None);
}

#[test]
fn a_table_grows_to_its_bound_and_no_further() {
    let mut guest = Guest::new(
        r#"(module (table 1 funcref) (func (export "run") (param i32) (result i32)
             (table.grow (ref.null func) (local.get 0))))"#,
    );
    assert_eq!(guest.call(200_000, &[Value::I32(99_999)]).unwrap(), [Value::I32(1)]);
    assert_eq!(guest.call(200_000, &[Value::I32(1)]).unwrap(), [Value::I32(-1)]);
}

#[test]
fn the_host_charges_too() {
    let mut guest = Guest::new(r#"(module (func (export "run")))"#);
    guest.refill(100);
    assert!(guest.charge(100));
    assert!(!guest.charge(1));
    assert_eq!(guest.cause(), Cause::Fuel);
}

#[test]
fn a_huge_charge_of_the_host_exhausts() {
    let mut guest = Guest::new(r#"(module (func (export "run")))"#);
    guest.refill(u64::MAX);
    assert!(guest.charge(1));
    guest.refill(5);
    assert!(!guest.charge(u64::MAX));
}

#[test]
fn a_start_function_waits_for_the_host_and_its_fuel() {
    let wasm = wat::parse_str("(module (func $s (loop (br 0))) (start $s))").unwrap();
    for engine in engines(&Limits::default()) {
        let module = Module::new(&engine, &wasm).unwrap();
        let mut store = Store::new(engine);
        let instance = Instance::new(&mut store, &module, &imports! {}).unwrap();
        parts::meter(&instance, &mut store).unwrap().refill(1_000);
        let start = instance.exports.get_function(super::START).unwrap();
        assert!(start.call(&mut store, &[]).is_err());
        assert_eq!(parts::meter(&instance, &mut store).unwrap().cause(), Cause::Fuel);
    }
}

#[test]
fn a_second_module_in_one_engine_is_refused() {
    let wasm = wat::parse_str("(module)").unwrap();
    for engine in engines(&Limits::default()) {
        assert!(Module::new(&engine, &wasm).is_ok());
        assert!(Module::new(&engine, &wasm).is_err());
    }
}

#[test]
fn imported_globals_keep_their_places() {
    let wat = r#"(module (import "m" "g" (global i32)) (global $own i32 (i32.const 5))
        (func (export "run") (result i32) (i32.add (global.get 0) (global.get $own))))"#;
    for engine in engines(&Limits::default()) {
        let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let mut store = Store::new(engine);
        let global = wasmer::Global::new(&mut store, Value::I32(37));
        let imports = imports! { "m" => { "g" => global } };
        let instance = Instance::new(&mut store, &module, &imports).unwrap();
        parts::meter(&instance, &mut store).unwrap().refill(100);
        let run = instance.exports.get_function("run").unwrap();
        assert_eq!(&*run.call(&mut store, &[]).unwrap(), [Value::I32(42)]);
    }
}

#[test]
fn a_tree_of_calls_without_branches_is_stopped() {
    let level = |n: u32| format!("(func $f{n} (call $f{0}) (call $f{0}))", n - 1);
    let levels: String = (1..=40).map(level).collect();
    let wat = format!(r#"(module (func $f0) {levels} (func (export "run") (call $f40)))"#);
    let mut guest = Guest::new(&wat);
    assert!(guest.call(1_000_000, &[]).is_err());
    assert_eq!(guest.cause(), Cause::Fuel);
}

#[test]
fn a_loop_that_jumps_back_by_table_is_stopped() {
    let mut guest = Guest::new(
        r#"(module (func (export "run") (param i32)
             (drop (i32.const 0)) (if (local.get 0) (then))
             (loop (block (br_table 0 1 (local.get 0))))))"#,
    );
    assert!(guest.call(1_000, &[Value::I32(1)]).is_err());
    assert_eq!(guest.cause(), Cause::Fuel);
}

#[test]
fn a_loop_that_jumps_back_from_inner_blocks_is_stopped() {
    let mut guest = Guest::new(
        r#"(module (func (export "run") (param i32)
             (if (local.get 0) (then))
             (loop $l (block (block (br_if $l (local.get 0)))))))"#,
    );
    assert!(guest.call(1_000, &[Value::I32(1)]).is_err());
    assert_eq!(guest.cause(), Cause::Fuel);
}

#[test]
fn calls_are_charged_with_what_surrounds_them() {
    let mut guest = Guest::new(
        r#"(module (func $f (result i32) (i32.const 1))
             (func (export "run") (result i32) (i32.add (call $f) (call $f))))"#,
    );
    assert_eq!(guest.used(&[]), 2 * 2 + 1 + 2);
}
