//! Denials: the uses that no capability allows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::types::capability::Capability;
use crate::types::secrets::masked_query;

/// Rows of one policy in the table of denials; what is denied beyond is counted as [`OTHERS`].
const DENIALS: usize = 256;
const OTHERS: &str = "(others)";
/// Characters of a value that are shown.
const VALUE: usize = 256;

/// A use that no capability allows, and how often it was tried.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The policy's name.
    pub policy: Arc<str>,
    /// The kind of capability that it lacks.
    pub capability: Capability,
    /// The requested value, as it is shown.
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
