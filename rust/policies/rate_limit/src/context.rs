//! The proxy-wasm contexts.

use crate::clock;
use crate::identity::{By, Identity};
use crate::settings::Settings;
use crate::store::Store;
use crate::verdict::{PROBLEM, Verdict};
use policy_http::PROBLEM_JSON;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, Bytes, ContextType, LogLevel, Status};
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root(None)));
}}

struct Shared {
    settings: Settings,
    store: Store,
}

struct Root(Option<Rc<Shared>>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        let name = property(vec!["plugin_name"]).unwrap_or_default();
        let shared = Settings::from_json(&json).and_then(|settings| {
            let store = Store::open(&String::from_utf8_lossy(&name), &settings.scope()).map_err(
                |status| {
                    format!("the host's shared data cannot be used (status {})", status as u32)
                },
            )?;
            Ok(Shared { settings, store })
        });
        match shared {
            Ok(shared) => {
                self.0 = Some(Rc::new(shared));
                true
            }
            Err(reason) => {
                // The error of the log itself cannot be reported anywhere.
                let _ = hostcalls::log(LogLevel::Error, &format!("rate_limit: {reason}"));
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let shared = Rc::clone(self.0.as_ref()?);
        Some(Box::new(Stream { shared, passed: None }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A property; `None` also on a host that does not have it or cannot serialize it.
fn property(path: Vec<&str>) -> Option<Bytes> {
    hostcalls::get_property(path).ok().flatten()
}

struct Stream {
    shared: Rc<Shared>,
    /// What the response fields are made from. A local response has its fields already.
    passed: Option<Verdict>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        match self.take() {
            Ok(verdict) if verdict.retry_after.is_none() => {
                self.passed = Some(verdict).filter(|_| self.shared.settings.headers);
                Action::Continue
            }
            verdict => {
                self.refuse(verdict.unwrap_or(Verdict::CONTENDED));
                Action::Pause
            }
        }
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        if let Some(verdict) = self.passed {
            for (name, value) in verdict.fields() {
                self.set_http_response_header(name, Some(&value));
            }
        }
        Action::Continue
    }
}

impl Stream {
    fn take(&self) -> Result<Verdict, Status> {
        let Shared { settings, store } = &*self.shared;
        store.take(settings, self.identity(&settings.by).hash(store.seed()), clock::now()?)
    }

    fn identity(&self, by: &By) -> Identity {
        let found = match by {
            By::Address => None,
            By::User => property(vec!["wasmgate", "user"]).map(Identity::User),
            By::Header(name) => self.get_http_request_header_bytes(name).map(Identity::Header),
        };
        found.unwrap_or_else(|| {
            let source = property(vec!["source", "address"]).unwrap_or_default();
            Identity::of_address(&source)
        })
    }

    fn refuse(&self, verdict: Verdict) {
        let retry_after = verdict.retry_after.unwrap_or(1).max(1).to_string();
        let fields = verdict.fields();
        let mut headers = vec![("retry-after", &*retry_after), ("content-type", PROBLEM_JSON)];
        headers.extend(fields.iter().map(|(name, value)| (*name, &**value)));
        self.send_http_response(PROBLEM.status.into(), headers, Some(&PROBLEM.body()));
    }
}
