//! The driver in an event loop: the loop waits for one descriptor and has the reactor take its turn.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use crate::core::Core;
use crate::net::resolver::Resolver;
use crate::notes::Notes;
use crate::reactor::Reactor;
use crate::refs::{AttemptRef, GroupRef, TransactionRef};
use crate::report::PoolReport;
use crate::transaction::{Progress, Received, Request, Transaction};
use crate::upstream::attempt::Reason;
use crate::upstream::pool::{Question, UpstreamLimits};

/// Connections to endpoints, and the transactions on them, for one event loop.
pub struct Upstreams {
    reactor: Reactor,
}

impl Upstreams {
    /// Without any connection yet.
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn new() -> io::Result<Self> {
        // Without clients and policies there is nothing to note.
        let notes = Arc::new(Notes::new(Box::new(|| {})));
        let reactor =
            Reactor::new(Vec::new(), notes, Resolver::default(), Arc::new(AtomicU64::new(0)))?;
        Ok(Self { reactor })
    }

    /// The descriptor that is readable when a turn is due.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.reactor.poll().as_raw_fd()
    }

    /// Takes in what happened, without waiting. What changed since the last time is told by
    /// [`Upstreams::changed`] and [`Upstreams::questions`].
    ///
    /// # Errors
    /// The system's poll fails.
    pub fn turn(&mut self) -> io::Result<()> {
        self.reactor.turn(Some(Duration::ZERO))
    }

    /// How long it is until a turn is due in any case; none: never. At once, while there is something
    /// to tell.
    pub fn wait(&mut self) -> Option<Duration> {
        let core = self.reactor.wake();
        if !core.changed.is_empty() || !core.questions.is_empty() {
            return Some(Duration::ZERO);
        }
        self.reactor.wait(Instant::now())
    }

    /// The transactions with which something happened since this was called last.
    pub fn changed(&mut self) -> Vec<TransactionRef> {
        std::mem::take(&mut self.reactor.wake().changed)
    }

    /// The hosts that are to be looked up since this was called last.
    pub fn questions(&mut self) -> Vec<Question> {
        std::mem::take(&mut self.reactor.wake().questions)
    }

    /// Answers a question.
    pub fn resolved(&mut self, attempt: AttemptRef, addresses: Result<Vec<SocketAddr>, Reason>) {
        self.reactor.wake().resolved(attempt, addresses);
        self.reactor.do_what_is_due();
    }

    /// Pools with these bounds. `asks`: each host that is not an address is a [`Question`].
    pub fn add_group(&mut self, limits: UpstreamLimits, asks: bool) -> GroupRef {
        GroupRef(self.reactor.wake().add_group(limits, asks))
    }

    /// Closes the group's idle connections, and the others when their transactions end.
    pub fn close_group(&mut self, GroupRef(group): GroupRef) {
        self.reactor.wake().close_group(group);
    }

    /// The same, and nothing begins in the group any more.
    pub fn drop_group(&mut self, GroupRef(group): GroupRef) {
        self.reactor.wake().drop_group(group);
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
        self.reactor.do_what_is_due();
        begun
    }

    /// Sends more of a request's body; `end`: nothing follows. False if the body is not as long as its
    /// head says.
    pub fn write(&mut self, transaction: TransactionRef, bytes: &[u8], end: bool) -> bool {
        self.reactor.wake();
        let write = |its: &mut Transaction, core: &mut Core| its.write(bytes, end, core);
        let written = self.reactor.with_transaction(transaction, write);
        self.reactor.do_what_is_due();
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

    /// How far the transaction is; none if it is forgotten.
    pub fn progress(&mut self, transaction: TransactionRef) -> Option<Progress> {
        self.reactor.with_transaction(transaction, |its, _| its.progress.clone())
    }

    /// What came of the response and was not taken; none if the transaction is forgotten.
    pub fn received(&mut self, transaction: TransactionRef) -> Option<&mut Received> {
        self.reactor.received(transaction)
    }

    /// Takes what came of the body. More of it is read then.
    pub fn take_body(&mut self, transaction: TransactionRef) -> Vec<u8> {
        self.reactor.wake();
        let body = self.reactor.with_transaction(transaction, Transaction::take_body);
        self.reactor.do_what_is_due();
        body.unwrap_or_default()
    }

    /// Gives a transaction up, if it has not ended.
    pub fn give_up(&mut self, transaction: TransactionRef) {
        self.reactor.wake();
        self.reactor.with_transaction(transaction, Transaction::give_up);
        self.reactor.do_what_is_due();
    }

    /// The same, and forgets it.
    pub fn forget(&mut self, transaction: TransactionRef) {
        self.give_up(transaction);
        self.reactor.forget(transaction);
    }
}
