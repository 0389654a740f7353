//! Routing: routes in the order of the file, and their clusters.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use wasmgate_host::Chain;

use crate::cluster::{Cluster, ClusterError, ClusterSpec};
use crate::http::authority::Authority;
use crate::http::limits::RequestLimits;
use crate::http::networks::{BadNetwork, Networks};
use crate::http::target::split_query;
use crate::http::underscores::Underscores;
use crate::routing::path_prefix::{PathPrefix, view};
use crate::routing::route_table::RouteTable;
use crate::websocket::limits::WebSocketLimits;

/// A route as configured.
#[derive(Clone)]
pub struct RouteSpec {
    /// The property `route_name`.
    pub name: String,
    /// A host name, `*.` and a host name for everything below it, or none for every host.
    pub host: Option<String>,
    /// A path that ends with a whole segment: `/orders` is not a prefix of `/ordersx`.
    pub prefix: String,
    /// The replacement of the prefix in the forwarded request.
    pub prefix_rewrite: Option<String>,
    /// The policies.
    pub chain: Chain,
    /// The name of the cluster.
    pub cluster: String,
    /// The time for the whole exchange.
    pub timeout: Option<Duration>,
    /// Bounds of its WebSocket connections.
    pub websocket: WebSocketLimits,
}

/// The configuration of a [`Router`].
#[derive(Clone, Default)]
pub struct RouterSpec {
    /// Clusters, names unique.
    pub clusters: Vec<ClusterSpec>,
    /// Routes; the first that matches is taken.
    pub routes: Vec<RouteSpec>,
    /// Address ranges of proxies whose `X-Forwarded-*` is trusted.
    pub trusted_proxies: Vec<String>,
    /// Bounds on requests.
    pub limits: RequestLimits,
    /// Whether request fields with an underscore in their name are forwarded.
    pub underscores: bool,
}

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
    /// A prefix or its replacement is not a path.
    #[error(
        "route `{route}`: `{prefix}` is not a path prefix; it starts with / and has no query, no dot \
         segments and no bytes that must be percent-encoded"
    )]
    BadPrefix {
        /// The route's name.
        route: String,
        /// The value in the configuration.
        prefix: String,
    },
    /// A host pattern is invalid.
    #[error("route `{route}`: `{host}` is not a host; write a name or *.name, without a port")]
    BadHost {
        /// The route's name.
        route: String,
        /// The value in the configuration.
        host: String,
    },
}

/// Routes and clusters. It never changes: a reload creates a new one, and exchanges in flight keep
/// theirs. (The health of endpoints is the exception, and is kept by the endpoints.)
pub struct Router {
    routes: Vec<Route>,
    table: RouteTable,
    clusters: Vec<Cluster>,
    pub(crate) proxies: Networks,
    pub(crate) limits: RequestLimits,
    pub(crate) underscores: Underscores,
    /// The chain for requests that match no route.
    pub(crate) no_policies: Chain,
}

/// A route with its chain and cluster.
pub(crate) struct Route {
    pub name: Arc<str>,
    pub chain: Chain,
    pub cluster: usize,
    pub timeout: Option<Duration>,
    pub websocket: WebSocketLimits,
    prefix: PathPrefix,
    rewrite: Option<Vec<u8>>,
}

impl Router {
    /// Checks and indexes a configuration.
    ///
    /// # Errors
    /// [`RouterError`] names the first mistake.
    pub fn new(spec: RouterSpec) -> Result<Self, RouterError> {
        let clusters: Vec<Cluster> =
            spec.clusters.into_iter().map(Cluster::new).collect::<Result<_, _>>()?;
        let mut names = HashMap::new();
        for (index, cluster) in clusters.iter().enumerate() {
            if names.insert(cluster.name().to_string(), index).is_some() {
                return Err(RouterError::RepeatedCluster(cluster.name().to_string()));
            }
        }
        let mut table = RouteTable::default();
        let mut routes = Vec::with_capacity(spec.routes.len());
        for spec in spec.routes {
            let host = spec.host.clone();
            let route = Route::new(spec, &names)?;
            if !table.add(routes.len(), host.as_deref(), route.prefix.clone()) {
                let (route, host) = (route.name.to_string(), host.unwrap_or_default());
                return Err(RouterError::BadHost { route, host });
            }
            routes.push(route);
        }
        let proxies = Networks::parse(&spec.trusted_proxies)?;
        let (limits, no_policies) = (spec.limits, Chain::new(Vec::new()));
        let underscores = Underscores::new(spec.underscores);
        Ok(Self { routes, table, clusters, proxies, limits, underscores, no_policies })
    }

    /// How many request fields were dropped because their names have an underscore.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.underscores.dropped()
    }

    /// The clusters in the order of the configuration.
    #[must_use]
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// The index of a cluster by its name.
    #[must_use]
    pub fn cluster(&self, name: &str) -> Option<usize> {
        self.clusters.iter().position(|cluster| **cluster.name() == *name)
    }

    /// The first route for a valid authority and a valid target.
    pub(crate) fn find(&self, authority: &[u8], target: &[u8]) -> Option<usize> {
        let host = Authority::parse(authority).map(|authority| authority.key()).unwrap_or_default();
        self.table.find(&host, &view(split_query(target).0))
    }

    pub(crate) fn route(&self, index: usize) -> &Route {
        &self.routes[index]
    }
}

