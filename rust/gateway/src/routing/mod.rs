//! Which route takes a request, and what the route does with it.

pub(crate) mod action;
mod anchored_regex;
pub(crate) mod conditions;
pub(crate) mod error;
pub(crate) mod explain;
pub(crate) mod field_changes;
pub(crate) mod hash_key;
mod host_pattern;
pub(crate) mod path_pattern;
mod path_prefix;
mod path_template;
mod path_trie;
pub(crate) mod precedence;
pub(crate) mod redirect;
pub(crate) mod rewrite;
pub(crate) mod route;
mod route_table;
pub(crate) mod router;
pub(crate) mod value_match;
pub(crate) mod variables;
mod weighted;

#[cfg(test)]
mod tests;
