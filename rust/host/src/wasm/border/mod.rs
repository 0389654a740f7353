//! The border to guests: how the host calls a guest, and how a guest calls the host, on wasmer's
//! `vm` layer.
//!
//! wasmer's typed API looks up the store on each call and each hostcall, and lends it anew. Here a
//! guest's function is a pair of pointers, a host function gets a pointer to the `Link` of its
//! instance, and traps are caught once for all calls of a `WasmInstance::step`.
//!
//! # Invariants
//!
//! 1. *Pointers live as long as the store.* Entries, the definition of the memory and the globals are
//!    parts of one `wasmer::Instance`: they do not move, and are freed with its store alone. A
//!    `WasmInstance` owns the store and gives no pointer away; a `Link` keeps pointers for host
//!    functions, which a guest calls only while its `WasmInstance` is borrowed by a step.
//! 2. *One user of the state.* `Link::state` is null, or derived from a `&mut S` whose owner is at
//!    rest until the guest returns: the host function that the guest calls meanwhile is the only user.
//!    One that calls the guest again lends its own borrow in turn: borrows nest as calls do.
//! 3. *Host code runs on the host's stack* (`on_host_stack`), so a trap of the guest ends no frame of
//!    it. On the guest's stack are frames of the guest, and frames of this folder that own nothing.
//! 4. *One thread.* `Link` and `WasmInstance` are neither `Send` nor `Sync`; guests have no threads.

pub(crate) mod call;
mod entry;
pub(crate) mod host_functions;
pub(crate) mod instance;
pub(crate) mod link;
pub(crate) mod parts;
#[cfg(test)]
mod tests;
