//! One thread's loop: sockets that are ready, commands of others, deadlines, turns of the policies.

mod calls;
mod clients;
mod events;
mod transactions;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mio::{Events, Poll};
use slab::Slab;
use wasmgate_host as host;

use crate::core::{Core, LISTENER, MAIL, Served, Timer, token};
use crate::deployment::{ClientSettings, Deployment};
use crate::downstream::Client;
use crate::mailbox::{self, Command, Mailbox};
use crate::net::admission::Wake;
use crate::net::listener::{AT_ONCE, Listener};
use crate::notes::Notes;
use crate::refs::ClientRef;
use crate::report::Report;
use crate::transaction::Transaction;

/// What one look at a socket takes in.
const BUFFER: usize = 64 << 10;
/// Sockets that are looked at in one poll.
const EVENTS: usize = 256;
/// How long the ends of WebSocket connections have to hear that the server stops.
const PARTING: Duration = Duration::from_secs(1);
/// What calls of policies have for their answers, once a server that stops has no client.
const LAST_CALLS: Duration = Duration::from_secs(1);
/// Connections that a listener that closes still accepts: as many as Linux queues for one by default
/// (net.core.somaxconn, listen(2)).
const QUEUED: usize = 4096;

/// The loop of one thread, and everything that it has.
pub(crate) struct Reactor {
    poll: Poll,
    events: Option<Events>,
    core: Core,
    clients: Slab<Client>,
    transactions: Slab<Transaction>,
    fronts: Vec<Front>,
    /// Tells this thread that it may ask for a place again.
    room: Wake,
    /// Clients wait for a place: until then, or [`Command::Room`], none is asked for.
    full: Option<Instant>,
    buffer: Vec<u8>,
    fired: Vec<Timer>,
    stage: Stage,
    /// Exchanges that have ended, for others to read.
    exchanges: Arc<AtomicU64>,
}

/// Where clients connect, and what they have in common.
struct Front {
    listener: Listener,
    settings: Arc<ClientSettings>,
}

/// How long the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    /// Until the last exchange has ended, or until then.
    Draining(Instant),
    /// The grace is over: until both ends of each WebSocket have heard of it, or until then.
    Parting(Instant),
    /// No client is left: until the calls of policies have ended, or until then.
    Calling(Instant),
}

impl Reactor {
    /// A reactor, and the mailbox that reaches it.
    pub(crate) fn new(
        listeners: Vec<(std::net::TcpListener, Arc<ClientSettings>)>,
        notes: Arc<Notes>,
        exchanges: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mailbox = Arc::new(Mailbox::new(poll.registry(), token(MAIL, 0))?);
        let thread = mailbox::number(&mailbox)?;
        let front = |(key, (listener, settings))| -> io::Result<Front> {
            let listener = Listener::new(listener, poll.registry(), token(LISTENER, key))?;
            Ok(Front { listener, settings })
        };
        let fronts = listeners.into_iter().enumerate().map(front);
        let fronts = fronts.collect::<io::Result<Vec<Front>>>()?;
        let registry = poll.registry().try_clone()?;
        let told = Arc::clone(&mailbox);
        Ok(Self {
            poll,
            events: Some(Events::with_capacity(EVENTS)),
            core: Core::new(registry, mailbox, thread, notes),
            clients: Slab::new(),
            transactions: Slab::new(),
            fronts,
            room: Arc::new(move || told.post(Command::Room)),
            full: None,
            buffer: vec![0; BUFFER],
            fired: Vec::new(),
            stage: Stage::Serving,
            exchanges,
        })
    }

