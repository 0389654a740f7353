//! What other threads ask of a thread of the data plane.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use mio::{Registry, Token, Waker};
use wasmgate_host::CalloutAnswer;

use crate::deployment::Deployment;
use crate::queue::Queue;
use crate::refs::AttemptRef;
use crate::report::Report;
use crate::upstream::attempt::Reason;

/// One thing to do.
pub(crate) enum Command {
    /// Exchanges that begin from now on go by this.
    Deploy(Arc<Deployment>),
    /// The answer of a callout has come.
    Answer(u64, CalloutAnswer),
    /// The name of an attempt's endpoint was looked up.
    Resolved { attempt: AttemptRef, addresses: Result<Vec<SocketAddr>, Reason> },
    /// There is a place for a client, unless another thread takes it.
    Room,
    /// Tell of the connections.
    Report(Sender<Report>),
    /// To be called on the thread.
    Ask(Box<dyn FnOnce() + Send>),
    /// Accept no more, end when the exchanges under way have ended, or after this time.
    Drain(Duration),
}

/// The commands of a thread, which wake it from its poll.
pub(crate) struct Mailbox {
    commands: Queue<Command>,
    waker: Waker,
}

impl Mailbox {
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self { commands: Queue::new(), waker: Waker::new(registry, token)? })
    }

    pub(crate) fn post(&self, command: Command) {
        if self.commands.append(|()| Some(command)) {
            self.wake();
        }
    }

    /// Has the thread look at its commands.
    pub(crate) fn wake(&self) {
        // It fails only when the poll is gone, and then so is the thread.
        let _ = self.waker.wake();
    }

    pub(crate) fn take(&self) -> VecDeque<Command> {
        self.commands.take().0
    }
}

/// Every thread of the process by its number, which begins at 1.
static THREADS: RwLock<Vec<Weak<Mailbox>>> = RwLock::new(Vec::new());

/// Numbers the mailbox. Numbers of threads that are gone are given again.
pub(crate) fn number(mailbox: &Arc<Mailbox>) -> io::Result<u16> {
    let mut threads = THREADS.write().unwrap_or_else(PoisonError::into_inner);
    let index = threads.iter().position(|thread| thread.strong_count() == 0);
    let index = index.unwrap_or(threads.len());
    let number = u16::try_from(index + 1).map_err(io::Error::other)?;
    if index == threads.len() {
        threads.push(Weak::new());
    }
    threads[index] = Arc::downgrade(mailbox);
    Ok(number)
}

/// Brings the answer of a callout to the thread whose policy asked. Of a thread that is gone it is
/// dropped.
pub fn deliver(thread: u16, callout: u64, answer: CalloutAnswer) {
    let threads = THREADS.read().unwrap_or_else(PoisonError::into_inner);
    let index = usize::from(thread).wrapping_sub(1);
    if let Some(mailbox) = threads.get(index).and_then(Weak::upgrade) {
        mailbox.post(Command::Answer(callout, answer));
    }
}
