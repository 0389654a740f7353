//! The HTTP calls of policies to clusters, from their start to their answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmgate_gateway::EndpointUrl;
use wasmgate_host::HeaderMap;

use crate::callouts::admission::CalloutPlace;
use crate::refs::TransactionRef;

/// Status codes of gRPC that failures have (grpc.io/docs/guides/status-codes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unavailable = 14,
}

/// An HTTP call as the policy made it.
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: HeaderMap,
    /// Zero: as long as any callout may take.
    pub(crate) timeout: Duration,
}

/// The URL of an upstream "host:port". Port 443 means TLS.
pub(crate) fn endpoint(upstream: &str) -> Option<String> {
    let port: u16 = upstream.rsplit_once(':')?.1.parse().ok()?;
    let scheme = if port == 443 { "https" } else { "http" };
    let url = format!("{scheme}://{upstream}");
    EndpointUrl::parse(&url).is_ok().then_some(url)
}

/// A call whose request is sent.
pub(crate) struct Running {
    pub(crate) transaction: TransactionRef,
    pub(crate) began: Instant,
    /// The time that it has.
    pub(crate) within: Duration,
    /// Bytes that the body of the response may have.
    pub(crate) limit: usize,
    /// What has come of it.
    pub(crate) body: Vec<u8>,
    /// Held until the call has ended.
    #[allow(dead_code, reason = "it counts while it lives")]
    pub(crate) place: CalloutPlace,
}

impl Running {
    pub(crate) fn deadline(&self) -> Instant {
        self.began + self.within
    }
}

/// How far a call is.
pub(crate) enum Stage {
    /// Its request is sent after the events of this turn.
    Queued(Request),
    /// Its response is to come.
    Running(Running),
}

/// Whose call it is, and where it goes.
pub(crate) struct Call {
    pub(crate) policy: Arc<str>,
    /// A cluster, or host and port.
    pub(crate) upstream: String,
    /// The id of the deployment that the policy called in; from its start on, of the one whose
    /// connections it uses.
    pub(crate) deployment: u64,
}

/// The calls of a thread, by the ids of their callouts.
#[derive(Default)]
pub(crate) struct Calls {
    pub(crate) by_id: HashMap<u64, (Call, Stage)>,
    /// When their deadlines are looked at next.
    pub(crate) armed: Option<Instant>,
}

impl Calls {
    /// Those that have taken too long, with the time that they had.
    pub(crate) fn late(&self, now: Instant) -> Vec<(u64, Duration)> {
        let late = |(callout, running): (&u64, &Running)| {
            (running.deadline() <= now).then_some((*callout, running.within))
        };
        self.running().filter_map(late).collect()
    }

    /// Those that policies made in a deployment.
    pub(crate) fn of(&self, deployment: u64) -> Vec<u64> {
        let made = |(callout, (call, _)): (&u64, &(Call, Stage))| {
            (call.deployment == deployment).then_some(*callout)
        };
        self.by_id.iter().filter_map(made).collect()
    }

    /// True if there are calls that policies made in a deployment.
    pub(crate) fn has_any(&self, deployment: u64) -> bool {
        self.by_id.values().any(|(call, _)| call.deployment == deployment)
    }

    /// The next deadline.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.running().map(|(_, running)| running.deadline()).min()
    }

    fn running(&self) -> impl Iterator<Item = (&u64, &Running)> {
        self.by_id.iter().filter_map(|(callout, (_, stage))| match stage {
            Stage::Running(running) => Some((callout, running)),
            Stage::Queued(_) => None,
        })
    }
}