impl Route {
    fn new(spec: RouteSpec, clusters: &HashMap<String, usize>) -> Result<Self, RouterError> {
        let RouteSpec { name: route, prefix, prefix_rewrite, cluster, .. } = spec;
        let bad = |prefix: &str| RouterError::BadPrefix {
            route: route.clone(),
            prefix: prefix.to_owned(),
        };
        let parsed = PathPrefix::parse(&prefix).ok_or_else(|| bad(&prefix))?;
        if let Some(rewrite) = prefix_rewrite.as_deref() {
            PathPrefix::parse(rewrite).ok_or_else(|| bad(rewrite))?;
        }
        let Some(&index) = clusters.get(&cluster) else {
            return Err(RouterError::UnknownCluster { route, cluster });
        };
        Ok(Self {
            name: route.into(),
            chain: spec.chain,
            cluster: index,
            timeout: spec.timeout,
            websocket: spec.websocket,
            prefix: parsed,
            rewrite: prefix_rewrite.map(String::into_bytes),
        })
    }

    /// The target for the upstream, if the route changes it. A policy that moved the path out of
    /// the route's prefix takes precedence: nothing is replaced then.
    pub fn rewrite(&self, target: &[u8]) -> Option<Vec<u8>> {
        self.prefix.rewrite(target, self.rewrite.as_ref()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(host: Option<&str>, prefix: &str) -> RouteSpec {
        RouteSpec {
            name: format!("{}{prefix}", host.unwrap_or_default()),
            host: host.map(str::to_owned),
            prefix: prefix.to_owned(),
            prefix_rewrite: None,
            chain: Chain::new(Vec::new()),
            cluster: "site".to_owned(),
            timeout: None,
            websocket: WebSocketLimits::default(),
        }
    }

    fn name_of<'a>(router: &'a Router, authority: &[u8], target: &[u8]) -> Option<&'a str> {
        router.find(authority, target).map(|index| &*router.route(index).name)
    }

    fn cluster(name: &str) -> ClusterSpec {
        let endpoints = vec!["http://127.0.0.1:9001".to_owned()];
        ClusterSpec { name: name.to_owned(), endpoints, lb_policy: "round_robin".to_owned() }
    }

    fn router(routes: Vec<RouteSpec>) -> Result<Router, RouterError> {
        Router::new(RouterSpec { clusters: vec![cluster("site")], routes, ..RouterSpec::default() })
    }

    #[test]
    fn hosts_match_without_case_port_and_last_dot() {
        let router = router(vec![route(Some("API.example"), "/")]).unwrap();
        for authority in ["api.example", "API.EXAMPLE:8080", "api.example."] {
            let found = name_of(&router, authority.as_bytes(), b"/x");
            assert_eq!(Some("API.example/"), found, "{authority}");
        }
        assert_eq!(None, name_of(&router, b"example", b"/x"));
    }

    #[test]
    fn paths_match_by_what_they_mean_and_without_query() {
        let router = router(vec![route(None, "/admin/"), route(None, "/")]).unwrap();
        for (target, expected) in [
            ("/admin/x", "/admin/"),
            ("/%61dmin/x", "/admin/"),
            ("/admin%2Fx", "/"),
            ("/x?/admin/", "/"),
            ("//admin/x", "/"),
        ] {
            assert_eq!(Some(expected), name_of(&router, b"a", target.as_bytes()), "{target}");
        }
    }

    #[test]
    fn two_hundred_routes_keep_their_order() {
        let mut specs: Vec<_> = (0..200).map(|n| route(None, &format!("/r{n}/"))).collect();
        specs.push(route(None, "/r199/late/"));
        let router = router(specs).unwrap();
        assert_eq!(Some("/r0/"), name_of(&router, b"a", b"/r0/x"));
        assert_eq!(Some("/r199/"), name_of(&router, b"a", b"/r199/late/x"));
        assert_eq!(None, name_of(&router, b"a", b"/r200/"));
    }

    #[test]
    fn mistakes_are_named() {
        let message = |spec: RouteSpec| router(vec![spec]).err().unwrap().to_string();
        let spec = RouteSpec { cluster: "orders".into(), ..route(None, "/a") };
        assert_eq!("route `/a`: there is no cluster `orders`", message(spec));
        let spec = RouteSpec { prefix_rewrite: Some("v2".into()), ..route(None, "/a") };
        assert_eq!(
            "route `/a`: `v2` is not a path prefix; it starts with / and has no query, no dot \
             segments and no bytes that must be percent-encoded",
            message(spec)
        );
        assert_eq!(
            "route `a:80/`: `a:80` is not a host; write a name or *.name, without a port",
            message(route(Some("a:80"), "/"))
        );
    }

    #[test]
    fn names_and_ranges_are_checked() {
        let clusters = vec![cluster("site"), cluster("site")];
        let spec = RouterSpec { clusters, ..RouterSpec::default() };
        assert_eq!(Some(RouterError::RepeatedCluster("site".into())), Router::new(spec).err());
        let trusted_proxies = vec!["10.0.0.0/40".to_owned()];
        let error = Router::new(RouterSpec { trusted_proxies, ..RouterSpec::default() }).err();
        assert_eq!(Some(RouterError::Network(BadNetwork("10.0.0.0/40".into()))), error);
    }
}
