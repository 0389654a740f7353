//! What becomes of a request whose head the policies forward: its endpoint and the head for it, or the
//! answer of its route.

use std::sync::Arc;

use wasmgate_host::{LocalResponse, Progress};

use crate::exchange::failure::Failure;
use crate::exchange::upstream_head::{self, Destination, UpstreamRequest};
use crate::exchange::{Exchange, NO_ROUTE};
use crate::http::body_length::{declared, request_framing};
use crate::http::problem::Problem;
use crate::routing::action::Action;
use crate::routing::rewrite::HostRewriteSpec;

/// Why a request is not forwarded.
pub(super) enum Undispatched {
    Refused(Problem),
    /// Its route answers.
    Answered(Box<LocalResponse>),
}

impl From<Problem> for Undispatched {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl Exchange {
    /// The route for the request as the policies left it.
    fn choose_again(&self) -> Result<usize, Problem> {
        self.with_request_headers(|map| self.router.find(map).ok_or(NO_ROUTE))
    }

    /// Chooses the endpoint and writes the head.
    pub(super) fn dispatch(
        &mut self,
        progress: &Progress,
        length: u64,
    ) -> Result<UpstreamRequest, Undispatched> {
        let first = self.route.ok_or(NO_ROUTE)?;
        let has_policies = !self.router.route(first).chain.is_empty();
        let again = has_policies && self.stream.route_cleared();
        if again {
            self.route = Some(self.choose_again()?);
        }
        let router = Arc::clone(&self.router);
        let route = router.route(self.route.unwrap_or(first));
        let key = route
            .hash_by
            .as_ref()
            .and_then(|by| self.with_request_headers(|map| by.key(map, self.client.as_deref())));
        let index = match &route.action {
            Action::Forward(cluster) => *cluster,
            Action::Split(clusters) => *clusters.pick(key),
            Action::Redirect(redirect) => {
                let answer = self.with_request_headers(|map| redirect.answer(map, &route.path));
                return Err(Undispatched::Answered(Box::new(answer)));
            }
            Action::Respond(answer) => {
                return Err(Undispatched::Answered(Box::new(answer.clone())));
            }
        };
        let cluster = &router.clusters()[index];
        let endpoint = cluster.pick(key).ok_or(Failure::NoHealthyEndpoint.problem())?;
        self.in_flight = cluster.enter(endpoint);
        if has_policies {
            let is_split = matches!(route.action, Action::Split(_));
            self.stream.note(|attributes| {
                attributes.upstream = Some(cluster.endpoints()[endpoint].address());
                if again {
                    attributes.route_name = Arc::clone(&route.name);
                }
                if again || is_split {
                    attributes.cluster_name = Arc::clone(cluster.name());
                }
            });
        }
        let of_endpoint = cluster.endpoints()[endpoint].authority();
        let to = Destination {
            cluster: index,
            endpoint,
            timeout: route.timeout,
            handshake: self.handshake,
            authority: of_endpoint,
            host: route.host_rewrite.as_ref().map(|host| match host {
                HostRewriteSpec::Host(host) => host.as_str(),
                HostRewriteSpec::Endpoint => of_endpoint,
            }),
        };
        let written = self.with_request_headers(|map| {
            let target = route.rewrite(map.get(b":path").unwrap_or_default());
            let framing = request_framing(progress, length, declared(map), self.announced);
            let changed = route.change_request(map, self.client.as_deref(), cluster.name());
            upstream_head::write(changed.as_ref().unwrap_or(map), target.as_deref(), framing, to)
        });
        Ok(written?)
    }
}
