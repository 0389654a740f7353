//! The end of stream contexts: `proxy_on_done`, `proxy_on_log`, `proxy_on_delete`, and the callbacks of
//! callouts that ended with them. A guest can end a thousand contexts at once, so each
//! callback after `proxy_done` is due on its own and runs when its step has room for it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::context::callouts::Ended;
use crate::context::instance_state::{ContextKind, InstanceState};
use crate::guest::exports::Exports;
use crate::instance::Instance;
use crate::instance::running::{Callback, Runner};
use crate::plugin::core::PluginCore;
use crate::types::error::Error;
use crate::wasm::border::call::Call;

/// A callback that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// `proxy_on_log` of a context.
    Log(u32),
    /// `proxy_on_delete` of it.
    Delete(u32),
    /// A callout ended with its stream.
    Cancelled(Ended),
}

/// Endings in their order.
pub(crate) type Endings = VecDeque<Ending>;

/// The state of a context that ends.
enum After {
    Begin,
    Done,
    Log,
    Delete,
    /// It is asked again after its `proxy_done`.
    Waiting,
}

impl Instance {
    /// `proxy_on_done`, then `proxy_on_log` and `proxy_on_delete`, unless the guest wants to be
    /// asked again: then they follow its `proxy_done`.
    pub(crate) fn end_stream(&mut self, context: u32) -> Result<(), Error> {
        let fuel = self.fuel();
        let others = self.endings.len() / 2;
        let Exports { done, log, delete, .. } = self.exports;
        let Self { guest, core, tally, owed, has_pending, endings, .. } = self;
        let due = |name, call| Callback::new(name, context, call);
        let mut after = After::Begin;
        let mut runner = Runner { guest, core, tally, owed, has_pending, fuel };
        runner.run(|state, answer| {
            loop {
                match after {
                    After::Begin => {
                        state.ending = true;
                        state.calls.stream_ended = true;
                        after = After::Done;
                        if let Some(done) = done {
                            return Some(due("proxy_on_done", done.with([context])));
                        }
                    }
                    After::Done => {
                        state.ending = false;
                        let waits = done.is_some() && answer == Some(0);
                        if waits
                            && !state.finished.contains(&context)
                            && state.await_done(context, others)
                        {
                            state.calls.stream_ended = false;
                            after = After::Waiting;
                            return None;
                        }
                        state.finished.retain(|finished| *finished != context);
                        cancel_calls(state, endings, context);
                        after = After::Log;
                        if let Some(log) = log {
                            return Some(due("proxy_on_log", log.with([context])));
                        }
                    }
                    After::Log => {
                        after = After::Delete;
                        let delete = delete.map_or(Call::ABSENT, |delete| delete.with([context]));
                        return Some(due("proxy_on_delete", delete).last());
                    }
                    After::Delete | After::Waiting => return None,
                }
            }
        })?;
        if !matches!(after, After::Waiting) {
            self.deleted(context);
            self.has_pending |= !self.endings.is_empty();
        }
        Ok(())
    }

    /// `proxy_on_log`, after the callouts of the stream are cancelled.
    fn log(&mut self, context: u32) -> Result<(), Error> {
        cancel_calls(self.guest.state_mut(), &mut self.endings, context);
        let Some(callback) = self.exports.log else { return Ok(()) };
        let call = Some(callback.with([context]));
        self.run("proxy_on_log", context, self.fuel(), call).map(drop)
    }

    /// `proxy_on_delete`.
    fn delete(&mut self, context: u32) -> Result<(), Error> {
        let call = self.exports.delete.map(|callback| callback.with([context]));
        self.run("proxy_on_delete", context, self.fuel(), call)?;
        self.deleted(context);
        Ok(())
    }

    fn deleted(&mut self, context: u32) {
        let state = self.guest.state_mut();
        state.remove_context(context);
        state.calls.stream_ended = false;
    }

    /// Notes the contexts for which the guest called `proxy_done` since; returns how many callbacks were due
    /// before.
    pub(crate) fn note_finished(&mut self) -> usize {
        let before = self.endings.len();
        let finished = std::mem::take(&mut self.guest.state_mut().finished);
        let callbacks = finished.into_iter().flat_map(|id| [Ending::Log(id), Ending::Delete(id)]);
        self.endings.extend(callbacks);
        before
    }

    /// The plugin whose callback is due next.
    pub(crate) fn ends_next(&self) -> Option<Arc<PluginCore>> {
        Some(Arc::clone(self.plugin_of(self.endings.front()?)))
    }

    /// Whether a callback of this plugin is due, even behind others.
    pub(crate) fn has_endings_of(&self, plugin: u64) -> bool {
        self.endings.iter().any(|ending| self.plugin_of(ending).id == plugin)
    }

    fn plugin_of(&self, ending: &Ending) -> &Arc<PluginCore> {
        let context = match ending {
            Ending::Log(context) | Ending::Delete(context) => *context,
            Ending::Cancelled(ended) => ended.root,
        };
        let env = self.guest.state();
        let root = match env.contexts.get(&context) {
            Some(ContextKind::Stream { root, .. }) => *root,
            Some(ContextKind::Root) | None => context,
        };
        let known = env.roots.iter().find(|known| known.context == root);
        known.map_or(&self.core, |known| &known.core)
    }

    /// Runs the callback that is due next.
    pub(crate) fn end_next(&mut self) -> Result<(), Error> {
        match self.endings.pop_front() {
            None => Ok(()),
            Some(Ending::Log(context)) => {
                self.log(context)?;
                self.calls().stream_ended = false;
                Ok(())
            }
            Some(Ending::Delete(context)) => {
                self.calls().stream_ended = true;
                self.delete(context)
            }
            Some(Ending::Cancelled(ended)) => self.tell_cancelled(ended),
        }
    }

    /// How many callbacks are due.
    pub(crate) fn endings(&self) -> usize {
        self.endings.len()
    }
}

/// Cancels the callouts of a stream; their callbacks run later.
fn cancel_calls(state: &mut InstanceState, endings: &mut Endings, context: u32) {
    let orphans = state.calls.end_stream(context);
    state.calls.stream_ended = true;
    if !orphans.is_empty() {
        endings.extend(orphans.into_iter().map(Ending::Cancelled));
    }
}
