//! HTTP as its specifications have it: fields, framing, targets, authorities. It knows no route and no
//! upstream.

pub(crate) mod authority;
pub(crate) mod body_length;
pub(crate) mod call;
pub(crate) mod connection_options;
pub(crate) mod date;
pub(crate) mod endpoint_url;
pub(crate) mod fields;
pub(crate) mod forwarded;
pub(crate) mod framing;
pub(crate) mod hash;
pub(crate) mod idempotence;
pub(crate) mod limits;
pub(crate) mod max_forwards;
pub(crate) mod networks;
pub(crate) mod peer;
pub(crate) mod problem;
pub(crate) mod reason;
pub(crate) mod target;
pub(crate) mod underscores;
pub(crate) mod version;

#[cfg(test)]
pub(crate) mod all_words;