    /// What waits for sockets; its descriptor is readable when something happened.
    pub(crate) fn poll(&self) -> &Poll {
        &self.poll
    }

    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.core.mailbox)
    }

    /// Serves until it is drained.
    pub(crate) fn run(&mut self) {
        while !self.is_over() {
            if let Err(error) = self.turn(self.wait(self.core.now)) {
                self.core.warn(format!("the data plane cannot wait for sockets: {error}"));
                break;
            }
            self.answer_calls();
            self.advance();
        }
        let calls = self.core.calls.by_id.len();
        if calls > 0 {
            self.core.warn(format!("{calls} HTTP calls of policies had no answer at the stop"));
        }
        self.leave();
        // What has not ended is ended: policies hear of it.
        for client in self.all_clients() {
            self.with(client, |client, _| client.abort());
        }
    }

    fn has_websockets(&self) -> bool {
        self.clients.iter().any(|(_, client)| client.connection.websocket().is_some())
    }

    fn all_clients(&self) -> Vec<ClientRef> {
        self.clients.iter().map(|(_, client)| client.this).collect()
    }

    fn is_over(&self) -> bool {
        match self.stage {
            Stage::Serving => false,
            Stage::Draining(until) | Stage::Parting(until) => self.core.now >= until,
            Stage::Calling(until) => {
                let is_quiet = self.core.calls.by_id.is_empty() && self.core.parting == 0;
                self.core.now >= until || is_quiet
            }
        }
    }

    /// A policy may have a call to make about the last exchange of all: it has a while for its answer, within
    /// the grace.
    fn advance(&mut self) {
        let now = self.core.now;
        match self.stage {
            Stage::Draining(until) | Stage::Parting(until) if self.clients.is_empty() => {
                self.stage = Stage::Calling(until.min(now + LAST_CALLS));
            }
            Stage::Draining(until) if now >= until && self.has_websockets() => {
                self.stage = Stage::Parting(now + PARTING);
                for client in self.all_clients() {
                    self.with(client, Client::part);
                }
            }
            _ => {}
        }
    }

    /// Waits for what is next, at most so long, and does all that there is to do.
    pub(crate) fn turn(&mut self, wait: Option<Duration>) -> io::Result<()> {
        let Some(mut events) = self.events.take() else { return Ok(()) };
        let polled = self.poll.poll(&mut events, wait);
        self.core.now = Instant::now();
        if polled.is_ok() {
            for event in &events {
                self.handle(event);
            }
        }
        self.events = Some(events);
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        self.accept();
        self.do_what_is_due();
        self.fire();
        self.tick();
        self.end_deployments();
        self.exchanges.store(self.core.exchanges, Ordering::Relaxed);
        Ok(())
    }

    /// Does what has its turn. What comes up in the meantime has its own after the next look at the
    /// sockets.
    pub(crate) fn do_what_is_due(&mut self) {
        for _ in 0..self.core.due.len() {
            if let Some(due) = self.core.due.pop_front() {
                self.do_due(due);
            }
        }
    }

    /// How long it may wait; none: until something happens.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        if !self.core.due.is_empty() {
            return Some(Duration::ZERO);
        }
        // Nothing is accepted before there is a deployment.
        let fronts = self.core.latest().map_or(&[][..], |_| &self.fronts);
        let accepting = fronts.iter().filter_map(|Front { listener, .. }| {
            if listener.is_ready(now) {
                Some(self.full.unwrap_or(now))
            } else {
                listener.paused_until()
            }
        });
        let ticks = self.core.served.iter().filter_map(|(_, served)| served.tick);
        let drained = match self.stage {
            Stage::Serving => None,
            Stage::Draining(until) | Stage::Parting(until) | Stage::Calling(until) => Some(until),
        };
        let ending = self.core.ending.iter().map(|its| its.until);
        let next = accepting.chain(ticks).chain(drained).chain(ending).min();
        let next = next.map(|at| at.saturating_duration_since(now));
        next.into_iter().chain(self.core.wheel.wait(now)).min()
    }

    fn commands(&mut self) {
        for command in self.core.mailbox.take() {
            match command {
                Command::Deploy(deployment) => self.deploy(deployment),
                Command::Answer(callout, answer) => {
                    if let Ok(effects) = host::deliver(callout, answer) {
                        self.core.note_answered(effects, callout);
                    }
                }
                Command::Resolved { attempt, addresses } => self.core.resolved(attempt, addresses),
                Command::Room => self.full = None,
                Command::Report(to) => {
                    let waiting = |(_, client): (usize, &Client)| client.socket.waiting();
                    let unread = self.clients.iter().map(waiting).max().unwrap_or_default();
                    let pools = self.core.pools.iter().map(|(_, pool)| pool.report()).collect();
                    // The receiver may have stopped waiting.
                    let _ = to.send(Report { unread, pools });
                }
                Command::Ask(question) => question(),
                Command::Drain(grace) => self.drain(grace),
            }
        }
    }

    /// Takes a deployment for what begins now; exchanges under way end on the one before.
    fn deploy(&mut self, deployment: Arc<Deployment>) {
        let before: Vec<usize> = self.core.served.iter().map(|(key, _)| key).collect();
        let started = deployment.policies.start();
        let latest = self.core.served.insert(Served {
            deployment,
            pools: std::collections::HashMap::new(),
            checked: None,
            clients: 0,
            retired: false,
            tick: Some(self.core.now),
        });
        self.core.note(started, latest);
        for key in before {
            self.core.served[key].retired = true;
            self.core.retire(key);
        }
    }

    fn drain(&mut self, grace: Duration) {
        self.stage = Stage::Draining(self.core.now + grace);
        self.take_what_was_sent();
        self.leave();
        for client in self.all_clients() {
            self.with(client, Client::drain);
        }
    }

    /// Begins the exchanges whose heads are in the system's queues: a listener that closes resets
    /// the connections that were not accepted yet. Events of this turn may not have been handled.
    fn take_what_was_sent(&mut self) {
        for _ in 0..QUEUED / AT_ONCE {
            self.fronts.iter_mut().for_each(|front| front.listener.note());
            self.accept();
        }
        for client in self.all_clients() {
            if let Some(client) = self.clients.get_mut(client.key) {
                client.socket.suspect_bytes();
            }
            self.read_client(client.key);
        }
    }

    /// Accepts no more.
    fn leave(&mut self) {
        for mut front in self.fronts.drain(..) {
            front.settings.admission.leave(self.core.thread);
            front.listener.deregister(&self.core.registry);
        }
    }

    fn fire(&mut self) {
        let mut fired = std::mem::take(&mut self.fired);
        self.core.wheel.fire(self.core.now, &mut fired);
        for timer in fired.drain(..) {
            match timer {
                Timer::Pool(pool, at) => self.core.check_pool(pool, at),
                Timer::Transactions => self.check_transactions(),
                Timer::Calls(at) => self.check_calls(at),
                Timer::Parting(upstream) => self.core.close_if_there(upstream),
                Timer::Attempt(attempt) => self.core.check_attempt(attempt),
                Timer::Client(client, at) => {
                    if self.find(client).is_some_and(|its| its.clock.check_at == at) {
                        self.with(client, Client::check_deadlines);
                    }
                }
            }
        }
        self.fired = fired;
    }

    /// Gives policies their turns.
    fn tick(&mut self) {
        let now = self.core.now;
        let due = |(key, served): (usize, &Served)| {
            served.tick.is_some_and(|tick| tick <= now).then_some(key)
        };
        let mut due: Vec<usize> = self.core.served.iter().filter_map(due).collect();
        // A policy that lives on has its tick in the latest deployment, and calls that one's clusters.
        due.sort_by_key(|key| self.core.served[*key].retired);
        for key in due {
            let served = &mut self.core.served[key];
            served.tick = None;
            let ticked = served.deployment.policies.tick();
            let next = ticked.wait.map(|wait| Instant::now() + wait);
            self.core.note(ticked.effects, key);
            if let Some(served) = self.core.served.get_mut(key) {
                served.tick = served.tick.into_iter().chain(next).min();
            }
        }
    }
}
