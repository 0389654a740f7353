//! What the host keeps for a guest is bounded: the resident memory of a process in which a guest calls.

use std::fs;
use std::process::Command;

use crate::abi::signatures::HostFunction;
use crate::types::limits::Limits;
use crate::worst::{Loop, Row, Stage, all, drive, guest};

/// What the host may have beside a guest's memory: 64 MiB of shared data, the rest of the table in
/// `docs/concepts/sandbox.md`, and what an allocator keeps.
const FIXED: usize = 96 << 20;
const CALLS: u64 = 1_000;
const CALLBACKS: usize = 10;
/// Says that this process is the one that is measured.
const MEASURED: &str = "WASMGATE_MEASURED";

fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Mostly 4 KiB, at times a megabyte, and once more than the guest's limits allow.
const LENGTH: &str = "(select (i32.const 0x800000)
    (select (i32.const 0x100000) (i32.const 4096)
        (i32.eqz (i32.and (local.get $i) (i32.const 255))))
    (i32.eq (local.get $i) (i32.const 900)))";

#[test]
#[cfg(target_os = "linux")]
fn ten_thousand_calls_of_each_hostcall_keep_no_more_than_its_bounds() {
    if std::env::var_os(MEASURED).is_some() {
        return call_all();
    }
    let name = "worst::memory::ten_thousand_calls_of_each_hostcall_keep_no_more_than_its_bounds";
    let this = std::env::current_exe().unwrap();
    let measured =
        Command::new(this).args(["--exact", name, "--nocapture"]).env(MEASURED, "1").output();
    let measured = measured.unwrap();
    let said = String::from_utf8_lossy(&measured.stdout);
    assert!(measured.status.success(), "{said}{}", String::from_utf8_lossy(&measured.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

fn calls(row: &Row) -> u64 {
    match row {
        Row { ends: true, .. } => 1,
        Row { slow: true, .. } => CALLS / 50,
        _ => CALLS,
    }
}

fn call_all() {
    let mut over = Vec::new();
    let most = usize::try_from(Limits::default().memory).unwrap() + FIXED;
    // The old name of WASI has the same functions.
    let of_name = |(function, _): &(HostFunction, Row)| function.module != "wasi_unstable";
    for (function, row) in all().into_iter().filter(of_name) {
        let run = Loop { calls: calls(&row), length: LENGTH };
        let stage = Stage::of(&guest(&function, &row, &run), u64::MAX >> 2);
        crate::host::trim_memory::trim_memory();
        let before = resident();
        let chain = stage.chain();
        let mut highest = 0;
        for _ in 0..CALLBACKS {
            drive(&chain, |stream| {
                // How it ended is the concern of others.
                drop(stream.on_request_body(&[b'b'; 4096], false));
                highest = highest.max(resident().saturating_sub(before));
            });
        }
        println!("{:6} KiB {} {}", highest >> 10, function.name, row.arguments);
        if highest > most {
            over.push((function.name, row.arguments, highest));
        }
    }
    assert!(over.is_empty(), "{over:?}");
}
