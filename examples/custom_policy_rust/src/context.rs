//! The proxy-wasm contexts around the rule.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

use crate::rule::{Verdict, Versions};

const HEADER: &str = "x-api-version";
const REFUSAL: &[u8] = br#"{"title":"Bad Request","status":400,"detail":"unknown API version"}"#;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root(Rc::default())));
}}

/// One for each instance: it reads the configuration once.
struct Root(Rc<Versions>);

impl Context for Root {}

impl RootContext for Root {
    /// `false` refuses the start: a policy with an invalid configuration never serves.
    fn on_configure(&mut self, _size: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        match Versions::from_json(&json) {
            Ok(versions) => {
                self.0 = Rc::new(versions);
                true
            }
            Err(reason) => {
                // The host shows this line as the reason; a failure to log cannot be reported.
                let _ = hostcalls::log(LogLevel::Error, &format!("api_version: {reason}"));
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { versions: Rc::clone(&self.0), served: None }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// One for each request and its response.
struct Stream {
    versions: Rc<Versions>,
    served: Option<String>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        // The value is the client's: it may be bytes that are not UTF-8.
        let asked = self.get_http_request_header_bytes(HEADER);
        let verdict = self.versions.judge(asked.as_deref());
        let Verdict::Serve(version) = verdict else {
            let fields = vec![("content-type", "application/problem+json")];
            self.send_http_response(400, fields, Some(REFUSAL));
            return Action::Pause;
        };
        self.set_http_request_header(HEADER, Some(version));
        self.served = Some(version.to_owned());
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        if let Some(version) = &self.served {
            self.set_http_response_header(HEADER, Some(version));
        }
        Action::Continue
    }
}
