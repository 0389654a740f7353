//! The state of one instance, which its hostcalls use.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::context::callouts::Calls;
use crate::context::descriptors::Descriptors;
use crate::context::outbox::outbox;
use crate::context::stream_table;
use crate::plugin::core::PluginCore;
use crate::services::denials;
use crate::services::log_rate::Line;
use crate::types::capability::Capability;
use crate::types::effects::LogRecord;
use crate::types::ids::{IdMap, IdSet};
use crate::types::log_level::LogLevel;
use crate::types::printable::printable;
use crate::types::secrets::{Secrets, is_secret};

/// Bytes that a log line counts in addition to its text, which bounds the number of empty lines.
const LINE: usize = 32;
/// Maximum number of contexts of ended streams that wait for `proxy_done`; each keeps its stream's heads.
const AWAITING_DONE: usize = 1024;
/// Maximum number of denials of one callback that are logged; all are counted.
const DENIALS: usize = 16;
/// Fuel for a denial, which is logged and counted.
const DENIAL: u64 = 8192;
/// Fuel for a byte of a line that must be escaped.
const ESCAPED: u64 = 32;
/// Maximum number of warnings kept for the text of an error.
const WARNINGS: usize = 8;

/// The state of one instance.
pub(crate) struct InstanceState {
    /// The plugin whose context is effective.
    pub(crate) core: Arc<PluginCore>,
    /// The plugins of this VM.
    pub(crate) roots: Vec<RootContext>,
    pub(crate) stage: Stage,
    pub(crate) contexts: IdMap<u32, ContextKind>,
    /// The context whose callback runs.
    pub(crate) current: u32,
    /// The context that hostcalls act on; differs after `proxy_set_effective_context`.
    pub(crate) effective: u32,
    /// Contexts whose `proxy_on_done` returned false.
    pub(crate) awaiting_done: Vec<u32>,
    /// The contexts of `awaiting_done` for which `proxy_done` was called.
    pub(crate) finished: Vec<u32>,
    /// Whether `proxy_on_done` runs.
    pub(crate) ending: bool,
    /// Whether `proxy_on_vm_start` runs.
    pub(crate) starting_vm: bool,
    /// The open files and folders.
    pub(crate) files: Descriptors,
    /// The open callouts.
    pub(crate) calls: Calls,
    /// Properties that the policy declared, and whether each is read-only.
    pub(crate) declared: HashMap<Vec<u8>, bool>,
    /// Queues that the plugins of this VM registered: plugin and queue.
    pub(crate) queues: IdSet<u64>,
    /// Ids of the metrics that this instance defined.
    pub(crate) metrics: IdSet<u32>,
    /// Bytes that a hostcall delivers once the guest's allocator has run.
    pub(crate) gift: Gift,
    /// Fuel that hostcalls used and that the meter has not charged yet.
    pub(crate) unsettled_fuel: u64,
    pub(crate) log_bytes_left: usize,
    pub(crate) warnings: Vec<String>,
    /// Whether the host records a trace.
    pub(crate) traced: bool,
    /// The host's last log line, while a trace is recorded.
    pub(crate) reason: Option<String>,
    /// The denials of this callback that were logged.
    denied: Vec<(Capability, String)>,
    next_context: u32,
}

/// Bytes for the guest, and the addresses for their address and length.
#[derive(Default)]
pub(crate) struct Gift {
    pub(crate) bytes: Vec<u8>,
    pub(crate) address_at: u32,
    pub(crate) length_at: u32,
}

/// Which hostcalls are allowed: in `_initialize` and in the guest's allocator only WASI and logging, as in
/// Envoy, because the guest's SDK may hold locks then.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Initializing,
    Allocating,
    Open,
}

/// The kind of a context, with its stream or plugin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContextKind {
    Root,
    /// The policy at `position` in the chain of stream `key`, with the root context `root`.
    Stream {
        key: u64,
        position: usize,
        root: u32,
    },
}

impl ContextKind {
    /// The key and the position in the chain, for a context of a stream.
    pub(crate) fn stream(self) -> Option<(u64, usize)> {
        match self {
            Self::Stream { key, position, .. } => Some((key, position)),
            Self::Root => None,
        }
    }
}

/// A plugin in this VM and its root context.
pub(crate) struct RootContext {
    pub(crate) context: u32,
    pub(crate) core: Arc<PluginCore>,
    pub(crate) tick: Option<Tick>,
}

