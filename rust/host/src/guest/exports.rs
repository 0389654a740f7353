//! The callbacks that a module exports (proxy-wasm/spec, "Callbacks").

use crate::abi::answers::{AnswerArguments, AnswerCallback, answer_callbacks};
use crate::abi::enums::Direction;
use crate::context::instance_state::InstanceState;
use crate::types::error::Error;
use crate::wasm::border::call::{Call, GuestFunction};
use crate::wasm::border::instance::WasmInstance;
use crate::wasm::fuel::START;
use crate::wasm::module::CompiledModule;

/// The callback for headers, which has no parameter `end_of_stream` in ABI 0.1.0.
#[derive(Clone, Copy)]
pub(crate) enum HeadersCallback {
    Two(GuestFunction<2, 1>),
    Three(GuestFunction<3, 1>),
}

impl HeadersCallback {
    pub(crate) fn with(self, context: u32, fields: u32, end: bool) -> Call {
        match self {
            Self::Two(callback) => callback.with([context, fields]),
            Self::Three(callback) => callback.with([context, fields, end.into()]),
        }
    }
}

/// The module's start function, then `_initialize` and `main` (or `__main_void`, which compilers
/// export for a `main` without parameters), or `_start`.
pub(crate) struct StartFunctions {
    pub(crate) instantiated: Option<GuestFunction<0, 0>>,
    pub(crate) initialize: Option<GuestFunction<0, 0>>,
    pub(crate) main: Option<GuestFunction<2, 1>>,
    pub(crate) main_void: Option<GuestFunction<0, 1>>,
    pub(crate) start: Option<GuestFunction<0, 0>>,
}

pub(crate) type BodyCallback = GuestFunction<3, 1>;
pub(crate) type TrailersCallback = GuestFunction<2, 1>;

/// All callbacks are optional.
pub(crate) struct Exports {
    pub(crate) context_create: Option<GuestFunction<2, 0>>,
    pub(crate) vm_start: Option<GuestFunction<2, 1>>,
    pub(crate) configure: Option<GuestFunction<2, 1>>,
    pub(crate) tick: Option<GuestFunction<1, 0>>,
    pub(crate) queue_ready: Option<GuestFunction<2, 0>>,
    pub(crate) request_headers: Option<HeadersCallback>,
    pub(crate) response_headers: Option<HeadersCallback>,
    pub(crate) request_body: Option<BodyCallback>,
    pub(crate) response_body: Option<BodyCallback>,
    pub(crate) request_trailers: Option<TrailersCallback>,
    pub(crate) response_trailers: Option<TrailersCallback>,
    pub(crate) answers: AnswerExports,
    pub(crate) done: Option<GuestFunction<1, 1>>,
    pub(crate) log: Option<GuestFunction<1, 0>>,
    pub(crate) delete: Option<GuestFunction<1, 0>>,
}

macro_rules! answer_exports {
    ($( $name:ident($export:literal)($($argument:ident),*) $buffer:ident $code:literal; )*) => {
        /// The callbacks that deliver the responses to callouts.
        #[allow(non_snake_case, reason = "a field has the name of its row")]
        pub(crate) struct AnswerExports {
            $( $name: Option<GuestFunction<{ 2 + [$(stringify!($argument)),*].len() }, 0>>, )*
        }

        impl AnswerExports {
            fn of(callbacks: &mut Callbacks<'_>) -> Result<Self, Error> {
                Ok(Self { $( $name: callbacks.find($export)?, )* })
            }

            /// The call of the guest's callback, if the guest exports it.
            pub(crate) fn with(
                &self,
                callback: AnswerCallback,
                (root, number): (u32, u32),
                arguments: AnswerArguments,
            ) -> Option<Call> {
                match callback {
                    $( AnswerCallback::$name => {
                        self.$name.map(|f| f.with([root, number, $(arguments.$argument),*]))
                    } )*
                }
            }
        }
    };
}

answer_callbacks!(answer_exports!());

struct Source<'a> {
    instance: &'a mut WasmInstance<InstanceState>,
}

