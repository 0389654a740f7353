//! Decisions of a gateway, without I/O and without Python: which requests are well-formed, where
//! they go, which fields go on, and what is answered when something fails.
//!
//! [`Router`] holds routes and clusters; [`Exchange`] is one request and its response.

mod authority;
mod balancers;
mod body_length;
mod cluster;
mod connection;
mod connection_options;
mod date;
mod endpoint;
mod exchange;
mod failure;
mod fields;
mod forwarded;
mod framing;
mod last_hop;
mod networks;
mod path_prefix;
mod peer;
mod problem;
mod reason;
mod request_head;
mod response_flow;
mod response_head;
mod route_table;
mod router;
mod target;
mod underscores;
mod upstream_head;
mod version;

#[cfg(test)]
mod every_word;
#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod request_head_tests;

pub use balancers::{Balancer, LB_POLICIES, NewBalancer};
pub use cluster::{Cluster, ClusterError, ClusterSpec};
pub use connection::{Access, Connection, Ends, Output, PIPELINED, Step, Waited};
pub use endpoint::Endpoint;
pub use exchange::Exchange;
pub use failure::{FAILURES, Failure};
pub use networks::BadNetwork;
pub use peer::Peer;
pub use problem::Problem;
pub use request_head::{RequestLimits, RequestLine, RequestReader, judge_credentials, judge_host};
pub use response_head::ResponseReader;
pub use router::{RouteSpec, Router, RouterError, RouterSpec};
pub use underscores::{Dropped, Underscores};
pub use upstream_head::{BodyFraming, UpstreamRequest};
pub use version::Version;
