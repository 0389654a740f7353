//! A step of a connection, performed.

use wasmgate_gateway::{Failure, Step};

use crate::core::connecting::Dialled;
use crate::core::{Core, Due};
use crate::downstream::{Client, Link, Phase, Stops};
use crate::notes::Note;
use crate::refs::{Ask, UpstreamRef};
use crate::upstream::UpstreamState;

/// Bytes kept for an upstream that is not connected yet.
const PENDING: usize = 64 << 10;

impl Client {
    /// Does what a step asks; `received` is what came in with it.
    pub(crate) fn perform(&mut self, step: Step, received: &[u8], core: &mut Core) {
        if step.release || step.abandon {
            self.give_back(step.release, core);
        }
        if step.timed || step.ended {
            self.set_deadline(&step, core);
        }
        let mut refused = false;
        if let Some(dial) = step.dial {
            let pool = core.pool(self.served, dial);
            refused = !self.connect(pool, &step, received, core);
        } else if !step.upstream.is_empty() {
            self.write_upstream(step.upstream.parts(received), core);
        }
        if !step.client.is_empty() {
            self.write(step.client.parts(received), core);
        }
        self.follow(step, core);
        if refused {
            let step = self.connection.fail(Failure::NoHealthyEndpoint);
            self.perform(step, &[], core);
        }
    }

    fn write(&mut self, parts: [&[u8]; 4], core: &mut Core) {
        let was_full = self.socket.is_full();
        if self.socket.write(parts).is_err() {
            self.phase = Phase::Lost;
        } else if self.socket.is_full() && !was_full {
            // It reads slowly: so is its upstream, and no further request is.
            self.connection.choke();
            self.clock.stalled = (0, core.now);
            self.pause_upstream(core);
        }
    }

    /// Does what most steps do not ask.
    fn follow(&mut self, step: Step, core: &mut Core) {
        if let Some(effects) = step.noted {
            core.note(*effects, self.served);
        }
        for access in step.accesses {
            let client = self.name.clone().unwrap_or_default();
            core.notes.append(Note::Access { client, access });
        }
        for fault in step.faults {
            let about = fault.split(" to ").next().unwrap_or_default().to_owned();
            core.notes.append(Note::Fault { about, line: fault });
        }
        if step.pressure {
            let pressure = self.connection.pressure();
            self.held = pressure.response;
            if pressure.request {
                self.stop(Stops::HELD);
            } else {
                self.clock.since = core.now;
                self.go(Stops::HELD, core);
            }
            self.pause_upstream(core);
        }
        if step.ended {
            core.exchanges += 1;
            self.clock.since = core.now;
            self.forget(core);
        }
        if step.reset {
            self.socket.reset();
            self.phase = Phase::Lost;
        } else if step.close {
            self.end_answers(step.linger, core);
        } else {
            if step.unread {
                // Not at once: other clients have their turn first.
                core.due.push_back(Due::Proceed(self.this));
            }
            if self.connection.is_full() {
                self.stop(Stops::AHEAD);
            } else {
                self.go(Stops::AHEAD, core);
            }
            if step.waits {
                self.wait(core);
            }
        }
    }

    fn end_answers(&mut self, linger: bool, core: &Core) {
        if self.phase == Phase::Serving {
            self.phase = if linger {
                Phase::Lingering { since: core.now, heard: core.now, ended: false }
            } else {
                Phase::Closing
            };
            self.close_if_sent();
        }
    }

    fn set_deadline(&mut self, step: &Step, core: &mut Core) {
        let timeout = if step.timed {
            self.connection.exchange().and_then(wasmgate_gateway::Exchange::timeout)
        } else {
            None
        };
        self.clock.deadline = timeout.map(|timeout| core.now + timeout);
        if let Some(deadline) = self.clock.deadline {
            self.watch(deadline, core);
        }
    }

    /// Goes on when the policy does.
    fn wait(&mut self, core: &mut Core) {
        if self.waits_for.is_none()
            && let Some(exchange) = self.connection.exchange()
        {
            self.waits_for = Some(exchange.id());
            core.wakes.insert(exchange.id(), self.this);
            // The stream may have been woken before this waits.
            core.due.push_back(Due::Resume(self.this));
        }
    }

    /// Waits for no stream any more.
    pub(super) fn forget(&mut self, core: &mut Core) {
        if let Some(stream) = self.waits_for.take() {
            core.wakes.remove(&stream);
        }
    }

