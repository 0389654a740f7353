//! Compares fuel with time: prints how long 10 million units take, for each operator. Run with
//! `--ignored --nocapture`. A case far above 10 ms needs a higher cost in `costs.rs`.

use std::time::Instant;

use wasmer::{Instance, Module, Store, imports};

use crate::types::limits::Limits;
use crate::wasm::border::parts;
use crate::wasm::engine;
use crate::wasm::engine::Tier;

const UNITS: u64 = 10_000_000;

/// Bodies of an infinite loop.
const CASES: [(&str, &str); 22] = [
    ("call", "(call $leaf)"),
    ("call_indirect", "(call_indirect (i32.const 0))"),
    ("memory.fill, long", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0xffffff))"),
    ("memory.fill, short", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 1))"),
    ("memory.copy, long", "(memory.copy (i32.const 9) (i32.const 0) (i32.const 0xffffff))"),
    ("memory.init", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))"),
    ("memory.size", "(drop (memory.size))"),
    ("memory.grow, none", "(drop (memory.grow (i32.const 0)))"),
    ("memory.grow, refused", "(drop (memory.grow (i32.const 99999)))"),
    ("data.drop", "(data.drop $d)"),
    ("table.get", "(drop (table.get (i32.const 0)))"),
    ("table.set", "(table.set (i32.const 0) (ref.null func))"),
    ("table.fill, long", "(table.fill (i32.const 0) (ref.null func) (i32.const 90000))"),
    ("table.copy, long", "(table.copy (i32.const 1) (i32.const 0) (i32.const 90000))"),
    ("table.grow, none", "(drop (table.grow (ref.null func) (i32.const 0)))"),
    ("elem.drop", "(elem.drop $e)"),
    ("ref.func", "(drop (ref.func $leaf))"),
    (
        "i64.div_u",
        "(local.set $i (i64.div_u (i64.const -9) (i64.or (local.get $i) (i64.const 1))))",
    ),
    ("f64.sqrt", "(local.set $f (f64.sqrt (f64.div (f64.const 7e9) (local.get $f))))"),
    ("i64x2.mul", "(local.set $v (i64x2.mul (local.get $v) (local.get $v)))"),
    ("i8x16.shr_s", "(local.set $v (i8x16.shr_s (local.get $v) (i32.const 3)))"),
    (
        "i32.load, random and dependent",
        "(local.set $s
           (i32.add (i32.mul (local.get $s) (i32.const 1664525)) (i32.const 1013904223)))
         (local.set $x (i32.load (i32.add (local.get $x)
           (i32.shr_u (local.get $s) (i32.const 8)))))",
    ),
];

#[test]
#[ignore = "a measurement"]
fn time_of_ten_million_units() {
    for (name, body) in CASES {
        let wat = format!(
            r#"(module (memory 500) (table 100000 funcref) (data $d "abc")
                 (elem $e declare func $leaf) (elem (i32.const 0) $leaf) (func $leaf)
                 (func (export "touch")
                   (memory.fill (i32.const 0) (i32.const 0) (i32.const 0x1f40000)))
                 (func (export "run") (local $i i64) (local $f f64) (local $v v128)
                   (local $s i32) (local $x i32) (loop {body} (br 0))))"#
        );
        let engine = engine::compiling(Tier::Optimized, &Limits::default());
        let module = Module::new(&engine, wat::parse_str(wat).unwrap()).unwrap();
        let mut store = Store::new(engine);
        let instance = Instance::new(&mut store, &module, &imports! {}).unwrap();
        // Untouched pages all map to one page of zeros, which causes no cache misses.
        parts::meter(&instance, &mut store).unwrap().refill(UNITS);
        instance.exports.get_function("touch").unwrap().call(&mut store, &[]).unwrap();
        let run = instance.exports.get_function("run").unwrap();
        let rounds = std::array::from_fn::<_, 3, _>(|_| {
            parts::meter(&instance, &mut store).unwrap().refill(UNITS);
            let begin = Instant::now();
            run.call(&mut store, &[]).unwrap_err();
            begin.elapsed()
        });
        println!("{name:32} {:?}", rounds.into_iter().min().unwrap());
    }
}
