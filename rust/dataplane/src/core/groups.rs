//! Pools that the layer above asks for by URL: those of one cluster, or those of its callouts.

use std::collections::HashMap;

use wasmgate_gateway::EndpointUrl;

use crate::core::Core;
use crate::net::tls::{Trust, server_name, trust};
use crate::upstream::pool::{Pool, Target, UpstreamLimits};

/// Pools with one set of bounds.
pub(crate) struct Group {
    limits: UpstreamLimits,
    /// Addresses that hosts resolve to are checked.
    is_checked: bool,
    /// By URL: as many as a cluster has endpoints, or `net` of the policies names hosts.
    pub(crate) pools: HashMap<String, usize>,
    /// Read when the first endpoint wants TLS.
    trust: Option<Trust>,
    /// Transactions that have not ended.
    pub(crate) transactions: usize,
    closed: bool,
    /// The layer above begins no more.
    dropped: bool,
}

impl Group {
    fn target(&mut self, url: &str) -> Result<Target, String> {
        let parsed = EndpointUrl::parse(url).map_err(|bad| format!("{url} {bad}"))?;
        let host: std::sync::Arc<str> = parsed.host.as_str().into();
        let tls = if parsed.secure {
            let name = server_name(url, &host)?;
            if self.trust.is_none() {
                self.trust = Some(trust()?);
            }
            self.trust.clone().map(|trust| (trust, name))
        } else {
            None
        };
        let is_checked = self.is_checked;
        Ok(Target { url: url.to_owned(), host, port: parsed.port(), tls, is_checked })
    }
}

impl Core {
    pub(crate) fn add_group(&mut self, limits: UpstreamLimits, is_checked: bool) -> usize {
        self.groups.insert(Group {
            limits,
            is_checked,
            pools: HashMap::new(),
            trust: None,
            transactions: 0,
            closed: false,
            dropped: false,
        })
    }

    /// The pool of an endpoint.
    ///
    /// # Errors
    /// In words, why there can be none.
    pub(crate) fn pool_of(&mut self, group: usize, url: &str) -> Result<usize, String> {
        let its = &mut self.groups[group];
        if let Some(pool) = its.pools.get(url) {
            return Ok(*pool);
        }
        let target = its.target(url)?;
        let (limits, closed) = (its.limits, its.closed);
        let pool = self.pools.insert(Pool::new(target, limits));
        if closed {
            self.pools[pool].close();
        }
        self.groups[group].pools.insert(url.to_owned(), pool);
        Ok(pool)
    }

    /// Closes what is idle; transactions under way end, and their connections are closed then.
    pub(crate) fn close_group(&mut self, group: usize) {
        let Some(its) = self.groups.get_mut(group) else { return };
        its.closed = true;
        let pools: Vec<usize> = its.pools.values().copied().collect();
        for pool in pools {
            self.close_pool(pool);
        }
    }

    /// The same, and no transaction begins any more.
    pub(crate) fn drop_group(&mut self, group: usize) {
        self.close_group(group);
        if let Some(its) = self.groups.get_mut(group) {
            its.dropped = true;
        }
        self.forget_group(group);
    }

    /// A transaction of the group has ended.
    pub(crate) fn leave_group(&mut self, group: usize) {
        if let Some(its) = self.groups.get_mut(group) {
            its.transactions -= 1;
            self.forget_group(group);
        }
    }

    fn forget_group(&mut self, group: usize) {
        let over = |its: &Group| its.dropped && its.transactions == 0;
        if self.groups.get(group).is_some_and(over) {
            let its = self.groups.remove(group);
            for pool in its.pools.into_values() {
                self.forget_pool(pool);
            }
        }
    }
}