    /// Takes an upstream or waits for one; false when there can be none.
    fn connect(&mut self, pool: usize, step: &Step, received: &[u8], core: &mut Core) -> bool {
        self.clock.since = core.now;
        let read = core.pools[pool].limits.read;
        self.watch(core.now + read, core);
        let ask = Ask { client: self.this, serial: core.serial() };
        match core.dial(pool, ask, false) {
            Dialled::Lent(upstream) => {
                self.link = Link::Lent { pool, upstream };
                self.pause_upstream(core);
            }
            Dialled::Waits => {
                self.link = Link::Waiting { pool, ask, fresh: false, pending: Vec::new() };
            }
            Dialled::Refused => return false,
        }
        self.write_upstream(step.upstream.parts(received), core);
        true
    }

    /// Waits for a connection of the same pool: a `fresh` one for a request that is sent once more, or
    /// another one than it was promised.
    pub(super) fn dial(&mut self, pool: usize, fresh: bool, pending: Vec<u8>, core: &mut Core) {
        let ask = Ask { client: self.this, serial: core.serial() };
        match core.dial(pool, ask, fresh) {
            Dialled::Lent(upstream) => {
                self.link = Link::Lent { pool, upstream };
                self.take(&pending, core);
            }
            Dialled::Waits => self.link = Link::Waiting { pool, ask, fresh, pending },
            Dialled::Refused => self.fail_upstream(Failure::NoHealthyEndpoint, core),
        }
    }

    fn write_upstream(&mut self, parts: [&[u8]; 4], core: &mut Core) {
        match &mut self.link {
            Link::None => {}
            Link::Waiting { pending, .. } => {
                for part in parts {
                    pending.extend_from_slice(part);
                }
                if pending.len() > PENDING {
                    self.stop(Stops::DIALLING);
                }
            }
            Link::Lent { upstream, .. } => {
                let key = upstream.key;
                core.write_upstream(key, parts);
                if core.upstreams[key].socket.is_full() {
                    self.stop(Stops::SLOW);
                }
            }
        }
    }

    /// Takes the connection that it asked for. It may be gone or of no use by now: then it asks again.
    pub(crate) fn take_upstream(&mut self, asked: Ask, taken: UpstreamRef, core: &mut Core) {
        match std::mem::replace(&mut self.link, Link::None) {
            Link::Waiting { pool, ask, fresh, pending } if ask == asked => {
                match core.find(taken).map(|upstream| upstream.socket.is_quiet()) {
                    Some(true) => {
                        self.link = Link::Lent { pool, upstream: taken };
                        self.take(&pending, core);
                    }
                    Some(false) => {
                        core.close_upstream(taken.key);
                        self.dial(pool, fresh, pending, core);
                    }
                    None => self.dial(pool, fresh, pending, core),
                }
            }
            // It needs it no more.
            other => {
                self.link = other;
                if core.find(taken).is_some() {
                    core.give_back(taken.key, true);
                }
            }
        }
    }

    /// Sends what waited for the connection that it has now.
    fn take(&mut self, pending: &[u8], core: &mut Core) {
        self.clock.since = core.now;
        self.pause_upstream(core);
        self.write_upstream([pending, &[], &[], &[]], core);
        self.go(Stops::DIALLING, core);
    }

    /// There will be no connection for what it asked.
    pub(crate) fn refuse(&mut self, asked: Ask, failure: Failure, core: &mut Core) {
        if matches!(self.link, Link::Waiting { ask, .. } if ask == asked) {
            self.fail_upstream(failure, core);
        }
    }

    /// Answers instead of the upstream, which could not be reached.
    fn fail_upstream(&mut self, failure: Failure, core: &mut Core) {
        self.link = Link::None;
        let step = self.connection.fail(failure);
        self.perform(step, &[], core);
    }

    /// Gives up the upstream, or the wait for one.
    pub(super) fn give_back(&mut self, reusable: bool, core: &mut Core) {
        match std::mem::replace(&mut self.link, Link::None) {
            Link::None => {}
            Link::Waiting { pool, ask, .. } => core.cancel(pool, ask),
            Link::Lent { upstream, .. } => core.give_back(upstream.key, reusable),
        }
        self.go(Stops::UPSTREAM, core);
    }

    /// Reads the upstream, or reads it no further: as fast as client and policies take what comes.
    pub(super) fn pause_upstream(&self, core: &mut Core) {
        let paused = self.held || self.socket.is_full();
        if let Link::Lent { upstream, .. } = &self.link {
            let its = &mut core.upstreams[upstream.key];
            its.state = UpstreamState::Lent { to: self.this, paused };
            if !paused && its.socket.is_readable() {
                core.due.push_back(Due::ReadUpstream(*upstream));
            }
        }
    }

    /// True while it waits for a connection to an upstream.
    pub(super) fn is_dialling(&self) -> bool {
        matches!(self.link, Link::Waiting { .. })
    }

    pub(super) fn link_pool(&self) -> Option<usize> {
        self.link.pool()
    }
}
