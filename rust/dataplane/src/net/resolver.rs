//! Names to addresses, on threads of their own: `getaddrinfo` blocks (RFC 3493 §6.1).

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// Threads that resolve: one name that does not answer must not hold up all others.
const THREADS: usize = 4;
/// Names that may wait for a thread.
const WAITING: usize = 1024;

type Job = (Arc<str>, u16, Box<dyn FnOnce(io::Result<Vec<SocketAddr>>) + Send>);

/// Resolves names for all threads of a data plane. Its threads start when they are needed first.
#[derive(Clone, Default)]
pub(crate) struct Resolver(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Resolver {
    /// Has the name resolved and `done` called with its addresses, on another thread.
    pub(crate) fn resolve(
        &self,
        host: Arc<str>,
        port: u16,
        done: impl FnOnce(io::Result<Vec<SocketAddr>>) + Send + 'static,
    ) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.jobs.len() >= WAITING {
            drop(state);
            return done(Err(io::Error::other("too many names wait to be resolved")));
        }
        state.jobs.push_back((host, port, Box::new(done)));
        if state.jobs.len() > state.idle && state.threads < THREADS {
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

/// Does one job, or waits for one for a while.
fn work(shared: &Shared) {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((host, port, done)) = state.jobs.pop_front() else {
        state.idle += 1;
        let pause = std::time::Duration::from_secs(1);
        let waited = shared.wake.wait_timeout(state, pause);
        waited.unwrap_or_else(PoisonError::into_inner).0.idle -= 1;
        return;
    };
    drop(state);
    done((&*host, port).to_socket_addrs().map(Iterator::collect));
}
