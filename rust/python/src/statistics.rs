//! `CallbackStatistics` and `PolicyStatistics`.

use pyo3::prelude::*;
use wasmgate_host as host;

/// What one callback of one policy used.
#[pyclass(frozen, module = "wasmgate._native", get_all)]
pub(crate) struct CallbackStatistics {
    policy: String,
    callback: String,
    count: u64,
    fuel: u64,
    fuel_buckets: Vec<(u64, u64)>,
    timed: u64,
    nanoseconds: u64,
    time_buckets: Vec<(u64, u64)>,
}

impl From<host::CallbackStatistics> for CallbackStatistics {
    fn from(its: host::CallbackStatistics) -> Self {
        Self {
            fuel_buckets: its.fuel_buckets(),
            time_buckets: its.time_buckets(),
            policy: its.policy,
            callback: its.callback,
            count: its.fuel.count,
            fuel: its.fuel.sum,
            timed: its.time.count,
            nanoseconds: its.time.sum,
        }
    }
}

/// What one policy used as a whole, and how it failed.
#[pyclass(frozen, module = "wasmgate._native", get_all)]
pub(crate) struct PolicyStatistics {
    policy: String,
    memory: u64,
    traps: u64,
    out_of_fuel: u64,
    out_of_memory: u64,
    callouts: u64,
    put_off: u64,
}

impl From<host::PolicyStatistics> for PolicyStatistics {
    fn from(its: host::PolicyStatistics) -> Self {
        Self {
            policy: its.policy,
            memory: its.memory,
            traps: its.traps,
            out_of_fuel: its.out_of_fuel,
            out_of_memory: its.out_of_memory,
            callouts: its.callouts,
            put_off: its.put_off,
        }
    }
}
