//! How contexts of streams end: `proxy_on_done`, `proxy_on_log`, `proxy_on_delete`, and what the guest
//! is told of callouts that ended with them. A guest can let a thousand contexts end at once, so each
//! callback after `proxy_done` is due on its own and runs when its step has room for it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::context::callouts::Ended;
use crate::context::instance_state::ContextKind;
use crate::instance::Instance;
use crate::plugin::core::PluginCore;
use crate::types::error::Error;

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

impl Instance {
    /// `proxy_on_done`, then `proxy_on_log` and `proxy_on_delete`, unless the guest wants to be
    /// asked again: then they follow its `proxy_done`.
    pub(crate) fn end_stream(&mut self, context: u32) -> Result<(), Error> {
        let env = self.guest.state_mut();
        env.ending = true;
        env.calls.stream_ended = true;
        let mut done = 1;
        if let Some(callback) = self.exports.done {
            let call = Some(callback.with([context]));
            done = self.run("proxy_on_done", context, self.fuel(), call)?.unwrap_or(1);
        }
        let due = self.endings.len() / 2;
        let env = self.guest.state_mut();
        env.ending = false;
        if done == 0 && !env.finished.contains(&context) && env.await_done(context, due) {
            env.calls.stream_ended = false;
            self.has_pending = env.has_pending();
            return Ok(());
        }
        env.finished.retain(|finished| *finished != context);
        self.log(context)?;
        self.delete(context)?;
        self.has_pending |= !self.endings.is_empty();
        Ok(())
    }

    /// `proxy_on_log`, after the callouts of the stream are cancelled.
    #[inline]
    fn log(&mut self, context: u32) -> Result<(), Error> {
        let calls = &mut self.guest.state_mut().calls;
        let orphans = calls.end_stream(context);
        calls.stream_ended = true;
        if !orphans.is_empty() {
            self.endings.extend(orphans.into_iter().map(Ending::Cancelled));
        }
        if let Some(callback) = self.exports.log {
            self.run("proxy_on_log", context, self.fuel(), Some(callback.with([context])))?;
        }
        Ok(())
    }

    /// `proxy_on_delete`.
    #[inline]
    fn delete(&mut self, context: u32) -> Result<(), Error> {
        let call = self.exports.delete.map(|callback| callback.with([context]));
        self.run("proxy_on_delete", context, self.fuel(), call)?;
        let env = self.guest.state_mut();
        env.remove_context(context);
        env.calls.stream_ended = false;
        Ok(())
    }

    /// Notes the contexts for which the guest called `proxy_done` since; how many callbacks were due
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

    /// Whether a callback of this plugin is due, be others before it.
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
