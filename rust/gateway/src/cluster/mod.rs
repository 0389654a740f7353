//! A named group of endpoints that serve the same thing.

mod availability;
pub(crate) mod balancer;
pub(crate) mod endpoint;
pub(crate) mod lb_policies;
mod least_request;
mod maglev;
mod random;
mod ring_hash;
mod round_robin;
mod weights;

#[cfg(test)]
mod balancer_tests;

use std::sync::Arc;

use crate::cluster::availability::Availability;
use crate::cluster::balancer::{Balancer, PickContext};
use crate::cluster::endpoint::{Endpoint, InFlight};
use crate::cluster::lb_policies::{LB_POLICIES, LEAST_REQUEST};
use crate::http::endpoint_url::BadEndpointUrl;

/// A cluster as configured.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Its name; routes refer to it.
    pub name: String,
    /// URLs of its endpoints, like `http://127.0.0.1:9001`, and their weights.
    pub endpoints: Vec<(String, u32)>,
    /// One of [`LB_POLICIES`].
    pub lb_policy: String,
    /// Percent of the endpoints: when fewer are available, all are picked as if they were (Envoy's panic
    /// threshold). 0: never.
    pub panic_threshold: u8,
}

/// An invalid configuration of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// No such balancing algorithm.
    #[error("cluster `{cluster}`: there is no lb_policy `{lb_policy}`; there is: {}", known())]
    UnknownLbPolicy {
        /// The cluster's name.
        cluster: String,
        /// The unknown name.
        lb_policy: String,
    },
    /// An invalid URL of an endpoint.
    #[error("cluster `{cluster}`: the endpoint `{url}` {problem}; {}", problem.hint())]
    BadEndpoint {
        /// The cluster's name.
        cluster: String,
        /// What was written.
        url: String,
        /// Why it is not a URL of an endpoint.
        problem: BadEndpointUrl,
    },
}

fn known() -> String {
    LB_POLICIES.map(|policy| policy.0).join(", ")
}

/// A cluster with its endpoints and its balancer.
pub struct Cluster {
    name: Arc<str>,
    endpoints: Vec<Endpoint>,
    balancer: Box<dyn Balancer>,
    available: Availability,
    /// Fewer available endpoints than this are too few.
    enough: usize,
    counts: bool,
}

impl Cluster {
    pub(crate) fn new(spec: ClusterSpec) -> Result<Self, ClusterError> {
        let ClusterSpec { name: cluster, endpoints, lb_policy, panic_threshold } = spec;
        let Some((_, new)) = LB_POLICIES.iter().find(|policy| policy.0 == lb_policy) else {
            return Err(ClusterError::UnknownLbPolicy { cluster, lb_policy });
        };
        let read = |(url, weight): (String, u32)| {
            Endpoint::parse(&url, weight).map_err(|problem| {
                let cluster = cluster.clone();
                ClusterError::BadEndpoint { cluster, url, problem }
            })
        };
        let endpoints = endpoints.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let balancer = new(&endpoints);
        let available = Availability::new(endpoints.len());
        let enough = (endpoints.len() * usize::from(panic_threshold)).div_ceil(100);
        let counts = lb_policy == LEAST_REQUEST;
        Ok(Self { name: cluster.into(), endpoints, balancer, available, enough, counts })
    }

    /// The cluster's name.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its endpoints in the order of the configuration.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The index of the endpoint for the next request; none if no endpoint is available. `hash_key`: see
    /// [`PickContext::hash_key`].
    #[must_use]
    pub fn pick(&self, hash_key: Option<u64>) -> Option<usize> {
        let panics = self.enough > 0 && self.available.count() < self.enough;
        let available = (!panics).then_some(&self.available);
        self.balancer.pick(&PickContext::new(&self.endpoints, available, hash_key))
    }

    /// Excludes an endpoint from the selection, or includes it again.
    pub fn set_available(&self, endpoint: usize, available: bool) {
        self.available.set(endpoint, available);
    }

    /// Whether an endpoint is included in the selection.
    #[must_use]
    pub fn is_available(&self, endpoint: usize) -> bool {
        self.available.is_set(endpoint)
    }

    /// Counts a request to an endpoint as in flight, if the algorithm asks how many there are.
    pub(crate) fn enter(&self, endpoint: usize) -> Option<InFlight> {
        self.counts.then(|| self.endpoints[endpoint].enter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(endpoints: &[&str], lb_policy: &str) -> Result<Cluster, ClusterError> {
        let endpoints = endpoints.iter().map(|url| ((*url).to_owned(), 1)).collect();
        let (name, lb_policy) = ("orders".into(), lb_policy.into());
        Cluster::new(ClusterSpec { name, endpoints, lb_policy, panic_threshold: 0 })
    }

    #[test]
    fn endpoints_that_fail_are_passed_over() {
        let cluster = cluster(&["http://a", "http://b", "http://c"], "round_robin").unwrap();
        cluster.set_available(1, false);
        let picks: Vec<_> = (0..4).map(|_| cluster.pick(None)).collect();
        assert_eq!(vec![Some(0), Some(2), Some(0), Some(2)], picks);
        cluster.set_available(1, true);
        assert_eq!(Some(1), cluster.pick(None));
    }

    #[test]
    fn without_a_healthy_endpoint_there_is_none() {
        assert_eq!(None, cluster(&[], "round_robin").unwrap().pick(None));
        let one = cluster(&["http://a"], "round_robin").unwrap();
        one.set_available(0, false);
        assert_eq!(None, one.pick(None));
    }

    #[test]
    fn mistakes_are_named() {
        let error = cluster(&[], "fastest").err().unwrap();
        assert_eq!(
            "cluster `orders`: there is no lb_policy `fastest`; there is: round_robin, \
             least_request, random, ring_hash, maglev",
            error.to_string()
        );
        let error = cluster(&["http://a/b"], "round_robin").err().unwrap();
        assert_eq!(
            "cluster `orders`: the endpoint `http://a/b` must be http://host:port or \
             https://host:port, without a path: see prefix_rewrite; take the path out, and write it \
             to the route: prefix_rewrite",
            error.to_string()
        );
    }
}
