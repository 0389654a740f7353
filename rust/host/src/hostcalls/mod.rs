//! The functions that a guest imports, split by the headings of the specification.
//!
//! To add one: a function in the file of its heading, a row in `abi/hostcalls.rs`, a case in the
//! fixture guest, a tick in the ABI table of the documentation.

#![allow(clippy::unnecessary_wraps, reason = "every hostcall has the same shape")]

mod buffers;
mod clocks;
mod contexts;
mod emscripten;
mod foreign;
mod grpc_calls;
mod higress;
mod http_calls;
mod http_fields;
mod http_streams;
mod legacy;
mod logging;
mod metrics;
mod properties;
mod redis;
mod shared_data;
mod shared_queues;
mod timers;
mod wasi;

use wasmer::{AsStoreMut, Extern, Function, FunctionEnv, FunctionType, Module, RuntimeError};

use crate::abi::argument::{Argument, Number, types};
use crate::abi::hostcalls::{proxy_hostcalls, wasi_hostcalls, wasi_unstable_hostcalls};
use crate::abi::signatures;
use crate::context::instance_state::InstanceState;
use crate::guest::memory::{Caller, Fault, Guest, answered, as_wasi};
use crate::guest::probe::Parameter;
use crate::guest::probe::hostcall::{hostcall, unsupported};

/// Tells the name of each function of a module, and how it is made.
type Table = fn(&mut dyn FnMut(&'static str, Maker));
type Maker = fn(&mut wasmer::StoreMut<'_>, &FunctionEnv<InstanceState>) -> Function;

macro_rules! bind {
    ($each:ident; $( $name:literal => $heading:ident :: $function:ident ( $( $argument:ident : $kind:ident ),* ) $stage:ident; )*) => {
        {
        $( $each($name, |store, env| {
            Function::new_typed_with_env(store, env,
                |mut caller: Caller<'_>, $( $argument: types::$kind ),*| -> Result<i32, RuntimeError> {
                    answered(bind!(@$stage caller, $name, $heading::$function, $( $argument: $kind ),*))
                })
        }); )*
        }
    };
    (@open $caller:ident, $name:literal, $function:path, $( $argument:ident : $kind:ident ),*) => {
        Guest::enter_open(&mut $caller, $name).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( bind!(= $argument: $kind) ),*],
                |guest| $function(guest, $( $argument ),*))
        })
    };
    (@any $caller:ident, $name:literal, $function:path, $( $argument:ident : $kind:ident ),*) => {
        Guest::enter(&mut $caller).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( bind!(= $argument: $kind) ),*],
                |guest| $function(guest, $( $argument ),*))
        })
    };
    (@wasi $caller:ident, $name:literal, $function:path, $( $argument:ident : $kind:ident ),*) => {
        as_wasi(Guest::enter(&mut $caller)).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( bind!(= $argument: $kind) ),*],
                |guest| as_wasi($function(guest, $( $argument ),*)))
        })
    };
    (= $argument:ident : $kind:ident) => {
        Parameter {
            name: stringify!($argument),
            kind: Argument::$kind,
            value: Number::number($argument),
        }
    };
}

const PROXY: Table = |each| proxy_hostcalls!(bind!(each;));
const WASI: Table = |each| wasi_hostcalls!(bind!(each;));
const WASI_UNSTABLE: Table = |each| wasi_unstable_hostcalls!(bind!(each;));

/// Everything that the module imports, in its order: loading has made sure that these are functions.
pub(crate) fn imports(
    store: &mut impl AsStoreMut,
    env: &FunctionEnv<InstanceState>,
    module: &Module,
) -> Vec<Extern> {
    let mut store = store.as_store_mut();
    let functions = module.imports().functions().map(|import| {
        let (module, name, signature) = (import.module(), import.name(), import.ty());
        if signatures::find(module, name).is_none() {
            return unknown(&mut store, module, name, signature);
        }
        let tables: &[Table] = match module {
            "env" => &[PROXY],
            "wasi_unstable" => &[WASI, WASI_UNSTABLE],
            _ => &[WASI],
        };
        let mut found = None;
        for table in tables {
            table(&mut |known, make| {
                if known == name {
                    found = Some(make);
                }
            });
        }
        match found {
            Some(make) => make(&mut store, env),
            None => without_status(&mut store, env, name, signature),
        }
    });
    functions.map(Extern::Function).collect()
}

fn unknown(
    store: &mut wasmer::StoreMut<'_>,
    module: &str,
    name: &str,
    signature: &FunctionType,
) -> Function {
    let trap = format!("the guest called {module}.{name}, which this host does not have");
    Function::new(store, signature, move |_| Err(RuntimeError::new(trap.as_str())))
}

/// The functions that answer no status: Emscripten's, and the end of the guest.
fn without_status(
    store: &mut wasmer::StoreMut<'_>,
    env: &FunctionEnv<InstanceState>,
    name: &str,
    signature: &FunctionType,
) -> Function {
    let name = name.to_owned();
    Function::new_with_env(store, env, signature, move |mut caller: Caller<'_>, arguments| {
        let answer = Guest::enter(&mut caller).map(|mut guest| {
            let ends = name == "proc_exit";
            let errno = unsupported(&mut guest, &name, |_| (!ends).then_some(0));
            errno.map(|_| emscripten::answer(guest.env.core.services.clock(), &name, arguments))
        });
        match answer {
            Err(Fault::Trap(trap)) => Err(trap),
            Ok(None) => Err(RuntimeError::new(format!("the guest called {name}"))),
            Ok(Some(results)) => Ok(results),
            Err(_) => Ok(Vec::new()),
        }
    })
}
