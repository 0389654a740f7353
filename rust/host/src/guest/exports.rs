//! The callbacks that a module exports (proxy-wasm/spec, "Callbacks").

use wasmer::{AsStoreRef, ExportError, Instance, Memory, TypedFunction, WasmTypeList};

use crate::abi::enums::Direction;
use crate::types::error::Error;
use crate::wasm::fuel::START;

/// Header callbacks take no `end_of_stream` in ABI 0.1.0.
pub(crate) enum HeadersCallback {
    Two(TypedFunction<(u32, u32), i32>),
    Three(TypedFunction<(u32, u32, u32), i32>),
}

/// The module's start function, then `_initialize` and `main` (or `__main_void`, which compilers
/// export for a `main` without parameters), or `_start`.
pub(crate) struct StartFunctions {
    pub(crate) instantiated: Option<TypedFunction<(), ()>>,
    pub(crate) initialize: Option<TypedFunction<(), ()>>,
    pub(crate) main: Option<TypedFunction<(i32, i32), i32>>,
    pub(crate) main_void: Option<TypedFunction<(), i32>>,
    pub(crate) start: Option<TypedFunction<(), ()>>,
}

pub(crate) type BodyCallback = TypedFunction<(u32, u32, u32), i32>;
pub(crate) type TrailersCallback = TypedFunction<(u32, u32), i32>;

/// Root context, number of the callout, counts of headers, body bytes and trailers.
pub(crate) type HttpCallCallback = TypedFunction<(u32, u32, u32, u32, u32), ()>;
/// Root context, number of the callout, and a size, a count or a status.
pub(crate) type AnswerCallback = TypedFunction<(u32, u32, u32), ()>;

/// All callbacks are optional.
pub(crate) struct Exports {
    pub(crate) context_create: Option<TypedFunction<(u32, u32), ()>>,
    pub(crate) vm_start: Option<TypedFunction<(u32, u32), i32>>,
    pub(crate) configure: Option<TypedFunction<(u32, u32), i32>>,
    pub(crate) tick: Option<TypedFunction<u32, ()>>,
    pub(crate) queue_ready: Option<TypedFunction<(u32, u32), ()>>,
    pub(crate) request_headers: Option<HeadersCallback>,
    pub(crate) response_headers: Option<HeadersCallback>,
    pub(crate) request_body: Option<BodyCallback>,
    pub(crate) response_body: Option<BodyCallback>,
    pub(crate) request_trailers: Option<TrailersCallback>,
    pub(crate) response_trailers: Option<TrailersCallback>,
    pub(crate) http_call_response: Option<HttpCallCallback>,
    pub(crate) grpc_metadata: Option<AnswerCallback>,
    pub(crate) grpc_message: Option<AnswerCallback>,
    pub(crate) grpc_trailers: Option<AnswerCallback>,
    pub(crate) grpc_close: Option<AnswerCallback>,
    pub(crate) redis_response: Option<TypedFunction<(u32, u32, u32, u32), ()>>,
    pub(crate) foreign_function: Option<AnswerCallback>,
    pub(crate) done: Option<TypedFunction<u32, i32>>,
    pub(crate) log: Option<TypedFunction<u32, ()>>,
    pub(crate) delete: Option<TypedFunction<u32, ()>>,
}

struct Source<'a, S> {
    instance: &'a Instance,
    store: &'a S,
}

impl<S: AsStoreRef> Source<'_, S> {
    fn find<A: WasmTypeList, R: WasmTypeList>(
        &self,
        name: &str,
    ) -> Result<Option<TypedFunction<A, R>>, Error> {
        match self.instance.exports.get_typed_function(self.store, name) {
            Ok(function) => Ok(Some(function)),
            Err(ExportError::Missing(_)) => Ok(None),
            Err(ExportError::IncompatibleType) => Err(Error::Instantiate(format!(
                "it exports {name} with parameters or results that the ABI does not have"
            ))),
        }
    }

    fn headers(&self, name: &str) -> Result<Option<HeadersCallback>, Error> {
        if let Ok(Some(three)) = self.find(name) {
            return Ok(Some(HeadersCallback::Three(three)));
        }
        Ok(self.find(name)?.map(HeadersCallback::Two))
    }
}

impl Exports {
    pub(crate) fn headers(&self, direction: Direction) -> Option<&HeadersCallback> {
        match direction {
            Direction::Request => self.request_headers.as_ref(),
            Direction::Response => self.response_headers.as_ref(),
        }
    }

    pub(crate) fn body(&self, direction: Direction) -> Option<&BodyCallback> {
        match direction {
            Direction::Request => self.request_body.as_ref(),
            Direction::Response => self.response_body.as_ref(),
        }
    }

    pub(crate) fn trailers(&self, direction: Direction) -> Option<&TrailersCallback> {
        match direction {
            Direction::Request => self.request_trailers.as_ref(),
            Direction::Response => self.response_trailers.as_ref(),
        }
    }

    pub(crate) fn of(instance: &Instance, store: &impl AsStoreRef) -> Result<Self, Error> {
        let source = Source { instance, store };
        Ok(Self {
            context_create: source.find("proxy_on_context_create")?,
            vm_start: source.find("proxy_on_vm_start")?,
            configure: source.find("proxy_on_configure")?,
            tick: source.find("proxy_on_tick")?,
            queue_ready: source.find("proxy_on_queue_ready")?,
            request_headers: source.headers("proxy_on_request_headers")?,
            response_headers: source.headers("proxy_on_response_headers")?,
            request_body: source.find("proxy_on_request_body")?,
            response_body: source.find("proxy_on_response_body")?,
            request_trailers: source.find("proxy_on_request_trailers")?,
            response_trailers: source.find("proxy_on_response_trailers")?,
            http_call_response: source.find("proxy_on_http_call_response")?,
            grpc_metadata: source.find("proxy_on_grpc_receive_initial_metadata")?,
            grpc_message: source.find("proxy_on_grpc_receive")?,
            grpc_trailers: source.find("proxy_on_grpc_receive_trailing_metadata")?,
            grpc_close: source.find("proxy_on_grpc_close")?,
            redis_response: source.find("proxy_on_redis_call_response")?,
            foreign_function: source.find("proxy_on_foreign_function")?,
            done: source.find("proxy_on_done")?,
            log: source.find("proxy_on_log")?,
            delete: source.find("proxy_on_delete")?,
        })
    }
}

impl StartFunctions {
    pub(crate) fn of(instance: &Instance, store: &impl AsStoreRef) -> Result<Self, Error> {
        let source = Source { instance, store };
        Ok(Self {
            instantiated: source.find(START)?,
            initialize: source.find("_initialize")?,
            main: source.find("main")?,
            main_void: source.find("__main_void")?,
            start: source.find("_start")?,
        })
    }
}

/// The allocator: the specification's name first, then the deprecated one.
pub(crate) fn allocator(
    instance: &Instance,
    store: &impl AsStoreRef,
) -> Result<TypedFunction<u32, u32>, Error> {
    let source = Source { instance, store };
    let found = match source.find("proxy_on_memory_allocate")? {
        Some(function) => Some(function),
        None => source.find("malloc")?,
    };
    found.ok_or_else(|| {
        Error::Instantiate("it exports neither proxy_on_memory_allocate nor malloc".into())
    })
}

/// The memory that hostcalls read and write.
pub(crate) fn memory(instance: &Instance) -> Result<Memory, Error> {
    let memory = instance.exports.get_memory("memory");
    memory.cloned().map_err(|_| Error::Instantiate("it exports no memory".into()))
}
