//! The endpoint of a request whose head the policies forward, and the head for it.

use std::sync::Arc;

use wasmgate_host::Progress;

use crate::exchange::failure::Failure;
use crate::exchange::upstream_head::{self, Destination, UpstreamRequest};
use crate::exchange::{Exchange, NO_ROUTE};
use crate::http::body_length::{declared, request_framing};
use crate::http::problem::Problem;

impl Exchange {
    /// The route for the request as the policies left it.
    fn choose_again(&self) -> Result<usize, Problem> {
        self.with_request_headers(|map| {
            let field = |name: &[u8]| map.get(name).unwrap_or_default();
            self.router.find(field(b":authority"), field(b":path")).ok_or(NO_ROUTE)
        })
    }

    /// Chooses the endpoint and writes the head.
    pub(super) fn dispatch(
        &mut self,
        progress: &Progress,
        length: u64,
    ) -> Result<UpstreamRequest, Problem> {
        let first = self.route.ok_or(NO_ROUTE)?;
        let has_policies = !self.router.route(first).chain.is_empty();
        let again = has_policies && self.stream.route_cleared();
        if again {
            self.route = Some(self.choose_again()?);
        }
        let route = self.router.route(self.route.unwrap_or(first));
        let cluster = &self.router.clusters()[route.cluster];
        let endpoint = cluster.pick(None).ok_or(Failure::NoHealthyEndpoint.problem())?;
        if has_policies {
            self.stream.note(|attributes| {
                attributes.upstream = Some(cluster.endpoints()[endpoint].address());
                if again {
                    attributes.route_name = Arc::clone(&route.name);
                    attributes.cluster_name = Arc::clone(cluster.name());
                }
            });
        }
        let to = Destination {
            cluster: route.cluster,
            endpoint,
            timeout: route.timeout,
            handshake: self.handshake,
            authority: cluster.endpoints()[endpoint].authority(),
        };
        self.with_request_headers(|map| {
            let target = route.rewrite(map.get(b":path").unwrap_or_default());
            let framing = request_framing(progress, length, declared(map), self.announced);
            upstream_head::write(map, target.as_deref(), framing, to)
        })
    }
}
