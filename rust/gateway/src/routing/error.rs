//! What is wrong with a configuration of routes.

use crate::cluster::ClusterError;
use crate::http::networks::BadNetwork;

/// An invalid configuration of a router.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouterError {
    /// A cluster is invalid.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Two clusters have one name.
    #[error("there are two clusters called `{0}`")]
    RepeatedCluster(String),
    /// A trusted proxy is invalid.
    #[error("trusted_proxies: {0}")]
    Network(#[from] BadNetwork),
    /// A route names an unknown cluster.
    #[error("route `{route}`: there is no cluster `{cluster}`")]
    UnknownCluster {
        /// The route's name.
        route: String,
        /// The name it refers to.
        cluster: String,
    },
    /// Something else of a route is invalid.
    #[error("route `{route}`: {problem}")]
    Invalid {
        /// The route's name.
        route: String,
        /// What is wrong, in words.
        problem: String,
    },
    /// All regular expressions of the routes together are too large.
    #[error("the regular expressions of the routes need more than 256 MiB once compiled")]
    TooLarge,
    /// A host pattern is invalid.
    #[error("route `{route}`: `{host}` is not a host; write a name, *.name or *, without a port")]
    BadHost {
        /// The route's name.
        route: String,
        /// The value in the configuration.
        host: String,
    },
}
