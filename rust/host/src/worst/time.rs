//! What the host computes for a guest is charged: the time that a unit of fuel stands for, by hostcall.

use std::time::Instant;

use crate::worst::{Loop, Stage, all, drive, guest};

const FUEL: u64 = 20_000_000;
/// A call is measured so often, and the quickest counts: others use the processor, too.
const ROUNDS: usize = 3;
/// A call that seems too slow is looked at again.
const MORE_ROUNDS: usize = 12;
/// How many times the median a call may take for its units.
const MOST: f64 = 10.0;

const LENGTH: &str = "(i32.const 65536)";

/// Nanoseconds of a unit, the least of some rounds.
fn nanoseconds(stage: &Stage, rounds: usize) -> f64 {
    let round = |_| {
        let (chain, mut took) = (stage.chain(), 0.0);
        drive(&chain, |stream| {
            let began = Instant::now();
            drop(stream.on_request_body(&[b'b'; 4096], false));
            took = began.elapsed().as_secs_f64() * 1e9;
        });
        let used: u64 = stage.host.callbacks().iter().map(|its| its.fuel.sum).sum();
        (took, used)
    };
    let (mut least, mut before) = (f64::INFINITY, 0);
    for (took, used) in (0..rounds).map(round) {
        #[allow(clippy::cast_precision_loss, reason = "a measurement")]
        let units = (used - before).max(1) as f64;
        (least, before) = (least.min(took / units), used);
    }
    least
}

#[test]
fn no_hostcall_takes_ten_times_the_usual_time_of_its_units() {
    let run = Loop { calls: u64::from(u32::MAX >> 1), length: LENGTH };
    let measured = all().into_iter().filter(|(_, row)| !row.ends).map(|(function, row)| {
        let stage = Stage::of(&guest(&function, &row, &run), FUEL);
        let called = format!(
            "{}.{} {} {}",
            function.module,
            function.name,
            row.arguments,
            row.path.escape_ascii()
        );
        let least = nanoseconds(&stage, ROUNDS);
        println!("{least:8.2} ns a unit: {called}");
        (least, called, stage)
    });
    let mut measured: Vec<_> = measured.collect();
    measured.sort_by(|(one, ..), (other, ..)| one.total_cmp(other));
    let median = measured[measured.len() / 2].0;
    let slow = measured.into_iter().filter(|(nanoseconds, ..)| *nanoseconds > MOST * median);
    let slow: Vec<_> = slow
        .map(|(_, called, stage)| (nanoseconds(&stage, MORE_ROUNDS) / median, called))
        .filter(|(times, _)| *times > MOST)
        .collect();
    assert!(slow.is_empty(), "times the median of {median:.2} ns a unit: {slow:#?}");
}
