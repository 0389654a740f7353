//! The proxy-wasm contexts.

use crate::answer::Answer;
use crate::claims::{self, Grant};
use crate::credentials::{Credentials, is_b64token};
use crate::fields::Fields;
use crate::foreign::{Call, is_valid};
use crate::jws::{self, LastHeader};
use crate::memory::Memory;
use crate::refusal::Refusal;
use jwt_keys::algorithm::Algorithm;
use jwt_keys::material::PublicKey;
use jwt_settings::settings::Settings;
use policy_http::PROBLEM_JSON;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, Bytes, ContextType, LogLevel, Status};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::UNIX_EPOCH;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root(None)));
}}

/// State of one configuration, shared by its streams. A new configuration starts with a new one, so that no token
/// outlives the key that verified it.
struct Shared {
    settings: Settings,
    memory: RefCell<Memory>,
    last_header: LastHeader,
    /// Whether the host lacks `verify_signature` and `wasmgate_verify_signature`; each is called once to find out.
    missing: [Cell<bool>; 2],
}

struct Root(Option<Rc<Shared>>);

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let json = self.get_plugin_configuration().unwrap_or_default();
        match Settings::from_json(&json) {
            Ok(settings) => {
                for reason in settings.keys.left_out() {
                    let _ = hostcalls::log(
                        LogLevel::Debug,
                        &format!("jwt_auth: a key is not used: {reason}"),
                    );
                }
                self.0 = Some(Rc::new(Shared {
                    settings,
                    memory: RefCell::default(),
                    last_header: LastHeader::default(),
                    missing: [const { Cell::new(false) }; 2],
                }));
                true
            }
            Err(reason) => {
                // The error of the log itself cannot be reported anywhere.
                let _ = hostcalls::log(LogLevel::Error, &format!("jwt_auth: {reason}"));
                false
            }
        }
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let shared = Rc::clone(self.0.as_ref()?);
        Some(Box::new(Stream(shared)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream(Rc<Shared>);

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        match self.authenticate() {
            Ok(()) => Action::Continue,
            Err(answer) => {
                self.answer(answer);
                Action::Pause
            }
        }
    }
}

impl Stream {
    /// One read of all fields finds `Authorization` and the client's copies of claim headers. On hosts without Envoy's
    /// attribute `request.headers` the header map is read.
    fn authenticate(&self) -> Result<(), Answer> {
        let map = hostcalls::get_property(vec!["request", "headers"]).ok().flatten();
        if let Some(fields) = map.as_deref().and_then(Fields::read) {
            return self.check(fields.values("authorization"), &|name| {
                fields.values(name).next().is_some()
            });
        }
        let fields = self.get_http_request_headers_bytes();
        self.check(named(&fields, "authorization"), &|name| named(&fields, name).next().is_some())
    }

    fn check<'h>(
        &self,
        authorization: impl Iterator<Item = &'h [u8]>,
        is_sent: &dyn Fn(&str) -> bool,
    ) -> Result<(), Answer> {
        let token = match Credentials::read(authorization) {
            Credentials::Token(token) => token,
            Credentials::None => return Err(Answer::NoCredentials),
            Credentials::Malformed => return Err(Answer::Malformed),
        };
        let now = self.now();
        let mut memory = self.0.memory.borrow_mut();
        if let Some(grant) = memory.get(token) {
            grant.check_time(now).map_err(Answer::Refused)?;
            self.forward(grant, is_sent);
            return Ok(());
        }
        let grant = self.0.verify(token)?;
        grant.check_time(now).map_err(Answer::Refused)?;
        self.forward(&grant, is_sent);
        memory.put(token, grant, now);
        Ok(())
    }

    fn now(&self) -> u64 {
        let since = self.get_current_time().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Sets the user and the claim headers, in place of the client's copies.
    fn forward(&self, grant: &Grant, is_sent: &dyn Fn(&str) -> bool) {
        let settings = &self.0.settings;
        self.set_property(vec!["wasmgate", "user"], Some(&grant.user));
        let user = settings.rules.encoding.field(&grant.user);
        self.set_http_request_header_bytes(&settings.user_header, Some(&user));
        for (name, value) in settings.claim_headers.iter().zip(&grant.headers) {
            if value.is_some() || is_sent(name) {
                self.set_http_request_header_bytes(name, value.as_deref());
            }
        }
        if !settings.forward {
            self.remove_http_request_header("authorization");
        }
    }

    fn answer(&self, answer: Answer) {
        let challenge = answer.challenge(self.0.settings.realm.as_deref());
        let problem = answer.problem();
        self.send_http_response(
            problem.status.into(),
            vec![("www-authenticate", &challenge), ("content-type", PROBLEM_JSON)],
            Some(&problem.body()),
        );
    }
}

fn named<'f>(fields: &'f [(String, Bytes)], name: &'f str) -> impl Iterator<Item = &'f [u8]> {
    let is_it = move |own: &str| own.eq_ignore_ascii_case(name);
    fields.iter().filter(move |(own, _)| is_it(own)).map(|(_, value)| value.as_slice())
}

impl Shared {
    fn verify(&self, token: &[u8]) -> Result<Grant, Answer> {
        let by_host = |algorithm, key: &_, message: &_, signature: &_| {
            self.verify_by_host(algorithm, key, message, signature)
        };
        let Settings { algorithms, keys, rules, .. } = &self.settings;
        jws::verify(token, algorithms, keys, &by_host, &self.last_header)
            .and_then(|payload| claims::grant(rules, &payload))
            .map_err(|refusal| match refusal {
                // Text that no bearer token has is a malformed request (RFC 6750 §3.1).
                Refusal::Malformed if !is_b64token(token) => Answer::Malformed,
                refusal => Answer::Refused(refusal),
            })
    }

    /// `None` if the host does not have the function or refuses the call.
    fn verify_by_host(
        &self,
        algorithm: Algorithm,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let missing =
            &self.missing[usize::from(!matches!(algorithm, Algorithm::Rs(_) | Algorithm::Es(_)))];
        if missing.get() {
            return None;
        }
        let call = Call::new(algorithm, key, message, signature)?;
        match hostcalls::call_foreign_function(call.function, Some(&call.arguments)) {
            Ok(results) => Some(is_valid(&results.unwrap_or_default())),
            Err(status) => {
                missing.set(status == Status::NotFound);
                None
            }
        }
    }
}
