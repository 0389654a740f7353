//! What all connections of a thread share.

mod attempts;
mod calls;
pub(crate) mod connecting;
pub(crate) mod groups;
pub(crate) mod link;
mod parting;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Registry, Token};
use slab::Slab;
use wasmgate_host::{self as host, Callout, Effects};

use crate::callouts::calls::{Call, Calls};
use crate::core::connecting::Refused;
use crate::core::groups::Group;
use crate::deployment::Deployment;
use crate::mailbox::Mailbox;
use crate::net::resolver::Resolver;
use crate::notes::{Note, Notes};
use crate::refs::{Ask, AttemptRef, ClientRef, TransactionRef, UpstreamRef};
use crate::upstream::Upstream;
use crate::upstream::attempt::Attempt;
use crate::upstream::pool::Pool;
use crate::wheel::Wheel;

/// Callouts that are remembered beyond twice those that wait for an answer.
const ASKED: usize = 64;

/// How often the deadlines of transactions are looked at.
const EVERY: Duration = Duration::from_millis(100);

/// What calls have for their answers, once no client is left in their deployment: a policy may report the
/// last request of all, and a proxy before the service that hears of it drops a request whose
/// connection is closed before its answer.
const LAST_CALLS: Duration = Duration::from_secs(5);

/// Something that has its turn after the events of the poll: nothing is re-entered.
#[derive(Debug)]
pub(crate) enum Due {
    /// The client can be read on.
    Read(ClientRef),
    /// The upstream can be read on.
    ReadUpstream(UpstreamRef),
    /// The connection that was asked for is there.
    Connected(Ask, UpstreamRef),
    /// There will be none.
    Refused(Ask, Refused),
    /// The addresses of the attempt can be tried.
    Attempt(AttemptRef),
    /// The next pipelined request has its turn.
    Proceed(ClientRef),
    /// A policy may let go of what it held back.
    Resume(ClientRef),
    /// The HTTP call of this callout begins.
    Call(u64),
    /// The HTTP call of this callout was cancelled.
    CancelCall(u64),
}

/// What a deadline is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    /// A client's; it counts if it is the client's next one still.
    Client(ClientRef, Instant),
    /// Of a pool; it counts if it is the pool's next one still.
    Pool(usize, Instant),
    /// Of an attempt: the next address has its turn, or the time is over.
    Attempt(AttemptRef),
    /// Of a connection to an endpoint that is parted with.
    Parting(UpstreamRef),
    /// Of all transactions, which are looked at together.
    Transactions,
    /// Of all HTTP calls of policies, if it is their next one still.
    Calls(Instant),
}

/// A deployment on this thread.
pub(crate) struct Served {
    pub(crate) deployment: Arc<Deployment>,
    /// By cluster and endpoint.
    pub(crate) pools: HashMap<(usize, usize), usize>,
    /// Of callouts to upstreams that are not clusters.
    pub(crate) checked: Option<usize>,
    pub(crate) clients: usize,
    /// Another one has taken its place.
    pub(crate) retired: bool,
    /// When its policies have their next turn.
    pub(crate) tick: Option<Instant>,
}

/// A deployment that is removed as soon as its calls have ended, or then.
pub(crate) struct Ending {
    pub(crate) deployment: u64,
    pub(crate) until: Instant,
}

/// What clients and upstreams of a thread have in common.
pub(crate) struct Core {
    pub(crate) registry: Registry,
    /// As of the last poll.
    pub(crate) now: Instant,
    pub(crate) due: VecDeque<Due>,
    pub(crate) wheel: Wheel<Timer>,
    pub(crate) served: Slab<Served>,
    /// Deployments that no client has any more.
    pub(crate) ending: Vec<Ending>,
    pub(crate) groups: Slab<Group>,
    pub(crate) pools: Slab<Pool>,
    pub(crate) upstreams: Slab<Upstream>,
    pub(crate) attempts: Slab<Attempt>,
    /// Connections to endpoints that are parted with.
    pub(crate) parting: usize,
    /// Which client waits for which stream.
    pub(crate) wakes: HashMap<u64, ClientRef>,
    pub(crate) calls: Calls,
    /// By callout: the id of the deployment that asked, for what its answer causes.
    asked: HashMap<u64, u64>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) resolver: Resolver,
    pub(crate) notes: Arc<Notes>,
    pub(crate) thread: u16,
    /// Transactions with which something happened.
    pub(crate) changed: Vec<TransactionRef>,
    /// Their deadlines are looked at.
    pub(crate) watches_transactions: bool,
    /// Exchanges that have ended.
    pub(crate) exchanges: u64,
    serials: u64,
}

/// What a token names, beside the key.
pub(crate) const CLIENT: usize = 0;
pub(crate) const UPSTREAM: usize = 1;
pub(crate) const LISTENER: usize = 2;
pub(crate) const MAIL: usize = 3;
const KINDS: usize = 4;

/// The token of a thing. A key is given again when its thing is gone, so an event may reach its
/// successor: it then looks at its socket once in vain.
pub(crate) const fn token(kind: usize, key: usize) -> Token {
    Token(key * KINDS + kind)
}

/// Kind and key of a token.
pub(crate) const fn named(token: Token) -> (usize, usize) {
    (token.0 % KINDS, token.0 / KINDS)
}

