//! The proxy-wasm contexts.

use crate::field_rules::Step;
use crate::pattern::TooLong;
use crate::settings::Settings;
use policy_http::{PROBLEM_JSON, Problem};
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MapType, Status};
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root(Rc::default())));
}}

/// RFC 9110 §15.5.15.
const PROBLEM: Problem =
    Problem { status: 414, title: "URI Too Long", detail: "The path is too long to be rewritten." };

struct Root(Rc<Settings>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        match Settings::from_json(&json) {
            Ok(settings) => {
                self.0 = Rc::new(settings);
                true
            }
            Err(reason) => {
                // The error of the log itself cannot be reported anywhere.
                let _ = hostcalls::log(LogLevel::Error, &format!("rewrite: {reason}"));
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream(Rc::clone(&self.0))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream(Rc<Settings>);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        if !self.0.path.is_empty() {
            let target = self.get_http_request_header_bytes(":path").unwrap_or_default();
            match self.0.path.apply(&target) {
                Ok(None) => {}
                Ok(Some(target)) => self.set_http_request_header_bytes(":path", Some(&target)),
                Err(TooLong) => return self.refuse(),
            }
        }
        if let Some(host) = &self.0.host {
            self.set_http_request_header(":authority", Some(host));
        }
        self.rewrite(&self.0.request, MapType::HttpRequestHeaders)
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        self.rewrite(&self.0.response, MapType::HttpResponseHeaders)
    }
}

impl Stream {
    /// A path that could not be rewritten is not forwarded.
    fn refuse(&self) -> Action {
        let headers = vec![("content-type", PROBLEM_JSON)];
        self.send_http_response(PROBLEM.status.into(), headers, Some(&PROBLEM.body()));
        Action::Pause
    }

    /// A rule that the host did not apply may be the one that hides a field, so the message is not forwarded.
    fn rewrite(&self, steps: &[Step], map: MapType) -> Action {
        if run(steps, map).is_ok() {
            return Action::Continue;
        }
        self.send_http_response(500, Vec::new(), None);
        Action::Pause
    }
}

fn run(steps: &[Step], map: MapType) -> Result<(), Status> {
    for step in steps {
        match step {
            Step::Remove(name) => hostcalls::remove_map_value(map, name)?,
            Step::Set(name, value) => hostcalls::set_map_value(map, name, Some(value))?,
            Step::Add(name, value) => {
                if hostcalls::get_map_value_bytes(map, name)?.is_none() {
                    hostcalls::add_map_value(map, name, value)?;
                }
            }
            Step::Append(name, value) => hostcalls::add_map_value(map, name, value)?,
        }
    }
    Ok(())
}