impl Source<'_> {
    fn find<const N: usize, const R: usize>(
        &mut self,
        name: &str,
    ) -> Result<Option<GuestFunction<N, R>>, Error> {
        self.instance.function(name).map_err(|_| {
            Error::Instantiate(format!(
                "it exports {name} with parameters or results that the ABI does not have"
            ))
        })
    }
}

/// The instance and the module in which callbacks are looked up.
struct Callbacks<'a> {
    source: Source<'a>,
    module: &'a CompiledModule,
}

impl Callbacks<'_> {
    /// Finds a callback; one that does nothing is marked as such.
    fn find<const N: usize, const R: usize>(
        &mut self,
        name: &str,
    ) -> Result<Option<GuestFunction<N, R>>, Error> {
        let found = self.source.find(name)?;
        Ok(found.map(|function| function.known_as(self.module.idle(name))))
    }

    fn headers(&mut self, name: &str) -> Result<Option<HeadersCallback>, Error> {
        if let Ok(Some(three)) = self.find(name) {
            return Ok(Some(HeadersCallback::Three(three)));
        }
        Ok(self.find(name)?.map(HeadersCallback::Two))
    }
}

impl Exports {
    pub(crate) fn headers(&self, direction: Direction) -> Option<HeadersCallback> {
        match direction {
            Direction::Request => self.request_headers,
            Direction::Response => self.response_headers,
        }
    }

    pub(crate) fn body(&self, direction: Direction) -> Option<BodyCallback> {
        match direction {
            Direction::Request => self.request_body,
            Direction::Response => self.response_body,
        }
    }

    pub(crate) fn trailers(&self, direction: Direction) -> Option<TrailersCallback> {
        match direction {
            Direction::Request => self.request_trailers,
            Direction::Response => self.response_trailers,
        }
    }

    /// Finds the callbacks of an instance of `module`.
    pub(crate) fn of(
        instance: &mut WasmInstance<InstanceState>,
        module: &CompiledModule,
    ) -> Result<Self, Error> {
        let mut callbacks = Callbacks { source: Source { instance }, module };
        Ok(Self {
            context_create: callbacks.find("proxy_on_context_create")?,
            vm_start: callbacks.find("proxy_on_vm_start")?,
            configure: callbacks.find("proxy_on_configure")?,
            tick: callbacks.find("proxy_on_tick")?,
            queue_ready: callbacks.find("proxy_on_queue_ready")?,
            request_headers: callbacks.headers("proxy_on_request_headers")?,
            response_headers: callbacks.headers("proxy_on_response_headers")?,
            request_body: callbacks.find("proxy_on_request_body")?,
            response_body: callbacks.find("proxy_on_response_body")?,
            request_trailers: callbacks.find("proxy_on_request_trailers")?,
            response_trailers: callbacks.find("proxy_on_response_trailers")?,
            answers: AnswerExports::of(&mut callbacks)?,
            done: callbacks.find("proxy_on_done")?,
            log: callbacks.find("proxy_on_log")?,
            delete: callbacks.find("proxy_on_delete")?,
        })
    }
}

impl StartFunctions {
    pub(crate) fn of(instance: &mut WasmInstance<InstanceState>) -> Result<Self, Error> {
        let mut source = Source { instance };
        Ok(Self {
            instantiated: source.find(START)?,
            initialize: source.find("_initialize")?,
            main: source.find("main")?,
            main_void: source.find("__main_void")?,
            start: source.find("_start")?,
        })
    }
}

/// The allocator: the name in the specification first, then the deprecated one.
pub(crate) fn allocator(
    instance: &mut WasmInstance<InstanceState>,
) -> Result<GuestFunction<1, 1>, Error> {
    let mut source = Source { instance };
    let found = match source.find("proxy_on_memory_allocate")? {
        Some(function) => Some(function),
        None => source.find("malloc")?,
    };
    found.ok_or_else(|| {
        Error::Instantiate("it exports neither proxy_on_memory_allocate nor malloc".into())
    })
}
