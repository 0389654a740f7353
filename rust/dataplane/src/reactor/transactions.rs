//! The transactions of the layer above: begun, worked on, ended.

use std::time::Instant;

use crate::core::Core;
use crate::core::connecting::Refused;
use crate::reactor::Reactor;
use crate::refs::TransactionRef;
use crate::report::PoolReport;
use crate::transaction::{Owner, Request, Transaction};
use crate::upstream::pool::Pool;

impl Reactor {
    /// Begins a transaction of a group.
    pub(crate) fn begin(&mut self, group: usize, request: Request<'_>) -> TransactionRef {
        let pool = self.core.pool_of(group, request.endpoint);
        self.start(Owner::Group(group), pool, request)
    }

    /// Begins a transaction with a connection of the pool.
    pub(super) fn start(
        &mut self,
        owner: Owner,
        pool: Result<usize, String>,
        request: Request<'_>,
    ) -> TransactionRef {
        if let Some(group) = owner.group() {
            self.core.groups[group].transactions += 1;
        }
        let serial = self.core.serial();
        let entry = self.transactions.vacant_entry();
        let this = TransactionRef { key: entry.key(), serial };
        let transaction = entry.insert(Transaction::new(this, owner, &request, Instant::now()));
        match pool {
            Ok(pool) => transaction.dial(pool, &request, &mut self.core),
            Err(reason) => {
                transaction.fail_unconnected(Refused::unreachable(reason), &mut self.core);
            }
        }
        self.core.watch_transactions();
        this
    }

    /// Works on a transaction; none if it is gone.
    pub(crate) fn with_transaction<T>(
        &mut self,
        transaction: TransactionRef,
        work: impl FnOnce(&mut Transaction, &mut Core) -> T,
    ) -> Option<T> {
        let its = self.transactions.get_mut(transaction.key);
        let its = its.filter(|its| its.this == transaction)?;
        Some(work(its, &mut self.core))
    }

    /// Gives up a transaction, if it has not ended, and forgets it.
    pub(crate) fn drop_transaction(&mut self, transaction: TransactionRef) {
        let owner = self.with_transaction(transaction, |its, core| {
            its.give_up(core);
            its.owner
        });
        let Some(owner) = owner else { return };
        self.transactions.remove(transaction.key);
        if let Some(group) = owner.group() {
            self.core.leave_group(group);
        }
    }

    /// What all connections share, with the time as of now: for what is asked between two turns.
    pub(crate) fn wake(&mut self) -> &mut Core {
        self.core.now = Instant::now();
        &mut self.core
    }

    pub(crate) fn report_group(&self, group: usize) -> Vec<PoolReport> {
        let pools = self.core.groups.get(group).into_iter().flat_map(|its| its.pools.values());
        let pools = pools.filter_map(|pool| self.core.pools.get(*pool));
        pools.filter(|pool| !pool.is_unused()).map(Pool::report).collect()
    }

    pub(super) fn check_transactions(&mut self) {
        self.core.watches_transactions = false;
        for (_, transaction) in &mut self.transactions {
            transaction.check_deadlines(&mut self.core);
        }
        if !self.transactions.is_empty() {
            self.core.watch_transactions();
        }
    }
}
