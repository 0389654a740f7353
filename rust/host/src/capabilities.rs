//! What a policy may touch outside its own memory: deny by default.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::Folders;
use crate::secrets::masked_query;

/// Rows of one policy in the table of denials; what is denied beyond is counted as [`OTHERS`].
const DENIALS: usize = 256;
const OTHERS: &str = "(others)";
/// Characters of a value that are shown.
const VALUE: usize = 256;

/// What a policy may touch, beside the environment variables of its [`crate::PluginSpec`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Clusters and `host:port` that it may call.
    pub net: Vec<String>,
    /// Files and folders that it may read.
    pub read: Folders,
    /// Foreign functions that reach outside; those that only compute are open to everybody.
    pub foreign_functions: Vec<String>,
    /// Names of metrics, or prefixes that end in `*`.
    pub metrics: Vec<String>,
    /// The `vm_id`s of others whose queues it may open; its own are always open.
    pub shared_data: Vec<String>,
}

/// A kind of capability, by the key that a user writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names of the fields above")]
pub enum Capability {
    Net,
    Env,
    Read,
    ForeignFunctions,
    Metrics,
    SharedData,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Net, Self::Env, Self::Read, Self::ForeignFunctions, Self::Metrics, Self::SharedData];

    /// The key of gateway.yaml.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Net => "net",
            Self::Env => "env",
            Self::Read => "read",
            Self::ForeignFunctions => "foreign_functions",
            Self::Metrics => "metrics",
            Self::SharedData => "shared_data",
        }
    }

    /// What a policy does with it.
    const fn verb(self) -> &'static str {
        match self {
            Self::Net => "reach",
            Self::Env | Self::Read => "read",
            Self::ForeignFunctions => "call",
            Self::Metrics => "define",
            Self::SharedData => "open",
        }
    }
}

impl Capabilities {
    /// The entry of `net` that an upstream of the guest means, in the words of the entry.
    ///
    /// Guests written for Envoy and Higress name clusters `outbound|PORT||NAME`, where a service that
    /// was found by DNS or has a fixed address ends in `.dns` or `.static`.
    pub(crate) fn upstream(&self, named: &str) -> Option<&str> {
        let known = |wanted: &str| {
            let found = self.net.iter().find(|entry| entry.eq_ignore_ascii_case(wanted));
            found.map(String::as_str)
        };
        known(named).or_else(|| {
            let (port, host) = named.strip_prefix("outbound|")?.split_once("||")?;
            known(host).or_else(|| {
                let bare = host.strip_suffix(".dns").or_else(|| host.strip_suffix(".static"));
                known(&format!("{}:{port}", bare.unwrap_or(host)))
            })
        })
    }

    pub(crate) fn allows_metric(&self, name: &str) -> bool {
        self.metrics.iter().any(|entry| match entry.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => entry == name,
        })
    }

    pub(crate) fn allows_foreign_function(&self, name: &str) -> bool {
        self.foreign_functions.iter().any(|entry| entry == name)
    }

    pub(crate) fn allows_shared_data(&self, vm_id: &str) -> bool {
        self.shared_data.iter().any(|entry| entry == vm_id)
    }
}

/// What a policy was not allowed to touch, and how often it tried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The policy's name.
    pub policy: Arc<str>,
    /// The kind of capability that it lacks.
    pub capability: Capability,
    /// What it asked for, as it is shown.
    pub value: String,
    /// How often.
    pub count: u64,
}

/// How often each capability and value was denied to one policy.
type Rows = HashMap<(Capability, String), u64>;

/// All denials of a host, by policy.
#[derive(Default)]
pub(crate) struct Denials {
    table: Mutex<HashMap<Arc<str>, Rows>>,
}

