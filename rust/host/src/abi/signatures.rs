//! Every function that a guest may import, with its type.
//!
//! The table is one for all dialects: no function changed its type between 0.1.0 and 0.2.100, and
//! real guests import functions of a neighbouring version. The spec declares three functions of
//! 0.1.0 without a result; guests and other hosts give them an i32, and so does this table.

use wasmer::{FunctionType, Type};

use crate::abi::argument::{Number, types};
use crate::abi::hostcalls::{proxy_hostcalls, wasi_hostcalls};

/// A function that the host provides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HostFunction {
    pub(crate) module: &'static str,
    pub(crate) name: &'static str,
    pub(crate) params: &'static [Type],
    pub(crate) results: &'static [Type],
}

impl HostFunction {
    /// Whether a guest's import has this function's type.
    pub(crate) fn matches(&self, ty: &FunctionType) -> bool {
        ty.params() == self.params && ty.results() == self.results
    }

    /// The type as in messages, like `(i32, i64) -> i32`.
    pub(crate) fn signature(&self) -> String {
        signature(self.params, self.results)
    }
}

/// A function type as in messages, like `(i32, i64) -> i32`.
pub(crate) fn signature(params: &[Type], results: &[Type]) -> String {
    let list = |types: &[Type]| {
        types.iter().map(|ty| ty.to_string().to_lowercase()).collect::<Vec<_>>().join(", ")
    };
    let results = if results.is_empty() { "()".to_owned() } else { list(results) };
    format!("({}) -> {results}", list(params))
}

/// A row: name, parameters, results.
type Row = (&'static str, &'static [Type], &'static [Type]);

/// What a hostcall answers: a status, or WASI's errno.
const STATUS: &[Type] = &[Type::I32];
const WASI: [&str; 2] = ["wasi_snapshot_preview1", "wasi_unstable"];

macro_rules! rows {
    ($( $name:literal => $heading:ident :: $function:ident ( $( $argument:ident : $kind:ident ),* ) $stage:ident; )*) => {
        &[$( ($name, &[$( <types::$kind as Number>::TYPE ),*], STATUS) ),*]
    };
}

const PROXY_FUNCTIONS: &[Row] = proxy_hostcalls!(rows!());
const WASI_FUNCTIONS: &[Row] = wasi_hostcalls!(rows!());

/// What answers no status: Emscripten's functions, and the end of the guest.
const WITHOUT_STATUS: &[Row] = &[
    ("emscripten_notify_memory_growth", &[Type::I32], &[]),
    ("pthread_equal", &[Type::I32; 2], &[Type::I32]),
    ("emscripten_get_now", &[], &[Type::F64]),
    ("emscripten_date_now", &[], &[Type::F64]),
    ("emscripten_get_now_res", &[], &[Type::F64]),
    ("_emscripten_get_now_is_monotonic", &[], &[Type::I32]),
];
const EXIT: &[Row] = &[("proc_exit", &[Type::I32], &[])];

/// All functions of the tables.
pub(crate) fn all() -> impl Iterator<Item = HostFunction> {
    let of = |module, rows: &'static [Row]| {
        rows.iter().map(move |&(name, params, results)| HostFunction {
            module,
            name,
            params,
            results,
        })
    };
    let env = of("env", PROXY_FUNCTIONS).chain(of("env", WITHOUT_STATUS));
    let wasi = move |module| of(module, WASI_FUNCTIONS).chain(of(module, EXIT));
    env.chain(WASI.into_iter().flat_map(wasi))
}

/// The function under a name, if the host has it.
pub(crate) fn find(module: &str, name: &str) -> Option<HostFunction> {
    all().find(|function| function.name == name && function.module == module)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = all().map(|function| (function.module, function.name)).collect();
        assert_eq!(names.len(), all().count());
    }

    #[test]
    fn wasi_has_the_46_names_of_preview1() {
        let count = |module| all().filter(|function| function.module == module).count();
        assert_eq!(WASI.map(count), [46, 46]);
    }

    #[test]
    fn a_metric_is_recorded_with_an_i64() {
        let function = find("env", "proxy_record_metric").unwrap();
        assert_eq!(function.signature(), "(i32, i64) -> i32");
    }

    #[test]
    fn path_link_has_the_arity_of_preview1() {
        let function = find("wasi_snapshot_preview1", "path_link").unwrap();
        assert_eq!(function.params.len(), 7);
    }

    #[test]
    fn the_old_wasi_module_has_the_same_functions() {
        assert!(find("wasi_unstable", "fd_write").is_some());
    }

    #[test]
    fn a_function_without_result_is_shown_as_one() {
        assert_eq!(find("wasi_unstable", "proc_exit").unwrap().signature(), "(i32) -> ()");
    }

    #[test]
    fn an_unknown_name_is_not_found() {
        assert!(find("env", "proxy_foo").is_none());
    }
}
