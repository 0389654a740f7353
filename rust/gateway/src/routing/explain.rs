//! Why a request takes its route, and not another one.

use wasmgate_host::HeaderMap;

use crate::http::authority::Authority;
use crate::http::target::split_query;
use crate::routing::conditions::Unmet;
use crate::routing::path_prefix::view;
use crate::routing::router::Router;

/// What a route says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes it.
    Taken,
    /// It matches, but a route before it takes the request.
    Later,
    /// The host is another one.
    Host,
    /// The path does not match.
    Path,
    /// A condition is not met.
    Unmet(Unmet),
}

impl Router {
    /// What each route says to a request with a valid authority and a valid target, in the order of
    /// precedence: the index of the route, and its verdict.
    #[must_use]
    pub fn explain(&self, request: &HeaderMap) -> Vec<(usize, Verdict)> {
        let field = |name: &[u8]| request.get(name).unwrap_or_default();
        let host = Authority::parse(field(b":authority")).map(|its| its.key()).unwrap_or_default();
        let path = view(split_query(field(b":path")).0);
        let taken = self.find(request);
        let verdict = |index: usize| {
            let route = self.route(index);
            if taken == Some(index) {
                Verdict::Taken
            } else if !route.hosts.iter().any(|pattern| pattern.matches(&host)) {
                Verdict::Host
            } else if !route.path.matches(&path) {
                Verdict::Path
            } else {
                route.conditions.unmet(request).map_or(Verdict::Later, Verdict::Unmet)
            }
        };
        let mut seen = Vec::new();
        for index in self.order() {
            if !seen.contains(&index) {
                seen.push(index);
            }
        }
        seen.into_iter().map(|index| (index, verdict(index))).collect()
    }
}
