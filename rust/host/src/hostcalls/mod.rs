//! The functions that a guest imports, split by the headings of the specification.
//!
//! To add one: a function in the file of its heading, a row in `abi/hostcalls.rs`, a case in the
//! fixture guest, a row in the ABI table of the documentation.

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

use std::rc::Rc;

use wasmer::{Extern, Module, RuntimeError, Store};

use crate::abi::argument::{Argument, Number, types};
use crate::abi::hostcalls::{proxy_hostcalls, wasi_hostcalls, wasi_unstable_hostcalls};
use crate::abi::signatures;
use crate::context::instance_state::InstanceState;
use crate::guest::memory::{Caller, Fault, Guest, answered, as_wasi};
use crate::guest::probe::Parameter;
use crate::guest::probe::hostcall::{hostcall, unsupported};
use crate::services::clock::Clock;
use crate::wasm::border::host_functions;
use crate::wasm::border::link::Link;

/// Passes on the name of each function of a module, with the function that creates it.
type Table = fn(&mut dyn FnMut(&'static str, Maker));
type Maker = fn(&mut Linker<'_>) -> Extern;
type Linker<'a> = host_functions::Linker<'a, InstanceState>;

macro_rules! bind {
    ($each:ident; $( $name:literal => $heading:ident :: $function:ident ( $( $argument:ident : $kind:ident ),* ) $stage:ident; )*) => {
        {
        $( $each($name, |linker| {
            linker.function(
                |caller: Caller<'_>, $( $argument: types::$kind ),*| -> Result<i32, RuntimeError> {
                    answered(bind!(@$stage caller, $name, $heading::$function, $( $argument: $kind ),*))
                })
        }); )*
        }
    };
    (@open $caller:ident, $name:literal, $function:path, $( $argument:ident : $kind:ident ),*) => {
        Guest::enter_open($caller, $name).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( bind!(= $argument: $kind) ),*],
                |guest| $function(guest, $( $argument ),*))
        })
    };
    (@any $caller:ident, $name:literal, $function:path, $( $argument:ident : $kind:ident ),*) => {
        Guest::enter($caller).and_then(|mut guest| {
            hostcall(&mut guest, $name, || [$( bind!(= $argument: $kind) ),*],
                |guest| $function(guest, $( $argument ),*))
        })
    };
    (@wasi $caller:ident, $name:literal, $function:path, $( $argument:ident : $kind:ident ),*) => {
        as_wasi(Guest::enter($caller)).and_then(|mut guest| {
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

/// The functions that return no status: Emscripten's, and `proc_exit`.
const WITHOUT_STATUS: Table = |each| {
    each("emscripten_notify_memory_growth", |linker| {
        linker.function(|caller: Caller<'_>, _: u32| {
            without_status(caller, "emscripten_notify_memory_growth", |_| ())
        })
    });
    each("pthread_equal", |linker| {
        linker.function(|caller: Caller<'_>, one: u32, other: u32| {
            without_status(caller, "pthread_equal", |_| i32::from(one == other))
        })
    });
    each("emscripten_get_now", |linker| {
        linker.function(|caller: Caller<'_>| {
            let now = |clock: &Clock| emscripten::milliseconds(clock.monotonic());
            without_status(caller, "emscripten_get_now", now)
        })
    });
    each("emscripten_date_now", |linker| {
        linker.function(|caller: Caller<'_>| {
            let now = |clock: &Clock| emscripten::milliseconds(clock.unix());
            without_status(caller, "emscripten_date_now", now)
        })
    });
    each("emscripten_get_now_res", |linker| {
        linker.function(|caller: Caller<'_>| {
            without_status(caller, "emscripten_get_now_res", |_| emscripten::RESOLUTION)
        })
    });
    each("_emscripten_get_now_is_monotonic", |linker| {
        linker.function(|caller: Caller<'_>| {
            without_status(caller, "_emscripten_get_now_is_monotonic", |_| 1_i32)
        })
    });
    each("proc_exit", |linker| {
        linker.function(|caller: Caller<'_>, _: u32| -> Result<(), RuntimeError> {
            without_status(caller, "proc_exit", |_| ())?;
            Err(RuntimeError::new("the guest called proc_exit"))
        })
    });
};

/// Creates all imports of the module, in order; `module::check` has verified that they are functions.
pub(crate) fn imports(
    store: &mut Store,
    link: &Rc<Link<InstanceState>>,
    module: &Module,
) -> Vec<Extern> {
    let mut linker = Linker { store, link };
    let functions = module.imports().functions().map(|import| {
        let (module, name) = (import.module(), import.name());
        let tables: &[Table] = match module {
            _ if signatures::find(module, name).is_none() => &[],
            "env" => &[PROXY, WITHOUT_STATUS],
            "wasi_unstable" => &[WASI, WASI_UNSTABLE, WITHOUT_STATUS],
            _ => &[WASI, WITHOUT_STATUS],
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
            Some(make) => make(&mut linker),
            None => linker.unknown(
                import.ty(),
                format!("the guest called {module}.{name}, which this host does not have"),
            ),
        }
    });
    functions.collect()
}

fn without_status<R>(
    caller: Caller<'_>,
    name: &str,
    answer: impl FnOnce(&Clock) -> R,
) -> Result<R, RuntimeError> {
    let ends = name == "proc_exit";
    match Guest::enter(caller) {
        Ok(mut guest) => {
            unsupported(&mut guest, name, |_| (!ends).then_some(0));
            Ok(answer(guest.env.core.services.clock()))
        }
        Err(Fault::Trap(trap)) => Err(trap),
        // `Guest::enter` fails with a trap, or because the charge exhausted the fuel.
        Err(_) => Err(RuntimeError::new("a hostcall used up the fuel")),
    }
}
