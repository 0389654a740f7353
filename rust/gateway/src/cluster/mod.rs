//! A named group of endpoints that serve the same thing.

pub(crate) mod balancers;
pub(crate) mod endpoint;

use std::sync::Arc;

use crate::cluster::balancers::{Balancer, LB_POLICIES, PickContext};
use crate::cluster::endpoint::Endpoint;
use crate::http::endpoint_url::BadEndpointUrl;

/// A cluster as configured.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// Its name; routes refer to it.
    pub name: String,
    /// URLs of its endpoints, like `http://127.0.0.1:9001`.
    pub endpoints: Vec<String>,
    /// One of [`LB_POLICIES`].
    pub lb_policy: String,
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
}

impl Cluster {
    pub(crate) fn new(spec: ClusterSpec) -> Result<Self, ClusterError> {
        let ClusterSpec { name: cluster, endpoints, lb_policy } = spec;
        let Some((_, new)) = LB_POLICIES.iter().find(|policy| policy.0 == lb_policy) else {
            return Err(ClusterError::UnknownLbPolicy { cluster, lb_policy });
        };
        let read = |url: String| {
            Endpoint::parse(&url).map_err(|problem| {
                let cluster = cluster.clone();
                ClusterError::BadEndpoint { cluster, url, problem }
            })
        };
        let endpoints = endpoints.into_iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self { name: cluster.into(), endpoints, balancer: new() })
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

    /// The index of the endpoint for the next request; none if no endpoint is healthy. `hash_key`: see
    /// [`PickContext::new`].
    #[must_use]
    pub fn pick(&self, hash_key: Option<u64>) -> Option<usize> {
        self.balancer.pick(&PickContext::new(&self.endpoints, hash_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(endpoints: &[&str], lb_policy: &str) -> Result<Cluster, ClusterError> {
        let endpoints = endpoints.iter().map(|url| (*url).to_owned()).collect();
        Cluster::new(ClusterSpec { name: "orders".into(), endpoints, lb_policy: lb_policy.into() })
    }

    #[test]
    fn endpoints_that_fail_are_passed_over() {
        let cluster = cluster(&["http://a", "http://b", "http://c"], "round_robin").unwrap();
        cluster.endpoints()[1].set_healthy(false);
        let picks: Vec<_> = (0..4).map(|_| cluster.pick(None)).collect();
        assert_eq!(vec![Some(0), Some(2), Some(0), Some(2)], picks);
        cluster.endpoints()[1].set_healthy(true);
        assert_eq!(Some(1), cluster.pick(None));
    }

    #[test]
    fn without_a_healthy_endpoint_there_is_none() {
        assert_eq!(None, cluster(&[], "round_robin").unwrap().pick(None));
        let one = cluster(&["http://a"], "round_robin").unwrap();
        one.endpoints()[0].set_healthy(false);
        assert_eq!(None, one.pick(None));
    }

    #[test]
    fn mistakes_are_named() {
        let error = cluster(&[], "fastest").err().unwrap();
        assert_eq!(
            "cluster `orders`: there is no lb_policy `fastest`; there is: round_robin",
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