/// A tick period, and the time of the next tick.
#[derive(Clone, Copy)]
pub(crate) struct Tick {
    pub(crate) period: Duration,
    pub(crate) due: Instant,
}

impl InstanceState {
    pub(crate) fn new(core: Arc<PluginCore>) -> Self {
        let log_bytes_left = core.spec.limits.log_bytes;
        Self {
            core,
            roots: Vec::new(),
            stage: Stage::Initializing,
            contexts: IdMap::default(),
            current: 0,
            effective: 0,
            awaiting_done: Vec::new(),
            finished: Vec::new(),
            ending: false,
            starting_vm: false,
            files: Descriptors::default(),
            calls: Calls::default(),
            declared: HashMap::new(),
            queues: IdSet::default(),
            metrics: IdSet::default(),
            gift: Gift::default(),
            unsettled_fuel: 0,
            log_bytes_left,
            warnings: Vec::new(),
            traced: false,
            reason: None,
            denied: Vec::new(),
            next_context: 1,
        }
    }

    /// Adds a context and returns its id; no two living contexts have the same id.
    pub(crate) fn add_context(&mut self, owner: ContextKind) -> u32 {
        while self.next_context == 0 || self.contexts.contains_key(&self.next_context) {
            self.next_context = self.next_context.wrapping_add(1);
        }
        let id = self.next_context;
        self.next_context = id.wrapping_add(1);
        if let Some((key, _)) = owner.stream() {
            stream_table::hold(key);
        }
        self.contexts.insert(id, owner);
        id
    }

    /// Removes a deleted context; the data of a closed stream is freed with its last context.
    pub(crate) fn remove_context(&mut self, context: u32) {
        let stream = self.contexts.remove(&context).and_then(ContextKind::stream);
        if let Some((key, _)) = stream {
            stream_table::release(key);
        }
    }

    /// Keeps a context until its `proxy_done`. At the limit the oldest one is evicted, unless `due`
    /// contexts are about to end: then this context ends at once, and the result is false.
    pub(crate) fn await_done(&mut self, context: u32, due: usize) -> bool {
        let full = self.awaiting_done.len() + due >= AWAITING_DONE;
        if full {
            let text = format!("ended a stream: {AWAITING_DONE} others wait for proxy_done");
            self.log(LogLevel::Warn, text);
            if due > 0 || self.awaiting_done.is_empty() {
                return false;
            }
            let longest = self.awaiting_done.remove(0);
            self.finished.push(longest);
        }
        self.awaiting_done.push(context);
        true
    }

    /// Prepares for one callback in `context`.
    #[inline]
    pub(crate) fn enter(&mut self, context: u32) {
        self.current = context;
        self.effective = context;
        if self.roots.len() > 1 {
            self.act_on(context);
        }
        self.unsettled_fuel = 0;
        self.log_bytes_left = self.core.spec.limits.log_bytes;
        self.warnings.clear();
        self.traced = self.core.services.trace().is_on();
        self.denied.clear();
    }

    /// Whether the guest called `proxy_done` for a context or made a callout since the callback began.
    pub(crate) fn has_pending(&self) -> bool {
        !self.finished.is_empty() || self.calls.has_pending()
    }

    /// The stream on which hostcalls act, and the policy's position in its chain.
    pub(crate) fn stream(&self) -> Option<(u64, usize)> {
        match self.contexts.get(&self.effective) {
            Some(ContextKind::Stream { key, position, .. }) => Some((*key, *position)),
            Some(ContextKind::Root) | None => None,
        }
    }

    /// Makes `context` and its plugin the effective ones; false if the context does not exist.
    pub(crate) fn act_on(&mut self, context: u32) -> bool {
        let found = self.root_of(context).map(|root| Arc::clone(&root.core));
        let Some(core) = found else { return false };
        (self.effective, self.core) = (context, core);
        true
    }

    /// The root of the effective context.
    pub(crate) fn root(&mut self) -> Option<&mut RootContext> {
        self.root_of(self.effective)
    }

    fn root_of(&mut self, context: u32) -> Option<&mut RootContext> {
        let root = match self.contexts.get(&context)? {
            ContextKind::Root => context,
            ContextKind::Stream { root, .. } => *root,
        };
        self.roots.iter_mut().find(|known| known.context == root)
    }

