//! What each policy, and each tenant of one, may keep in a host, and when it is freed.
//!
//! A space has its own bounds, so that it cannot use up what another one needs. The bounds apply to all plugins
//! of one `vm_id` together, or to one tenant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Whose shared data, queues and metrics they are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Namespace {
    /// Of all VMs of this `vm_id`; a guest can name it.
    Named(Arc<str>),
    /// Of one tenant's VM, which no guest can name.
    Tenant(u64),
}

/// What one space may keep.
pub(crate) struct Quota {
    /// Bytes of shared data.
    pub(crate) data: usize,
    /// Shared queues.
    pub(crate) queues: usize,
    /// Bytes that wait in queues, its own and others', because it put them there.
    pub(crate) queued: usize,
    /// Metrics that it defined.
    pub(crate) metrics: usize,
    /// Log text of a second, as a multiple of the limit `log_bytes` of one callback.
    pub(crate) logs: usize,
}

const POLICY: Quota =
    Quota { data: 64 << 20, queues: 1024, queued: 16 << 20, metrics: 1024, logs: 256 };
/// There may be a thousand tenants, and each has a VM beside this.
const TENANT: Quota = Quota { data: 16 << 20, queues: 64, queued: 4 << 20, metrics: 64, logs: 64 };

impl Namespace {
    pub(crate) const fn quota(&self) -> &'static Quota {
        match self {
            Self::Named(_) => &POLICY,
            Self::Tenant(_) => &TENANT,
        }
    }
}

/// Bytes that policies without a plugin may leave behind, in all.
const LEFT: usize = 64 << 20;
/// And how many there may be.
const GONE: usize = 64;

/// The spaces of a host that have plugins, and those that lately had: a policy that comes back, for
/// a reload or after a mistake in a configuration, finds what it left.
#[derive(Default)]
pub(crate) struct Namespaces {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// The number of plugins of each namespace.
    plugins: HashMap<Namespace, usize>,
    /// Namespaces without a plugin, the one that lost its last plugin first at the front.
    gone: VecDeque<Namespace>,
}

impl Namespaces {
    /// Adds a plugin.
    pub(crate) fn enter(&self, space: &Namespace) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.gone.retain(|gone| gone != space);
        *table.plugins.entry(space.clone()).or_default() += 1;
    }

    /// Removes a plugin. After the last one the data of a tenant is freed at once, that of a policy when
    /// the data of all removed policies is more than [`LEFT`].
    pub(crate) fn leave(
        &self,
        space: &Namespace,
        size: impl Fn(&Namespace) -> usize,
        mut give_back: impl FnMut(&Namespace),
    ) {
        let table = &mut *self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(plugins) = table.plugins.get_mut(space) else { return };
        *plugins -= 1;
        if *plugins > 0 {
            return;
        }
        table.plugins.remove(space);
        // All of it under the lock: a plugin that enters meanwhile waits, and finds all data or none.
        match space {
            Namespace::Tenant(_) => give_back(space),
            Namespace::Named(_) => table.gone.push_back(space.clone()),
        }
        let mut left: usize = table.gone.iter().map(&size).sum();
        while left > LEFT || table.gone.len() > GONE {
            let Some(longest) = table.gone.pop_front() else { return };
            left = left.saturating_sub(size(&longest));
            give_back(&longest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Namespace {
        Namespace::Named(name.into())
    }

    fn leave(spaces: &Namespaces, space: &Namespace, size: usize) -> Vec<Namespace> {
        let mut given_back = Vec::new();
        spaces.leave(space, |_| size, |space| given_back.push(space.clone()));
        given_back
    }

    #[test]
    fn a_tenant_that_is_gone_leaves_nothing() {
        let spaces = Namespaces::default();
        spaces.enter(&Namespace::Tenant(1));
        spaces.enter(&Namespace::Tenant(1));
        assert_eq!(leave(&spaces, &Namespace::Tenant(1), 0), []);
        assert_eq!(leave(&spaces, &Namespace::Tenant(1), 0), [Namespace::Tenant(1)]);
    }

    #[test]
    fn a_policy_that_comes_back_finds_what_it_left() {
        let spaces = Namespaces::default();
        spaces.enter(&named("a"));
        assert_eq!(leave(&spaces, &named("a"), LEFT), []);
        spaces.enter(&named("a"));
        spaces.enter(&named("b"));
        assert_eq!(leave(&spaces, &named("b"), LEFT), []);
    }

    #[test]
    fn what_policies_leave_is_bounded_in_bytes() {
        let spaces = Namespaces::default();
        for name in ["a", "b", "c"] {
            spaces.enter(&named(name));
        }
        assert_eq!(leave(&spaces, &named("a"), LEFT / 2), []);
        assert_eq!(leave(&spaces, &named("b"), LEFT / 2), []);
        assert_eq!(leave(&spaces, &named("c"), LEFT / 2), [named("a")]);
    }

    #[test]
    fn what_policies_leave_is_bounded_in_number() {
        let spaces = Namespaces::default();
        let given_back = (0..GONE + 3).flat_map(|number| {
            let space = named(&number.to_string());
            spaces.enter(&space);
            leave(&spaces, &space, 0)
        });
        assert_eq!(given_back.collect::<Vec<_>>(), ["0", "1", "2"].map(named));
    }
}
