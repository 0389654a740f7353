//! How a cluster picks one of its endpoints. To add an algorithm: implement [`Balancer`] in a file of
//! its own, add a line to [`LB_POLICIES`], add rows to the tests.

use crate::cluster::balancer::Balancer;
use crate::cluster::endpoint::Endpoint;
use crate::cluster::least_request::LeastRequest;
use crate::cluster::maglev::Maglev;
use crate::cluster::random::Random;
use crate::cluster::ring_hash::RingHash;
use crate::cluster::round_robin::RoundRobin;

/// Makes a balancer for the endpoints of one cluster.
pub type NewBalancer = fn(&[Endpoint]) -> Box<dyn Balancer>;

/// The one that needs to know how many requests are in flight.
pub(crate) const LEAST_REQUEST: &str = "least_request";

/// Every `lb_policy` by its name in the configuration, which is Envoy's in lower case.
pub const LB_POLICIES: [(&str, NewBalancer); 5] = [
    ("round_robin", |endpoints| Box::new(RoundRobin::new(endpoints))),
    (LEAST_REQUEST, |endpoints| Box::new(LeastRequest::new(endpoints))),
    ("random", |endpoints| Box::new(Random::new(endpoints))),
    ("ring_hash", |endpoints| Box::new(RingHash::new(endpoints))),
    ("maglev", |endpoints| Box::new(Maglev::new(endpoints))),
];