    /// The root of a plugin.
    pub(crate) fn root_of_plugin(&self, plugin: u64) -> Option<&RootContext> {
        self.roots.iter().find(|root| root.core.id == plugin)
    }

    /// The number of bytes of a guest's line that must be read.
    pub(crate) fn log_room(&self, level: LogLevel) -> usize {
        let wanted = level >= self.core.services.log_level() || level >= LogLevel::Warn;
        if wanted { self.log_bytes_left } else { 0 }
    }

    /// Logs a line of the guest: `message` is the part that was read, `length` the line's full length.
    pub(crate) fn guest_log(&mut self, level: LogLevel, message: &[u8], length: usize) {
        if self.log_room(level) == 0 {
            return;
        }
        let shown = self.without_secrets(message);
        let mut text = printable(&String::from_utf8_lossy(&shown)).into_owned();
        if length > message.len() {
            text.push_str(" … (cut: `log_bytes` of this callback used up)");
        }
        self.write(level, text);
    }

    /// The line without secrets of the policy's configuration and environment and of the client.
    fn without_secrets<'a>(&mut self, message: &'a [u8]) -> Cow<'a, [u8]> {
        let credentials = self.stream().and_then(|(key, _)| {
            stream_table::with(key, |stream| {
                let mut secrets = Secrets::default();
                let fields = stream.request_headers().iter();
                fields.filter(|(name, _)| is_secret(name)).for_each(|(_, its)| secrets.learn(its));
                secrets
            })
        });
        let own = &self.core.secrets;
        let looked_for = own.len() + credentials.as_ref().map_or(0, Secrets::len);
        self.unsettled_fuel =
            self.unsettled_fuel.saturating_add(message.len().saturating_mul(looked_for) as u64);
        let shown = self.core.secrets.hidden(message);
        match credentials {
            Some(secrets) => Cow::Owned(secrets.hidden(&shown).into_owned()),
            None => shown,
        }
    }

    /// Logs a line of the host about the policy.
    pub(crate) fn log(&mut self, level: LogLevel, message: String) {
        if self.log_bytes_left == 0 && !self.traced {
            return;
        }
        self.unsettled_fuel = self.unsettled_fuel.saturating_add(message.len() as u64 * ESCAPED);
        // Most messages contain text from the guest.
        let message = match printable(&message) {
            Cow::Borrowed(_) => message,
            Cow::Owned(shown) => shown,
        };
        if self.traced {
            self.reason = Some(message.clone());
        }
        self.write(level, message);
    }

    /// Logs that the policy lacks a capability, once for each callback and value, and counts each denial.
    pub(crate) fn denied(&mut self, capability: Capability, value: &str) {
        self.unsettled_fuel = self.unsettled_fuel.saturating_add(DENIAL);
        let value = denials::shown(value);
        self.core.services.denials().count(&self.core.name, capability, &value);
        let entry = (capability, value);
        if self.denied.len() < DENIALS && !self.denied.contains(&entry) {
            self.log(LogLevel::Warn, denials::message(&self.core.name, capability, &entry.1));
            self.denied.push(entry);
        } else if self.traced {
            self.reason = Some(denials::message(&self.core.name, capability, &entry.1));
        }
    }

    /// Adds a log line to the effects, unless the callback has used its share.
    fn write(&mut self, level: LogLevel, message: String) {
        if self.log_bytes_left == 0 {
            return;
        }
        self.log_bytes_left = self.log_bytes_left.saturating_sub(message.len() + LINE);
        if level >= LogLevel::Warn && self.warnings.len() < WARNINGS {
            self.warnings.push(message.clone());
        }
        if level >= self.core.services.log_level() {
            let size = message.len() + LINE;
            let Line::Kept { dropped } = self.core.log_rate.take(size, Instant::now()) else {
                return;
            };
            let policy = Arc::clone(&self.core.name);
            let record = |level, message| LogRecord { policy: Arc::clone(&policy), level, message };
            outbox(|out| {
                if dropped > 0 {
                    let text = format!("{dropped} lines of this policy were dropped: too many");
                    out.logs.push(record(LogLevel::Warn, text));
                }
                out.logs.push(record(level, message));
            });
        }
    }
}

impl Drop for InstanceState {
    fn drop(&mut self) {
        let streams = self.contexts.values().filter_map(|owner| owner.stream());
        streams.for_each(|(key, _)| stream_table::release(key));
    }
}
