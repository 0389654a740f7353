//! The capabilities of a policy: what it may use outside its own memory, by default nothing.

use crate::plugin::folders::Folders;

/// The capabilities of a policy, except the environment variables of its [`crate::PluginSpec`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Clusters and `host:port` that it may call.
    pub net: Vec<String>,
    /// Files and folders that it may read.
    pub read: Folders,
    /// Foreign functions that reach outside; those that only compute need no capability.
    pub foreign_functions: Vec<String>,
    /// Names of metrics, or prefixes that end in `*`.
    pub metrics: Vec<String>,
    /// The `vm_id`s of others whose queues it may open; it may always open its own.
    pub shared_data: Vec<String>,
}

impl Capabilities {
    /// The entry of `net` for the upstream that a guest names.
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
}
