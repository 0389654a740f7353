//! Decisions of a gateway, without I/O and without Python: which requests are well-formed, where
//! they go, which fields are forwarded, and how failures are answered.
//!
//! [`Router`] holds routes and clusters; [`Exchange`] is one request and its response.

mod cluster;
mod connection;
mod exchange;
mod http;
mod routing;
mod websocket;

pub use cluster::balancer::{Balancer, PickContext};
pub use cluster::endpoint::Endpoint;
pub use cluster::lb_policies::{LB_POLICIES, NewBalancer};
pub use cluster::{Cluster, ClusterError, ClusterSpec};
pub use connection::{
    Access, Connection, Ends, Event, Incoming, Output, PIPELINED, Step, UpstreamConnection, Waited,
    WrongLength,
};
pub use exchange::Exchange;
pub use exchange::failure::{FAILURES, Failure};
pub use exchange::request_head::{
    Handshakes, RequestLine, RequestReader, check_credentials, check_host,
};
pub use exchange::response_head::ResponseReader;
pub use exchange::upstream_head::UpstreamRequest;
pub use http::call::{BadCall, CallRequest};
pub use http::endpoint_url::{BadEndpointUrl, EndpointUrl};
pub use http::fields::is_hop_by_hop;
pub use http::framing::BodyFraming;
pub use http::limits::RequestLimits;
pub use http::networks::BadNetwork;
pub use http::peer::Peer;
pub use http::problem::Problem;
pub use http::underscores::{Dropped, Underscores};
pub use http::version::{NOT_SUPPORTED, Version};
pub use routing::action::{ActionSpec, ResponseSpec};
pub use routing::conditions::{ConditionSpec, Unmet};
pub use routing::error::RouterError;
pub use routing::explain::Verdict;
pub use routing::field_changes::FieldChangesSpec;
pub use routing::hash_key::HashBy;
pub use routing::path_pattern::PathMatch;
pub use routing::precedence::Precedence;
pub use routing::redirect::{REDIRECT_STATUSES, RedirectSpec};
pub use routing::rewrite::{HostRewriteSpec, PathRewriteSpec, QueryRewriteSpec};
pub use routing::route::RouteSpec;
pub use routing::router::{Router, RouterSpec};
pub use routing::value_match::ValueMatch;
pub use websocket::limits::WebSocketLimits;
