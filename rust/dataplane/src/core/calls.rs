//! The callouts that a thread of the data plane performs itself: HTTP calls.

use std::sync::Arc;

use wasmgate_host::{Callout, CalloutRequest, Effects};

use crate::callouts::calls::{Call, Request, Stage};
use crate::core::{Core, Due};
use crate::notes::Note;

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

    /// Takes an HTTP call; gives any other callout back.
    fn take_call(&mut self, callout: Callout, deployment: u64) -> Option<Callout> {
        let Callout { id, policy, request } = callout;
        let CalloutRequest::Http { upstream, headers, body, trailers, timeout } = request else {
            return Some(Callout { id, policy, request });
        };
        let call = Call { policy, upstream, deployment };
        let stage = Stage::Queued(Request { headers, body, trailers, timeout });
        self.calls.by_id.insert(id, (call, stage));
        self.due.push_back(Due::Call(id));
        None
    }

    /// Has the layer above count and log that an address of a call's upstream is refused.
    pub(crate) fn deny(&self, call: &Call, reason: String) {
        let Call { policy, upstream, deployment } = call;
        let (policy, upstream) = (Arc::clone(policy), upstream.clone());
        self.notes.append(Note::Denied { deployment: *deployment, policy, upstream, reason });
    }

    /// The pools of a deployment for upstreams that are not clusters: the addresses of their names are
    /// checked.
    pub(crate) fn checked_group(&mut self, served: usize) -> usize {
        if let Some(group) = self.served[served].checked {
            return group;
        }
        let limits = self.served[served].deployment.callouts.upstream;
        let group = self.add_group(limits, true);
        self.served[served].checked = Some(group);
        group
    }
}
