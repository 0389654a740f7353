//! Routing: routes in the order of precedence, and their clusters.

use std::collections::HashMap;
use std::sync::Arc;

use wasmgate_host::{Chain, HeaderMap};

use crate::cluster::{Cluster, ClusterSpec};
use crate::http::authority::Authority;
use crate::http::limits::RequestLimits;
use crate::http::networks::Networks;
use crate::http::target::split_query;
use crate::http::underscores::Underscores;
use crate::routing::error::RouterError;
use crate::routing::path_prefix::view;
use crate::routing::precedence::Precedence;
use crate::routing::route::{Route, RouteSpec};
use crate::routing::route_table::RouteTable;

/// The configuration of a [`Router`].
#[derive(Clone, Default)]
pub struct RouterSpec {
    /// Clusters, names unique.
    pub clusters: Vec<ClusterSpec>,
    /// Routes; of those that match the first in the order of precedence is taken.
    pub routes: Vec<RouteSpec>,
    /// That order.
    pub precedence: Precedence,
    /// Address ranges of proxies whose `X-Forwarded-*` is trusted.
    pub trusted_proxies: Vec<String>,
    /// Bounds on requests.
    pub limits: RequestLimits,
    /// Whether request fields with an underscore in their name are forwarded.
    pub underscores: bool,
}

/// Routes and clusters. It never changes: a reload creates a new one, and exchanges in flight keep
/// theirs. (The health of endpoints is the exception, and is kept by the endpoints.)
pub struct Router {
    routes: Vec<Route>,
    table: RouteTable,
    /// The index of the route at each place of the table. A route of several hosts has several places.
    places: Vec<usize>,
    clusters: Vec<Cluster>,
    pub(crate) proxies: Networks,
    pub(crate) limits: RequestLimits,
    pub(crate) underscores: Underscores,
    /// The chain for requests that match no route.
    pub(crate) no_policies: Chain,
    /// The name of no cluster.
    no_cluster: Arc<str>,
    /// Something of a route depends on the address of the client.
    pub(crate) needs_addresses: bool,
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
        let routes = spec.routes.into_iter().map(|spec| Route::new(spec, &names));
        let routes: Vec<Route> = routes.collect::<Result<_, _>>()?;
        let (table, places) = index(&routes, spec.precedence)?;
        let proxies = Networks::parse(&spec.trusted_proxies)?;
        let (limits, no_policies) = (spec.limits, Chain::new(Vec::new()));
        let underscores = Underscores::new(spec.underscores);
        let no_cluster = Arc::from("");
        let needs_addresses = routes.iter().any(Route::needs_address);
        Ok(Self {
            routes,
            table,
            places,
            clusters,
            proxies,
            limits,
            underscores,
            no_policies,
            no_cluster,
            needs_addresses,
        })
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

    /// The route of a request with a valid authority and a valid target.
    pub(crate) fn find(&self, request: &HeaderMap) -> Option<usize> {
        let field = |name: &[u8]| request.get(name).unwrap_or_default();
        let host = Authority::parse(field(b":authority")).map(|authority| authority.key());
        let meets = |place: usize| {
            let conditions = &self.routes[self.places[place]].conditions;
            conditions.is_empty() || conditions.unmet(request).is_none()
        };
        let path = view(split_query(field(b":path")).0);
        let place = self.table.find(&host.unwrap_or_default(), &path, &meets)?;
        Some(self.places[place])
    }

    /// The name of the cluster of a route, as policies see it; empty for a route that answers itself.
    pub(crate) fn named_cluster(&self, route: usize) -> Arc<str> {
        let cluster = self.routes[route].action.named_cluster();
        cluster.map_or_else(
            || Arc::clone(&self.no_cluster),
            |its| Arc::clone(self.clusters[its].name()),
        )
    }

    /// The indices of the routes in the order of precedence; a route of several hosts is there for each.
    pub(crate) fn order(&self) -> impl Iterator<Item = usize> {
        self.places.iter().copied()
    }

    pub(crate) fn route(&self, index: usize) -> &Route {
        &self.routes[index]
    }
}

/// The table of the routes, and the index of the route at each of its places.
fn index(
    routes: &[Route],
    precedence: Precedence,
) -> Result<(RouteTable, Vec<usize>), RouterError> {
    let of_hosts = |(index, route): (usize, &'_ Route)| {
        let rank = |host| precedence.rank(host, &route.path, &route.conditions);
        route.hosts.iter().map(|host| (rank(host), index, host.clone())).collect::<Vec<_>>()
    };
    let mut entries: Vec<_> = routes.iter().enumerate().flat_map(of_hosts).collect();
    entries.sort_by_key(|(rank, index, _)| (*rank, *index));
    let mut table = RouteTable::default();
    for (place, (_, index, host)) in entries.iter().enumerate() {
        table.add(place, host, &routes[*index].path);
    }
    let places = entries.into_iter().map(|(_, index, _)| index).collect();
    if table.compile() { Ok((table, places)) } else { Err(RouterError::TooLarge) }
}
