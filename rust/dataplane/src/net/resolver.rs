//! Names to addresses, on threads of their own: `getaddrinfo` blocks (RFC 3493 §6.1).

use std::collections::{HashMap, VecDeque};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::thread;

/// Threads that resolve: one name that does not answer must not hold up all others.
const THREADS: usize = 4;
/// Names that may wait for a thread, and what may wait for one name: what waits for a name that does not
/// answer takes nothing from the others.
const WAITING: usize = 1024;

type Name = (Arc<str>, u16);
type Addresses = Result<Vec<SocketAddr>, String>;
type Done = Box<dyn FnOnce(Addresses) + Send>;

/// Resolves names for all threads of the process. Its threads start when they are needed first.
#[derive(Clone, Default)]
pub(crate) struct Resolver(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// Names that no thread has taken yet.
    names: VecDeque<Name>,
    /// What waits for each name, also for those that a thread has taken: a name that does not answer
    /// keeps one thread, whatever number asks for it.
    waiting: HashMap<Name, Vec<Done>>,
    threads: usize,
    idle: usize,
}

impl Resolver {
    /// The one of the process.
    pub(crate) fn shared() -> Self {
        static SHARED: LazyLock<Resolver> = LazyLock::new(Resolver::default);
        SHARED.clone()
    }

    /// Has the name resolved and `done` called with its addresses, on another thread.
    pub(crate) fn resolve(
        &self,
        host: Arc<str>,
        port: u16,
        done: impl FnOnce(Addresses) + Send + 'static,
    ) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (host, port);
        let of_name = state.waiting.get(&name).map_or(0, Vec::len);
        if of_name >= WAITING || of_name == 0 && state.waiting.len() >= WAITING {
            drop(state);
            let what = if of_name == 0 { "names wait" } else { "requests wait for this name" };
            return done(Err(format!("too many {what} to be resolved")));
        }
        let waiting = state.waiting.entry(name.clone()).or_default();
        waiting.push(Box::new(done));
        if waiting.len() > 1 {
            return;
        }
        state.names.push_back(name);
        if state.names.len() > state.idle && state.threads < THREADS {
            state.threads += 1;
            let shared = Arc::downgrade(&self.0);
            let named = thread::Builder::new().name("wasmgate-dns".into());
            let spawned = named.spawn(move || {
                while let Some(shared) = shared.upgrade() {
                    work(&shared);
                }
            });
            if spawned.is_err() {
                state.threads -= 1;
            }
        }
        drop(state);
        self.0.wake.notify_one();
    }
}

/// Resolves one name, or waits for one for a while.
fn work(shared: &Shared) {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(name) = state.names.pop_front() else {
        state.idle += 1;
        let pause = std::time::Duration::from_secs(1);
        let waited = shared.wake.wait_timeout(state, pause);
        waited.unwrap_or_else(PoisonError::into_inner).0.idle -= 1;
        return;
    };
    drop(state);
    let (host, port) = &name;
    let found = (&**host, *port).to_socket_addrs().map(Iterator::collect);
    let found: Addresses = found.map_err(|error| error.to_string());
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let waiting = state.waiting.remove(&name).unwrap_or_default();
    drop(state);
    for done in waiting {
        done(found.clone());
    }
}
