//! Which route takes a request: by authority and path prefix.

mod path_prefix;
mod route_table;
pub(crate) mod router;