impl Core {
    pub(crate) fn new(
        registry: Registry,
        mailbox: Arc<Mailbox>,
        thread: u16,
        notes: Arc<Notes>,
    ) -> Self {
        let now = Instant::now();
        Self {
            registry,
            now,
            due: VecDeque::new(),
            wheel: Wheel::new(now),
            served: Slab::new(),
            ending: Vec::new(),
            groups: Slab::new(),
            pools: Slab::new(),
            upstreams: Slab::new(),
            attempts: Slab::new(),
            parting: 0,
            wakes: HashMap::new(),
            calls: Calls::default(),
            asked: HashMap::new(),
            mailbox,
            resolver: Resolver::shared(),
            notes,
            thread,
            changed: Vec::new(),
            watches_transactions: false,
            exchanges: 0,
            serials: 0,
        }
    }

    pub(crate) fn serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    /// The deployment for what begins now.
    pub(crate) fn latest(&self) -> Option<usize> {
        self.served.iter().find(|(_, served)| !served.retired).map(|(key, _)| key)
    }

    /// Does what a step of policies asks beside the progress of its stream; `served`: on which
    /// deployment the step was made.
    pub(crate) fn note(&mut self, effects: Effects, served: usize) {
        self.note_for(effects, self.served[served].deployment.id());
    }

    /// Does what the answer of a callout causes.
    pub(crate) fn note_answered(&mut self, effects: Effects, callout: u64) {
        let latest = || self.latest().map(|key| self.served[key].deployment.id());
        // The layer above takes the latest for one that is gone.
        let deployment = self.asked.get(&callout).copied().or_else(latest).unwrap_or_default();
        self.note_for(effects, deployment);
    }

    pub(crate) fn note_for(&mut self, mut effects: Effects, deployment: u64) {
        for stream in std::mem::take(&mut effects.wake) {
            if let Some(client) = self.wakes.get(&stream) {
                self.due.push_back(Due::Resume(*client));
            }
        }
        if std::mem::take(&mut effects.timers) {
            let now = self.now;
            for (_, served) in &mut self.served {
                served.tick = Some(now);
            }
        }
        self.take_calls(&mut effects, deployment);
        if effects.is_noteworthy() {
            self.remember(&effects.callouts, deployment);
            let effects = Box::new(effects);
            self.notes.append(Note::Effects { thread: self.thread, deployment, effects });
        }
    }

    fn remember(&mut self, callouts: &[Callout], deployment: u64) {
        for callout in callouts {
            self.asked.entry(callout.id).or_insert(deployment);
        }
        // Those that are answered or cancelled go together, when they are the greater part.
        if self.asked.len() > ASKED + 2 * host::pending_callouts() {
            self.asked.retain(|callout, _| host::is_pending(*callout));
        }
    }

    /// Has the layer above look at a transaction.
    pub(crate) fn changed(&mut self, transaction: TransactionRef) {
        if self.changed.last() != Some(&transaction) {
            self.changed.push(transaction);
        }
    }

    /// Has the deadlines of transactions looked at.
    pub(crate) fn watch_transactions(&mut self) {
        if !std::mem::replace(&mut self.watches_transactions, true) {
            self.wheel.insert(self.now + EVERY, Timer::Transactions);
        }
    }

    /// A line about a thing that may go wrong with every request.
    pub(crate) fn fault(&self, about: &str, line: String) {
        self.notes.append(Note::Fault { about: about.to_owned(), line });
    }

    pub(crate) fn warn(&self, line: String) {
        self.notes.append(Note::Warning(line));
    }

    /// Closes what is idle of a deployment that is retired. It ends when its last client is gone.
    pub(crate) fn retire(&mut self, key: usize) {
        let Some(served) = self.served.get(key).filter(|served| served.retired) else { return };
        let pools: Vec<usize> = served.pools.values().copied().collect();
        let (id, checked, is_left) = (served.deployment.id(), served.checked, served.clients == 0);
        if is_left && !self.ending.iter().any(|its| its.deployment == id) {
            self.ending.push(Ending { deployment: id, until: self.now + LAST_CALLS });
        }
        for pool in pools {
            self.close_pool(pool);
        }
        if let Some(group) = checked {
            self.close_group(group);
        }
    }

    /// The deployment in which a call begins: the one in which its policy made it. When that is gone, the
    /// latest one, if the policy lives on there.
    pub(crate) fn calling(&self, call: &Call) -> Option<usize> {
        let theirs = self.served.iter().find(|(_, its)| its.deployment.id() == call.deployment);
        theirs.map(|(key, _)| key).or_else(|| {
            let policies = |key: &usize| self.served[*key].deployment.policies.plugins();
            self.latest().filter(|key| policies(key).iter().any(|its| its.name() == &*call.policy))
        })
    }

    /// Forgets a deployment that has neither clients nor calls.
    pub(crate) fn remove(&mut self, deployment: u64) {
        let found = self.served.iter().find(|(_, its)| its.deployment.id() == deployment);
        let Some((key, _)) = found else { return };
        let Served { pools, checked, .. } = self.served.remove(key);
        for pool in pools.into_values() {
            self.forget_pool(pool);
        }
        if let Some(group) = checked {
            self.drop_group(group);
        }
        self.notes.append(Note::Released(deployment));
    }
}
