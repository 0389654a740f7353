//! The callouts that a thread of the data plane performs itself: HTTP calls to clusters.

use std::sync::Arc;

use wasmgate_host::{Callout, CalloutRequest, Effects};

use crate::callouts::calls::{Call, Request, Stage};
use crate::core::{Core, Due};

impl Core {
    /// Takes out what this thread does itself, after the events of this turn. What is left in the
    /// effects is for the layer above.
    pub(super) fn take_calls(&mut self, effects: &mut Effects, deployment: u64) {
        if !effects.callouts.is_empty() {
            let callouts = std::mem::take(&mut effects.callouts);
            let others = callouts.into_iter().filter_map(|its| self.take_call(its, deployment));
            effects.callouts = others.collect();
        }
        for id in effects.cancelled.extract_if(.., |id| self.calls.by_id.contains_key(id)) {
            self.due.push_back(Due::CancelCall(id));
        }
    }

    /// Takes an HTTP call to a cluster; gives any other callout back.
    fn take_call(&mut self, callout: Callout, deployment: u64) -> Option<Callout> {
        let CalloutRequest::Http { upstream, .. } = &callout.request else { return Some(callout) };
        let served = self.deployed(deployment).map(|key| &self.served[key].deployment);
        let clusters =
            served.and_then(|its| Some(&its.router.clusters()[its.router.cluster(upstream)?]));
        let Some(cluster) = clusters else { return Some(callout) };
        let cluster = Arc::clone(cluster.name());
        let Callout { id, policy, request } = callout;
        let stage = Stage::Queued(Request::of(request)?);
        self.calls.by_id.insert(id, (Call { policy, cluster, deployment }, stage));
        self.due.push_back(Due::Call(id));
        None
    }
}
