//! Forwarding: which fields are forwarded, where to, and the response when the upstream is down.

use crate::policies::{Policies, Refusal};
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

pub type Body = Either<Incoming, Full<Bytes>>;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// RFC 9110 §7.6.1; what `Connection` names goes too.
const OF_ONE_CONNECTION: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// The gateway: policies, if there are any, and the upstream behind them.
pub struct Proxy {
    client: Client<HttpConnector, Incoming>,
    upstream: Authority,
    policies: Option<Policies>,
}

impl Proxy {
    /// # Errors
    /// [`InvalidUri`] if `upstream` is no `host:port`.
    pub fn new(upstream: &str, policies: Option<Policies>) -> Result<Self, InvalidUri> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(5)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(75))
            .pool_max_idle_per_host(1024)
            .build(connector);
        Ok(Self { client, upstream: upstream.parse()?, policies })
    }

    /// Answers a request; every failure becomes a status.
    pub async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: IpAddr,
    ) -> Result<Response<Body>, Infallible> {
        if let Some(policies) = &self.policies
            && let Err(refusal) = policies.apply(&mut request)
        {
            return Ok(problem(&refusal));
        }
        *request.uri_mut() = self.target(request.uri());
        forget_connection(request.headers_mut());
        tell_client(request.headers_mut(), peer);
        Ok(match self.client.request(request).await {
            Ok(mut response) => {
                forget_connection(response.headers_mut());
                response.map(Either::Left)
            }
            Err(_) => problem(&Refusal::of(StatusCode::BAD_GATEWAY)),
        })
    }

    fn target(&self, asked: &Uri) -> Uri {
        let path = asked.path_and_query().cloned();
        let mut parts = hyper::http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.upstream.clone());
        parts.path_and_query = Some(path.unwrap_or_else(|| PathAndQuery::from_static("/")));
        Uri::from_parts(parts).unwrap_or_default()
    }
}

fn forget_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_ONE_CONNECTION) {
        headers.remove(name);
    }
}

fn tell_client(headers: &mut HeaderMap, peer: IpAddr) {
    if let Ok(address) = HeaderValue::from_str(&peer.to_string()) {
        headers.insert(FORWARDED_FOR, address);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static("http"));
}

fn problem(refusal: &Refusal) -> Response<Body> {
    let title = refusal.status.canonical_reason().unwrap_or_default();
    let body = format!(r#"{{"status":{},"title":"{title}"}}"#, refusal.status.as_u16());
    let mut response = Response::new(Either::Right(Full::from(body)));
    *response.status_mut() = refusal.status;
    let kind = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Some((name, value)) = &refusal.field {
        response.headers_mut().insert(name, value.clone());
    }
    response
}
