//! The driver in an event loop: the loop waits for one descriptor and has the reactor take its turn.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::notes::Notes;
use crate::reactor::Reactor;
use crate::refs::{GroupRef, TransactionRef};
use crate::report::PoolReport;
use crate::transaction::{Progress, Received, Request, State, Transaction};
use crate::upstream::pool::UpstreamLimits;

/// Connections to endpoints, and the transactions on them, for one event loop.
pub struct Upstreams {
    reactor: Reactor,
    /// When the loop has a turn taken in any case.
    armed: Option<Instant>,
    /// The descriptor is made readable already.
    woken: bool,
}

/// What a turn brought.
#[derive(Debug)]
pub struct Turn {
    /// Transactions with which something happened.
    pub changed: Vec<TransactionRef>,
    /// How long it is until a turn is due in any case, if the loop does not know.
    pub wait: Option<Duration>,
}

impl Upstreams {
    /// Without any connection yet.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> io::Result<Self> {
        // Without clients and policies there is nothing to note.
        let notes = Arc::new(Notes::new(Box::new(|| {})));
        let reactor = Reactor::new(Vec::new(), notes, Arc::new(AtomicU64::new(0)))?;
        Ok(Self { reactor, armed: None, woken: false })
    }

    /// The descriptor that is readable when a turn is due.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.reactor.poll().as_raw_fd()
    }

    /// Takes in what happened, without waiting. `timer`: the time has come that a turn gave before.
    ///
    /// # Errors
    /// The system's poll fails.
    pub fn turn(&mut self, timer: bool) -> io::Result<Turn> {
        if timer {
            self.armed = None;
        }
        self.woken = false;
        self.reactor.turn(Some(Duration::ZERO))?;
        let core = self.reactor.wake();
        let changed = std::mem::take(&mut core.changed);
        let now = core.now;
        let wait = self.reactor.wait(now).filter(|wait| self.is_sooner(now + *wait));
        if let Some(wait) = wait {
            self.armed = Some(now + wait);
        }
        Ok(Turn { changed, wait })
    }

    fn is_sooner(&self, at: Instant) -> bool {
        self.armed.is_none_or(|armed| at < armed)
    }

    /// Does what came up with what the layer above asked, and has a turn taken where one is due sooner
    /// than it would be.
    fn settle(&mut self) {
        self.reactor.do_what_is_due();
        let core = self.reactor.wake();
        let now = core.now;
        let tells = !core.changed.is_empty();
        let due = tells || self.reactor.wait(now).is_some_and(|wait| self.is_sooner(now + wait));
        if due && !std::mem::replace(&mut self.woken, true) {
            self.reactor.mailbox().wake();
        }
    }

    /// Pools with these bounds. `is_checked`: of a host that is not an address, the addresses are
    /// ([`crate::check_address`]).
    pub fn add_group(&mut self, limits: UpstreamLimits, is_checked: bool) -> GroupRef {
        GroupRef(self.reactor.wake().add_group(limits, is_checked))
    }

    /// Closes the group's idle connections, and the others when their transactions end.
    pub fn close_group(&mut self, GroupRef(group): GroupRef) {
        self.reactor.wake().close_group(group);
        self.settle();
    }

    /// The same, and nothing begins in the group any more.
    pub fn drop_group(&mut self, GroupRef(group): GroupRef) {
        self.reactor.wake().drop_group(group);
        self.settle();
    }

    /// The pools of a group that have or want connections.
    #[must_use]
    pub fn report(&self, GroupRef(group): GroupRef) -> Vec<PoolReport> {
        self.reactor.report_group(group)
    }

    /// Begins a transaction. What goes wrong ends it.
    pub fn begin(&mut self, GroupRef(group): GroupRef, request: Request<'_>) -> TransactionRef {
        self.reactor.wake();
        let begun = self.reactor.begin(group, request);
        self.settle();
        begun
    }

    /// Sends more of a request's body; `end`: nothing follows. False if the body is not as long as its
    /// head says.
    pub fn write(&mut self, transaction: TransactionRef, bytes: &[u8], end: bool) -> bool {
        self.reactor.wake();
        let write = |its: &mut Transaction, core: &mut Core| its.write(bytes, end, core);
        let written = self.reactor.with_transaction(transaction, write);
        self.settle();
        written.unwrap_or(true)
    }

    /// True while the upstream wants the rest of the request's body.
    #[must_use]
    pub fn accepts(&mut self, transaction: TransactionRef) -> bool {
        self.reactor.with_transaction(transaction, |its, _| its.accepts()).unwrap_or_default()
    }

    /// True while so much of the body waits that no more is to come.
    #[must_use]
    pub fn is_full(&mut self, transaction: TransactionRef) -> bool {
        let full = self.reactor.with_transaction(transaction, |its, core| its.is_full(core));
        full.unwrap_or_default()
    }

    /// What is next to be taken of the response.
    pub fn state(&mut self, transaction: TransactionRef) -> State {
        self.reactor.with_transaction(transaction, |its, _| its.state()).unwrap_or(State::Nothing)
    }

    /// True once all of the response has come and its body was taken.
    pub fn is_taken(&mut self, transaction: TransactionRef) -> bool {
        let taken =
            |its: &mut Transaction| its.progress == Progress::Ended && its.received.body.is_empty();
        self.reactor.with_transaction(transaction, |its, _| taken(its)).unwrap_or_default()
    }

    /// How far the transaction is; none if it is forgotten.
    pub fn progress(&mut self, transaction: TransactionRef) -> Option<Progress> {
        self.reactor.with_transaction(transaction, |its, _| its.progress.clone())
    }

    /// Takes some of what came of the response; none if the transaction is forgotten.
    pub fn received<T>(
        &mut self,
        transaction: TransactionRef,
        take: impl FnOnce(&mut Received) -> T,
    ) -> Option<T> {
        self.reactor.with_transaction(transaction, |its, _| take(&mut its.received))
    }

    /// Takes what came of the body. More of it is read then.
    pub fn take_body(&mut self, transaction: TransactionRef) -> Vec<u8> {
        self.reactor.wake();
        let body = self.reactor.with_transaction(transaction, Transaction::take_body);
        self.settle();
        body.unwrap_or_default()
    }

    /// Gives a transaction up, if it has not ended.
    pub fn give_up(&mut self, transaction: TransactionRef) {
        self.reactor.wake();
        self.reactor.with_transaction(transaction, Transaction::give_up);
        self.settle();
    }

    /// The same, and forgets it.
    pub fn forget(&mut self, transaction: TransactionRef) {
        self.reactor.wake();
        self.reactor.drop_transaction(transaction);
        self.settle();
    }
}
