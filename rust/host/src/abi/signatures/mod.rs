//! Every function that a guest may import, with its type.
//!
//! The table is one for all dialects: no function changed its type between 0.1.0 and 0.2.100, and
//! real guests import functions of a neighbouring version. The spec declares three functions of
//! 0.1.0 without a result; guests and other hosts give them an i32, and so does this table.

mod env;
mod wasi;

use wasmer::{FunctionType, Type};

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

/// All functions of the table.
pub(crate) fn all() -> impl Iterator<Item = HostFunction> {
    let env = env::FUNCTIONS.iter().map(|&(name, params, results)| HostFunction {
        module: env::MODULE,
        name,
        params,
        results,
    });
    let wasi = wasi::MODULES.iter().flat_map(|&module| {
        wasi::FUNCTIONS.iter().map(move |&(name, params, results)| HostFunction {
            module,
            name,
            params,
            results,
        })
    });
    env.chain(wasi)
}

/// The function under a name, if the host has it.
pub(crate) fn find(module: &str, name: &str) -> Option<HostFunction> {
    all().find(|function| function.name == name && function.module == module)
}

/// A row: name, parameters, results.
type Row = (&'static str, &'static [Type], &'static [Type]);

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
        assert_eq!(wasi::FUNCTIONS.len(), 46);
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
