//! A step of a connection, performed.

use wasmgate_gateway::{Failure, Step};

use crate::core::connecting::Dialled;
use crate::core::{Core, Due};
use crate::downstream::{Client, Link, Phase, Stops};
use crate::notes::Note;
use crate::refs::UpstreamRef;
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
            core.note(*effects);
        }
        for access in step.accesses {
            let client = self.name.clone().unwrap_or_default();
            core.notes.append(Note::Access { client, access });
        }
        for fault in step.faults {
            core.notes.append(Note::Fault(fault));
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
        match core.dial(pool, self.this, false) {
            Dialled::Lent(upstream) => {
                self.link = Link::Lent { pool, upstream };
                self.pause_upstream(core);
                self.write_upstream(step.upstream.parts(received), core);
            }
            Dialled::Waits => {
                self.link = Link::Waiting { pool, pending: Vec::new() };
                self.write_upstream(step.upstream.parts(received), core);
            }
            Dialled::Refused => return false,
        }
        true
    }

    /// Waits for a new connection of the same pool, for the request that is sent once more.
    pub(super) fn dial(&mut self, pool: usize, step: &Step, core: &mut Core) {
        if let Dialled::Refused = core.dial(pool, self.this, true) {
            return self.refuse(Failure::NoHealthyEndpoint, core);
        }
        self.link = Link::Waiting { pool, pending: step.upstream.parts(&[]).concat() };
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

    /// Takes the connection that it waited for.
    pub(crate) fn take_upstream(&mut self, taken: UpstreamRef, core: &mut Core) {
        let expected = core.upstreams[taken.key].pool;
        match std::mem::replace(&mut self.link, Link::None) {
            Link::Waiting { pool, pending } if pool == expected => {
                self.link = Link::Lent { pool, upstream: taken };
                self.clock.since = core.now;
                self.pause_upstream(core);
                self.write_upstream([&pending, &[], &[], &[]], core);
                self.go(Stops::DIALLING, core);
            }
            // It needs it no more.
            other => {
                self.link = other;
                core.give_back(taken.key, true);
            }
        }
    }

    /// Answers instead of the upstream, which could not be reached.
    pub(crate) fn refuse(&mut self, failure: Failure, core: &mut Core) {
        self.link = Link::None;
        let step = self.connection.fail(failure);
        self.perform(step, &[], core);
    }

    /// Gives up the upstream, or the wait for one.
    pub(super) fn give_back(&mut self, reusable: bool, core: &mut Core) {
        match std::mem::replace(&mut self.link, Link::None) {
            Link::None => {}
            Link::Waiting { pool, .. } => core.cancel(pool, self.this),
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
