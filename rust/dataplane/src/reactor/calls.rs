//! The HTTP calls of policies: begun, answered, given up.

use std::sync::Arc;
use std::time::Instant;

use wasmgate_gateway::{BodyFraming, CallRequest};
use wasmgate_host::{self as host, CalloutAnswer, Effects, LogLevel, LogRecord};

use crate::callouts::admission::OverLimit;
use crate::callouts::calls::{Call, Request, Running, Stage, Status, endpoint};
use crate::core::{Ending, Timer};
use crate::reactor::Reactor;
use crate::transaction::{self, Owner, Progress};

/// Why a call has no response.
struct Failed {
    status: Status,
    reason: String,
    /// What the log says of it, behind the name of the call.
    logged: Option<String>,
}

impl Failed {
    fn new(status: Status, reason: String) -> Self {
        let logged = Some(format!("failed: {reason}"));
        Self { status, reason, logged }
    }

    /// An address of its upstream is refused: the layer above counts that, and logs it.
    fn denied(reason: String) -> Self {
        Self { status: Status::PermissionDenied, reason, logged: None }
    }

    fn refused(OverLimit { exceeded, to_log }: OverLimit) -> Self {
        let reason = exceeded.to_string();
        let line = || format!("was refused: {reason} (further refusals are not logged for 10 s)");
        let logged = to_log.then(line);
        Self { status: Status::ResourceExhausted, reason, logged }
    }
}

impl Reactor {
    /// Begins a call that was queued.
    pub(super) fn begin_call(&mut self, callout: u64) {
        let queued = self.core.calls.by_id.remove(&callout);
        let Some((mut call, Stage::Queued(request))) = queued else { return };
        match self.request(callout, &mut call, request) {
            Ok(running) => {
                self.watch_calls(running.deadline());
                self.core.calls.by_id.insert(callout, (call, Stage::Running(running)));
            }
            Err(failed) => self.conclude(callout, &call, Err(failed)),
        }
    }

    /// Sends the request of a call.
    fn request(&mut self, callout: u64, call: &mut Call, its: Request) -> Result<Running, Failed> {
        let gone = || Failed::new(Status::Unavailable, "its deployment is gone".to_owned());
        let served = self.core.calling(call).ok_or_else(gone)?;
        let deployment = &self.core.served[served].deployment;
        call.deployment = deployment.id();
        let limits = deployment.callouts.limits;
        let router = Arc::clone(&deployment.router);
        let admission = &deployment.callouts.admission;
        let place = admission.enter(&call.policy, its.body.len(), &limits);
        let place = place.map_err(Failed::refused)?;
        let request = CallRequest::new(&its.headers, its.body, &its.trailers)
            .map_err(|error| Failed::new(Status::InvalidArgument, error.to_string()))?;
        let (owner, pool, url) = if let Some(index) = router.cluster(&call.upstream) {
            let cluster = &router.clusters()[index];
            let endpoint = cluster.pick(None).ok_or_else(|| {
                let reason = format!("the cluster '{}' has no healthy endpoint", cluster.name());
                Failed::new(Status::Unavailable, reason)
            })?;
            let pool = Ok(self.core.pool(served, (index, endpoint)));
            (Owner::Call(callout, None), pool, cluster.endpoints()[endpoint].url().to_owned())
        } else {
            let url = endpoint(&call.upstream).ok_or_else(|| {
                let name = &call.upstream;
                let reason = format!("there is no cluster '{name}', and it is not host:port");
                Failed::new(Status::InvalidArgument, reason)
            })?;
            let group = self.core.checked_group(served);
            (Owner::Call(callout, Some(group)), self.core.pool_of(group, &url), url)
        };
        let framing = match request.content.len() {
            0 => BodyFraming::Empty,
            length => BodyFraming::Length(length as u64),
        };
        let transaction = transaction::Request {
            endpoint: &url,
            method: &request.method,
            head: &request.head(),
            framing,
            body: &request.content,
            end: true,
            within: None,
        };
        let transaction = self.start(owner, pool, transaction);
        let within = if its.timeout.is_zero() { limits.time } else { its.timeout };
        let within = within.min(limits.time);
        // Since the last poll other requests' policies may have computed for longer than it may take.
        let (began, limit) = (Instant::now(), limits.response);
        Ok(Running { transaction, began, within, limit, body: Vec::new(), place })
    }

    /// Answers the calls whose responses have come.
    pub(super) fn answer_calls(&mut self) {
        for transaction in std::mem::take(&mut self.core.changed) {
            let owner = self.with_transaction(transaction, |its, _| its.owner);
            if let Some(Owner::Call(callout, _)) = owner {
                self.receive_response(callout);
            }
        }
    }

