//! The border to guests: how the host calls a guest, and how a guest calls the host, on wasmer's
//! `vm` layer.
//!
//! wasmer's typed API looks up the store for each call and each hostcall, and borrows it anew. Here a
//! guest's function is a pair of pointers, a host function gets a pointer to the `Link` of its
//! instance, and traps are caught once for all calls of a `WasmInstance::step`.
//!
//! # Invariants
//!
//! 1. *Pointers live as long as the store.* Entries, the definition of the memory and the globals are
//!    parts of one `wasmer::Instance`: they do not move, and are only freed with its store. A
//!    `WasmInstance` owns the store and returns no pointers; a `Link` keeps pointers for host
//!    functions, which a guest only calls while a step borrows its `WasmInstance`.
//! 2. *One user of the state.* `Link::state` is null, or derived from a `&mut S` that its owner does not
//!    use until the guest returns: the host function that the guest calls is the only user. A host
//!    function that calls the guest again lends its own borrow: borrows nest as calls do.
//! 3. *Host code runs on the host's stack* (`on_host_stack`), so a trap of the guest unwinds no host
//!    frame. The guest's stack holds frames of the guest, and frames of this folder that own nothing.
//! 4. *One thread.* `Link` and `WasmInstance` are neither `Send` nor `Sync`; guests have no threads.

pub(crate) mod call;
mod entry;
pub(crate) mod host_functions;
pub(crate) mod instance;
pub(crate) mod link;
pub(crate) mod parts;
#[cfg(test)]
mod tests;
