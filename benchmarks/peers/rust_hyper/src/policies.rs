//! What the three policies of wasmgate do in the same benchmark: verify an RS256 token, take from the
//! user's token bucket, rewrite the path and two fields.

use crate::bucket::Buckets;
use crate::memory::Memory;
use crate::token::{Grant, Verifier};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, StatusCode, Uri};
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime};

const PREFIX: &str = "/v1/";
const USER: HeaderName = HeaderName::from_static("x-auth-user");
const TIER: HeaderName = HeaderName::from_static("x-tier");
const PER_SECOND: f64 = 1_000_000.0; // so high that it never refuses

/// Why a request does not go on: a status, and a field of the answer that says more.
pub struct Refusal {
    pub status: StatusCode,
    pub field: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub fn of(status: StatusCode) -> Self {
        Self { status, field: None }
    }

    fn saying(status: StatusCode, name: HeaderName, value: &'static str) -> Self {
        Self { status, field: Some((name, HeaderValue::from_static(value))) }
    }
}

pub struct Policies {
    verifier: Verifier,
    memory: Mutex<Memory>,
    buckets: Mutex<Buckets>,
}

impl Policies {
    /// `remembered` tokens that verified are kept; 0 keeps none.
    ///
    /// # Errors
    /// If `pem` is not an RSA public key.
    pub fn new(pem: &str, remembered: usize) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            verifier: Verifier::new(pem)?,
            memory: Mutex::new(Memory::new(remembered)),
            buckets: Mutex::new(Buckets::new(PER_SECOND)),
        })
    }

    /// # Errors
    /// [`Refusal`] if the request may not go on.
    pub fn apply(&self, request: &mut Request<Incoming>) -> Result<(), Refusal> {
        let user = self.user(request).ok_or_else(|| {
            let challenge = r#"Bearer error="invalid_token""#;
            Refusal::saying(StatusCode::UNAUTHORIZED, header::WWW_AUTHENTICATE, challenge)
        })?;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.take(user.as_bytes(), Instant::now()) {
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Refusal::saying(status, header::RETRY_AFTER, "1"));
        }
        request.headers_mut().insert(USER, user);
        request.headers_mut().insert(TIER, HeaderValue::from_static("gold"));
        rewrite(request.uri_mut());
        Ok(())
    }

    fn user(&self, request: &Request<Incoming>) -> Option<HeaderValue> {
        let field = request.headers().get(header::AUTHORIZATION)?;
        let token = field.as_bytes().strip_prefix(b"Bearer ")?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(grant) = memory.get(token) {
            return (now < grant.until).then(|| grant.user.clone());
        }
        let grant: Grant = self.verifier.verify(token, now)?;
        let user = grant.user.clone();
        memory.put(token, grant);
        Some(user)
    }
}

fn rewrite(uri: &mut Uri) {
    let Some(rest) = uri.path_and_query().and_then(|path| path.as_str().strip_prefix(PREFIX))
    else {
        return;
    };
    if let Ok(path) = PathAndQuery::try_from(format!("/{rest}")) {
        *uri = Uri::from(path);
    }
}
