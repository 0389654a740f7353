//! Names callers, turns bodies to upper case, counts requests. The same in other languages is beside it.

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, MetricType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { stamped: 0 }));
}}

struct Root {
    stamped: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        match hostcalls::define_metric(MetricType::Counter, "stamped") {
            Ok(stamped) => {
                self.stamped = stamped;
                true
            }
            Err(_) => false,
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            stamped: self.stamped,
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream {
    stamped: u32,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let agent = self
            .get_http_request_header("user-agent")
            .unwrap_or_default();
        let id = self
            .get_http_request_header("x-request-id")
            .unwrap_or_default();
        self.set_http_request_header("x-caller", Some(&format!("{agent}/{id}")));
        // A request that is not counted goes on all the same.
        let _ = hostcalls::increment_metric(self.stamped, 1);
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, _end: bool) -> Action {
        if let Some(mut chunk) = self.get_http_request_body(0, size) {
            chunk.make_ascii_uppercase();
            self.set_http_request_body(0, size, &chunk);
        }
        Action::Continue
    }
}