impl Denials {
    pub(crate) fn count(&self, policy: &Arc<str>, capability: Capability, value: &str) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = table.entry(Arc::clone(policy)).or_default();
        let key = (capability, value.to_owned());
        let full = rows.len() >= DENIALS && !rows.contains_key(&key);
        let key = if full { (capability, OTHERS.to_owned()) } else { key };
        *rows.entry(key).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> Vec<Denial> {
        let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |policy: &Arc<str>,
                  ((capability, value), count): (&(Capability, String), &u64)| {
            let (policy, value) = (Arc::clone(policy), value.clone());
            Denial { policy, capability: *capability, value, count: *count }
        };
        let all = table.iter().flat_map(|(policy, rows)| rows.iter().map(|row| of(policy, row)));
        let mut rows: Vec<Denial> = all.collect();
        rows.sort();
        rows
    }
}

/// A value as log lines and tables show it.
pub(crate) fn shown(value: &str) -> String {
    let value = String::from_utf8_lossy(&masked_query(value.as_bytes())).into_owned();
    value.chars().take(VALUE).flat_map(char::escape_debug).collect()
}

/// The line of a denial; `value` is [`shown`].
pub(crate) fn message(policy: &str, capability: Capability, value: &str) -> String {
    let (verb, name) = (capability.verb(), capability.name());
    format!("PermissionDenied: policy '{policy}' may not {verb} '{value}' (capability {name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(entries: &[&str]) -> Capabilities {
        let net = entries.iter().map(|&entry| entry.to_owned()).collect();
        Capabilities { net, ..Capabilities::default() }
    }

    #[test]
    fn an_upstream_is_an_entry_of_net() {
        let allowed = net(&["auth", "auth.internal:8080"]);
        assert_eq!(allowed.upstream("auth"), Some("auth"));
        assert_eq!(allowed.upstream("Auth.Internal:8080"), Some("auth.internal:8080"));
        assert_eq!(allowed.upstream("auth.internal"), None);
        assert_eq!(allowed.upstream("auth.internal:80"), None);
        assert_eq!(allowed.upstream(""), None);
    }

    #[test]
    fn the_names_of_envoy_and_higress_are_understood() {
        let allowed = net(&["auth.dns", "redis.internal:6379"]);
        assert_eq!(allowed.upstream("outbound|80||auth.dns"), Some("auth.dns"));
        let redis = Some("redis.internal:6379");
        assert_eq!(allowed.upstream("outbound|6379||redis.internal"), redis);
        assert_eq!(allowed.upstream("outbound|6379||redis.internal.dns"), redis);
        assert_eq!(allowed.upstream("outbound|6379||redis.internal.static"), redis);
        assert_eq!(allowed.upstream("outbound|80||redis.internal.dns"), None);
        assert_eq!(allowed.upstream("outbound|80|auth.dns"), None);
    }

    #[test]
    fn a_metric_is_allowed_by_name_or_prefix() {
        let metrics = vec!["hits".to_owned(), "cache.*".to_owned()];
        let allowed = Capabilities { metrics, ..Capabilities::default() };
        let names = ["hits", "hits2", "cache.size", "cache"];
        assert_eq!(names.map(|name| allowed.allows_metric(name)), [true, false, true, false]);
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        let none = Capabilities::default();
        assert!(none.upstream("a").is_none() && !none.allows_metric("a"));
        assert!(!none.allows_foreign_function("a") && !none.allows_shared_data("a"));
    }

    #[test]
    fn the_table_of_denials_is_bounded() {
        let denials = Denials::default();
        let policy: Arc<str> = "p".into();
        for n in 0..DENIALS + 10 {
            denials.count(&policy, Capability::Net, &n.to_string());
        }
        denials.count(&"other".into(), Capability::Net, "own");
        let rows = denials.snapshot();
        assert_eq!((&*rows[0].policy, &*rows[0].value), ("other", "own"));
        let rows = &rows[1..];
        let others = rows.iter().find(|row| row.value == OTHERS).map(|row| row.count);
        assert_eq!((rows.len(), others), (DENIALS + 1, Some(10)));
    }

    #[test]
    fn a_denial_names_policy_value_and_capability() {
        assert_eq!(
            message("x", Capability::Net, &shown("y\n")),
            r"PermissionDenied: policy 'x' may not reach 'y\n' (capability net)"
        );
    }
}