    /// Takes what has come of a response.
    fn receive_response(&mut self, callout: u64) {
        let running = self.core.calls.by_id.get(&callout);
        let Some((_, Stage::Running(Running { transaction, limit, .. }))) = running else { return };
        let (transaction, limit) = (*transaction, *limit);
        let taken = self.with_transaction(transaction, |its, core| {
            its.received.hints.clear();
            (its.take_body(core), its.progress.clone())
        });
        let Some((chunk, progress)) = taken else { return };
        let running = self.core.calls.by_id.get_mut(&callout);
        let Some((_, Stage::Running(running))) = running else { return };
        let outcome = if running.body.len() + chunk.len() > limit {
            let reason = format!("the response is larger than {limit} bytes");
            Err(Failed::new(Status::ResourceExhausted, reason))
        } else {
            running.body.extend_from_slice(&chunk);
            match progress {
                Progress::UnderWay => return,
                Progress::Failed(fault) if fault.denied => Err(Failed::denied(fault.reason)),
                Progress::Failed(fault) => Err(Failed::new(Status::Unavailable, fault.reason)),
                Progress::Ended => {
                    let body = std::mem::take(&mut running.body);
                    let received = self.with_transaction(transaction, |its, _| {
                        let head = its.received.head.take().unwrap_or_default();
                        (head, std::mem::take(&mut its.received.trailers))
                    });
                    let (headers, trailers) = received.unwrap_or_default();
                    Ok(CalloutAnswer::Response { headers, body, trailers })
                }
            }
        };
        self.end_call(callout, outcome);
    }

    /// Ends a call whose answer its policy no longer waits for.
    pub(super) fn cancel_call(&mut self, callout: u64) {
        self.release(callout);
    }

    /// Removes the deployments that no client has, as soon as their calls have ended.
    pub(super) fn end_deployments(&mut self) {
        let now = self.core.now;
        for Ending { deployment, until } in std::mem::take(&mut self.core.ending) {
            if now < until && self.core.calls.has_any(deployment) {
                self.core.ending.push(Ending { deployment, until });
            } else {
                self.end_calls(deployment);
                self.core.remove(deployment);
            }
        }
    }

    /// Ends the calls that policies made in a deployment. Those that live on hear of it.
    fn end_calls(&mut self, deployment: u64) {
        for callout in self.core.calls.of(deployment) {
            let reason = "another configuration took effect before the callout completed";
            self.end_call(callout, Err(Failed::new(Status::Unavailable, reason.to_owned())));
        }
    }

    /// Ends a call that has an outcome.
    fn end_call(&mut self, callout: u64, outcome: Result<CalloutAnswer, Failed>) {
        // Its place is free before the policy makes further calls.
        if let Some(call) = self.release(callout) {
            self.conclude(callout, &call, outcome);
        }
    }

    /// Gives up what a call has of its upstream, and its place.
    fn release(&mut self, callout: u64) -> Option<Call> {
        let (call, stage) = self.core.calls.by_id.remove(&callout)?;
        if let Stage::Running(Running { transaction, .. }) = stage {
            self.drop_transaction(transaction);
        }
        Some(call)
    }

    /// Gives the outcome to the policy.
    fn conclude(&mut self, callout: u64, call: &Call, outcome: Result<CalloutAnswer, Failed>) {
        let (answer, logged) = match outcome {
            Ok(answer) => (answer, None),
            Err(Failed { status, reason, logged }) => {
                if status == Status::PermissionDenied {
                    self.core.deny(call, reason.clone());
                }
                (CalloutAnswer::Closed { status: status as u32, message: reason }, logged)
            }
        };
        let mut effects = host::deliver(callout, answer).unwrap_or_else(|_| Effects::default());
        if let Some(logged) = logged {
            let message = format!("HTTP call to {} {logged}", call.upstream);
            let (policy, level) = (Arc::clone(&call.policy), LogLevel::Warn);
            effects.logs.insert(0, LogRecord { policy, level, message });
        }
        self.core.note_for(effects, call.deployment);
    }

    /// Has the deadlines looked at when this one comes.
    fn watch_calls(&mut self, deadline: Instant) {
        if self.core.calls.armed.is_none_or(|armed| deadline < armed) {
            self.core.calls.armed = Some(deadline);
            self.core.wheel.insert(deadline, Timer::Calls(deadline));
        }
    }

    /// Ends the calls that take too long.
    pub(super) fn check_calls(&mut self, at: Instant) {
        if self.core.calls.armed != Some(at) {
            return;
        }
        self.core.calls.armed = None;
        // An answer that this poll brought is in time.
        self.answer_calls();
        for (callout, within) in self.core.calls.late(self.core.now) {
            let reason = format!("no answer in {} s", within.as_secs_f64());
            self.end_call(callout, Err(Failed::new(Status::DeadlineExceeded, reason)));
        }
        if let Some(deadline) = self.core.calls.next_deadline() {
            self.watch_calls(deadline);
        }
    }
}
