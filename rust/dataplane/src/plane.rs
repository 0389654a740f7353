//! The data plane: threads that serve, and what is asked of all of them.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::deployment::{ClientSettings, Deployment};
use crate::mailbox::{Command, Mailbox};
use crate::notes::{Note, Notes};
use crate::reactor::Reactor;
use crate::report::Report;

/// How long an answer of the threads is waited for: one may be in a callback.
const PATIENCE: Duration = Duration::from_secs(5);

/// Threads that serve clients, each with its listeners, its instances and its connections.
pub struct Plane {
    threads: Vec<Worker>,
    settings: Arc<ClientSettings>,
}

struct Worker {
    mailbox: Arc<Mailbox>,
    exchanges: Arc<AtomicU64>,
    handle: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread of a reactor.
    fn begin(
        index: usize,
        mut reactor: Reactor,
        notes: &Arc<Notes>,
        exchanges: Arc<AtomicU64>,
    ) -> io::Result<Self> {
        let (mailbox, notes) = (reactor.mailbox(), Arc::clone(notes));
        let named = thread::Builder::new().name(format!("wasmgate-{index}"));
        let handle = named.spawn(move || {
            let end = End { notes };
            reactor.run();
            drop(reactor);
            drop(end);
        })?;
        Ok(Self { mailbox, exchanges, handle: Some(handle) })
    }
}

impl Plane {
    /// Starts a thread for each list of listeners. Nothing is accepted before the first deployment.
    ///
    /// # Errors
    /// No thread, or what epoll(7) needs, could be made; then none is left.
    pub fn start(
        listeners: Vec<Vec<TcpListener>>,
        notes: &Arc<Notes>,
        settings: &Arc<ClientSettings>,
    ) -> io::Result<Self> {
        let mut plane = Self { threads: Vec::new(), settings: Arc::clone(settings) };
        for (index, listeners) in listeners.into_iter().enumerate() {
            let exchanges = Arc::new(AtomicU64::new(0));
            let listeners = listeners.into_iter().map(|its| (its, Arc::clone(settings)));
            let reactor =
                Reactor::new(listeners.collect(), Arc::clone(notes), Arc::clone(&exchanges));
            match reactor.and_then(|reactor| Worker::begin(index, reactor, notes, exchanges)) {
                Ok(worker) => plane.threads.push(worker),
                Err(error) => {
                    plane.drain(Duration::ZERO);
                    plane.join();
                    return Err(error);
                }
            }
        }
        Ok(plane)
    }

    /// Has exchanges that begin from now on go by this; those under way end on what they began with.
    pub fn deploy(&self, deployment: &Arc<Deployment>) {
        self.settings.admission.bound(deployment.clients);
        self.post(|| Command::Deploy(Arc::clone(deployment)));
    }

    /// Accepts no more, closes idle connections, and ends when the last exchange has ended, or after
    /// `grace`.
    pub fn drain(&self, grace: Duration) {
        self.post(|| Command::Drain(grace));
    }

    /// Waits until all threads have ended.
    pub fn join(&mut self) {
        for worker in &mut self.threads {
            if let Some(handle) = worker.handle.take() {
                // A thread that panicked has ended, too.
                let _ = handle.join();
            }
        }
    }

    /// Has a question answered on every thread, and gives the answers of those that answer in time.
    pub fn ask<T: Send + 'static>(
        &self,
        question: impl Fn() -> T + Clone + Send + 'static,
    ) -> Vec<T> {
        let (sender, answers) = mpsc::channel();
        self.post(|| {
            let (sender, question) = (sender.clone(), question.clone());
            // The receiver may have stopped waiting.
            Command::Ask(Box::new(move || drop(sender.send(question()))))
        });
        drop(sender);
        collect(&answers)
    }

    /// What each thread tells of its connections.
    #[must_use]
    pub fn report(&self) -> Vec<Report> {
        let (sender, reports) = mpsc::channel();
        self.post(|| Command::Report(sender.clone()));
        drop(sender);
        collect(&reports)
    }

    /// How many threads serve.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// How many exchanges have ended.
    #[must_use]
    pub fn exchanges(&self) -> u64 {
        self.threads.iter().map(|worker| worker.exchanges.load(Ordering::Relaxed)).sum()
    }

    fn post(&self, command: impl Fn() -> Command) {
        for worker in &self.threads {
            worker.mailbox.post(command());
        }
    }
}

/// Says that a thread has ended, also one that panicked.
struct End {
    notes: Arc<Notes>,
}

impl Drop for End {
    fn drop(&mut self) {
        if thread::panicking() {
            self.notes.append(Note::Warning("a thread of the data plane failed".into()));
        }
        self.notes.append(Note::Ended);
    }
}

/// The answers that come in time.
fn collect<T>(answers: &mpsc::Receiver<T>) -> Vec<T> {
    let until = Instant::now() + PATIENCE;
    let next = || answers.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
    std::iter::from_fn(next).collect()
}
