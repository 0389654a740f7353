//! A configuration as the data plane sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ClientConfig;
use wasmgate_gateway::{Cluster, Endpoint, Router};
use wasmgate_host::Chain;

use crate::callouts::admission::{CalloutAdmission, CalloutLimits};
use crate::net::admission::Admission;
use crate::net::certificate::Certificate;
use crate::net::tls;
use crate::upstream::pool::{Target, UpstreamLimits};

static IDS: AtomicU64 = AtomicU64::new(1);

/// What a client may take, in time.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Idle between two requests.
    pub keep_alive: Duration,
    /// For a request's head, from its first byte on.
    pub head: Duration,
    /// Between two signs of life when it is waited for.
    pub client: Duration,
    /// Quiet after the last answer of its connection, until that is closed.
    pub linger: Duration,
    /// Sending after that.
    pub longest_linger: Duration,
}

/// What clients of a listener have in common.
pub struct ClientSettings {
    /// What each may take, in time.
    pub limits: ClientLimits,
    /// For TLS; none for clients without.
    pub certificate: Option<Certificate>,
    /// Each answer is a [`crate::Note::Access`].
    pub logs_accesses: bool,
    /// How many there are at once.
    pub admission: Arc<Admission>,
}

/// What callouts of policies may take, on all threads and the event loop together.
#[derive(Clone)]
pub struct CalloutSettings {
    /// The bounds.
    pub limits: CalloutLimits,
    /// Those of connections to upstreams that are not clusters.
    pub upstream: UpstreamLimits,
    /// Counts those in flight.
    pub admission: Arc<CalloutAdmission>,
}

/// Routes, policies and bounds; shared by all threads, until the next one takes its place.
pub struct Deployment {
    /// Unique in the process.
    id: u64,
    pub(crate) router: Arc<Router>,
    /// Every policy once: its ticks are everybody's.
    pub(crate) policies: Chain,
    /// By cluster, in the order of the router's.
    limits: Vec<UpstreamLimits>,
    /// Clients at once, on all threads together.
    pub(crate) clients: usize,
    pub(crate) callouts: CalloutSettings,
    trust: Option<Arc<ClientConfig>>,
}

impl Deployment {
    /// `limits` are those of each cluster's endpoints, in the order of the router's clusters; `clients`:
    /// how many may be connected at once.
    ///
    /// # Errors
    /// In words, when an endpoint wants TLS and no certificate is trusted, or its host cannot be in one.
    pub fn new(
        router: Arc<Router>,
        policies: Chain,
        limits: Vec<UpstreamLimits>,
        clients: usize,
        callouts: CalloutSettings,
    ) -> Result<Self, String> {
        let secure: Vec<&Endpoint> = router
            .clusters()
            .iter()
            .flat_map(Cluster::endpoints)
            .filter(|its| its.secure())
            .collect();
        let trust = if secure.is_empty() { None } else { Some(tls::trust()?) };
        for endpoint in secure {
            tls::server_name(endpoint.url(), endpoint.host())?;
        }
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { id, router, policies, limits, clients, callouts, trust })
    }

    /// What [`crate::Note::Released`] calls it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Where an endpoint is, by the indices of its cluster and its own.
    pub(crate) fn target(&self, cluster: usize, endpoint: usize) -> (Target, UpstreamLimits) {
        let its = &self.router.clusters()[cluster].endpoints()[endpoint];
        let trust = self.trust.as_ref().filter(|_| its.secure());
        let tls = trust.map(Arc::clone).zip(tls::server_name(its.url(), its.host()).ok());
        let (url, host, port) = (its.url().to_owned(), its.host().into(), its.port());
        (Target { url, host, port, tls, is_checked: false }, self.limits[cluster])
    }
}
