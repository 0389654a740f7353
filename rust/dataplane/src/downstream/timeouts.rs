//! What a client, an upstream or a policy may take, in time.

use std::time::{Duration, Instant};

use wasmgate_gateway::{Failure, Waited};

use crate::core::{Core, Timer};
use crate::downstream::{Client, Phase, Stops};

/// A client is looked at so often at least: states change in between.
const EVERY: Duration = Duration::from_secs(1);

/// How long a server that stops waits for a head that is on its way.
pub(super) const LAST_HEAD: Duration = Duration::from_secs(1);

impl Client {
    /// Has the deadlines looked at, at this time or sooner.
    pub(crate) fn watch(&mut self, at: Instant, core: &mut Core) {
        if at < self.clock.check_at {
            self.clock.check_at = at;
            core.wheel.insert(at, Timer::Client(self.this, at));
        }
    }

    /// Ends what took too long, and arranges the next look.
    pub(crate) fn check_deadlines(&mut self, core: &mut Core) {
        let now = core.now;
        match self.phase {
            Phase::Serving => self.check_serving(core),
            Phase::Closing => self.check_stalled(core),
            Phase::Lingering { since, heard, ended } => {
                if !ended {
                    self.check_stalled(core);
                } else if now - heard >= self.settings.limits.linger
                    || now - since >= self.settings.limits.longest_linger
                {
                    self.phase = Phase::Closed;
                }
            }
            Phase::Lost | Phase::Closed => {}
        }
        let limits = self.settings.limits;
        let read = self.link.pool().map(|pool| core.pools[pool].limits.read);
        let ends = [Some(limits.keep_alive), Some(limits.client), read]
            .into_iter()
            .flatten()
            .map(|its| self.clock.since + its);
        let next = ends.chain(self.clock.deadline).filter(|at| *at > now).min();
        self.clock.check_at = next.unwrap_or(now + EVERY).min(now + EVERY);
        core.wheel.insert(self.clock.check_at, Timer::Client(self.this, self.clock.check_at));
    }

    fn check_serving(&mut self, core: &mut Core) {
        let now = core.now;
        let choked = self.socket.is_full();
        if choked {
            self.check_stalled(core);
        }
        let quiet = now.saturating_duration_since(self.clock.since);
        if self.connection.exchange().is_none() {
            if !choked {
                self.check_idle(quiet, core);
            }
        } else if let Some(limits) = self.connection.websocket() {
            if !choked && quiet >= limits.idle {
                let step = self.connection.end_idle_websocket();
                self.perform(step, &[], core);
            }
        } else if self.clock.deadline.is_some_and(|deadline| now >= deadline) {
            self.out_of_time(core);
        } else if !choked {
            self.check_busy(quiet, core);
        }
    }

    fn check_idle(&mut self, quiet: Duration, core: &mut Core) {
        let limits = self.settings.limits;
        let most = match self.clock.in_head {
            true if self.connection.is_draining() => LAST_HEAD.min(limits.head),
            true => limits.head,
            false => limits.keep_alive,
        };
        if quiet < most {
            return;
        }
        if self.connection.is_idle() {
            self.close();
        } else {
            let step = self.connection.late();
            self.perform(step, &[], core);
        }
    }

    fn check_stalled(&mut self, core: &Core) {
        let (now, waiting) = (core.now, self.socket.waiting());
        if waiting != self.clock.stalled.0 {
            self.clock.stalled = (waiting, now);
        } else if now - self.clock.stalled.1 >= self.patience() {
            self.phase = Phase::Lost;
        }
    }

    /// How long the client may take nothing of what waits for it.
    fn patience(&self) -> Duration {
        self.connection.websocket().map_or(self.settings.limits.client, |limits| limits.idle)
    }

    fn check_busy(&mut self, quiet: Duration, core: &mut Core) {
        let waited = self.connection.waits_for();
        let upstream = waited == Waited::Upstream
            || self.link.is_dialling()
            || self.stops.meets(Stops::UPSTREAM);
        if upstream && let Some(pool) = self.link.pool() {
            if quiet >= core.pools[pool].limits.read {
                self.blame_upstream(pool, core);
                let step = self.connection.fail(Failure::Timeout);
                self.perform(step, &[], core);
            }
        } else if waited == Waited::Upstream && quiet >= self.settings.limits.client {
            // Nothing is under way for it, which cannot be: no request waits for ever.
            let step = self.connection.fail(Failure::Protocol);
            self.perform(step, &[], core);
        } else if waited == Waited::Client && quiet >= self.settings.limits.client {
            let step = self.connection.late();
            self.perform(step, &[], core);
        }
    }

    fn out_of_time(&mut self, core: &mut Core) {
        self.clock.deadline = None;
        let waited = match self.connection.waits_for() {
            Waited::Upstream => None,
            Waited::Client => Some("client"),
            Waited::Policy => Some("policy"),
        };
        match (waited, self.link.pool()) {
            (None, Some(pool)) => self.blame_upstream(pool, core),
            (waited, _) => {
                let (request, waited) = (self.connection.request(), waited.unwrap_or("upstream"));
                let line =
                    format!("the time of {request} was over while its {waited} was waited for");
                core.warn(line);
            }
        }
        let step = self.connection.fail(Failure::RouteTimeout);
        self.perform(step, &[], core);
    }

    fn blame_upstream(&self, pool: usize, core: &Core) {
        let (url, request) = (&core.pools[pool].target.url, self.connection.request());
        core.fault(url, format!("{url} did not answer {request} in time"));
    }
}
