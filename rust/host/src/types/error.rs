//! Errors: why a policy cannot be loaded, or why it failed.

use crate::types::load_error::LoadError;
use crate::types::printable::printable;

/// Every error of the host, with what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The module cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The module could not be instantiated.
    #[error("the module could not be instantiated: {}", printable(.0))]
    Instantiate(String),
    /// `proxy_on_vm_start` or `proxy_on_configure` answered false.
    #[error("{callback} refused the configuration{}", said(.logs))]
    Refused {
        /// The callback that refused.
        callback: &'static str,
        /// What the policy logged at level warn and above while it decided.
        logs: Vec<String>,
    },
    /// The guest crashed.
    #[error("trapped in {callback}: {}{}{}", printable(.reason), said(.logs), at(.frames))]
    Trap {
        /// The callback that ran.
        callback: &'static str,
        /// The message of the engine.
        reason: String,
        /// What the policy logged before it crashed.
        logs: Vec<String>,
        /// Functions of the guest, the innermost first, if it names them.
        frames: Vec<String>,
    },
    /// The guest used up its fuel.
    #[error(
        "{callback} used up its fuel of {fuel} units; raise `fuel` (or `start_fuel`) or make the policy do less{}",
        at(.frames)
    )]
    OutOfFuel {
        /// The callback that ran.
        callback: &'static str,
        /// The budget, in units.
        fuel: u64,
        /// Functions of the guest, the innermost first, if it names them.
        frames: Vec<String>,
    },
    /// The guest crashed after its memory could not grow.
    #[error(
        "{callback} ran out of its memory of {memory} bytes; raise `memory` or make the policy hold less{}",
        at(.frames)
    )]
    OutOfMemory {
        /// The callback that ran.
        callback: &'static str,
        /// The bound, in bytes.
        memory: u64,
        /// Functions of the guest, the innermost first, if it names them.
        frames: Vec<String>,
    },
    /// The policy could not start, or its replacements took so much time that the next one waits.
    #[error(
        "the policy is suspended for a moment: it could not start, or crashes so often that its \
         instances cost too much"
    )]
    BackOff,
    /// The instance that served this stream crashed on another stream.
    #[error("the policy's instance crashed on another request")]
    InstanceGone,
    /// Every tenant has streams, and the number of tenants is at its limit.
    #[error(
        "all its {most} tenants have requests in flight; raise `max` of `tenants` or admit fewer"
    )]
    TooManyTenants {
        /// How many there may be.
        most: usize,
    },
    /// The key of the tenant is too long.
    #[error("the tenant's key has {length} bytes, and {most} are the most")]
    TenantKey {
        /// Its bytes.
        length: usize,
        /// The bound.
        most: usize,
    },
    /// A stream was used on a thread that did not open it.
    #[error("a stream belongs to the thread that opened it; use one event loop for one request")]
    WrongThread,
    /// A foreign function of the layer above used a stream on the thread that waits for it.
    #[error(
        "a foreign function runs on this thread, and no stream can move before it has answered"
    )]
    Busy,
}

fn at(frames: &[String]) -> String {
    frames.iter().flat_map(|frame| ["\n  at ".into(), printable(frame)]).collect()
}

fn said(logs: &[String]) -> String {
    if logs.is_empty() { String::new() } else { format!("; it said: {}", logs.join(" | ")) }
}
