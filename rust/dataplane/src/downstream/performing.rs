//! A step of a connection, performed.

use wasmgate_gateway::Step;

use crate::core::connecting::Refused;
use crate::core::link::{Link, Taken};
use crate::core::{Core, Due};
use crate::downstream::{Client, Phase, Stops};
use crate::notes::Note;
use crate::refs::{Ask, Borrower, UpstreamRef};

impl Client {
    /// Does what a step asks; `received` is what came in with it.
    pub(crate) fn perform(&mut self, step: Step, received: &[u8], core: &mut Core) {
        if step.release || step.abandon {
            self.give_back(step.release, core);
        }
        if step.timed || step.ended {
            self.set_deadline(&step, core);
        }
        let mut refused = None;
        if let Some(dial) = step.dial {
            let pool = core.pool(self.served, dial);
            refused = self.dial(pool, &step, received, core).err().map(|refused| (pool, refused));
        } else if !step.upstream.is_empty() {
            self.link.write(step.upstream.parts(received), core);
            self.measure_upstream(core);
        }
        if !step.client.is_empty() {
            self.write(step.client.parts(received), core);
        }
        if step.part {
            self.link.part(core);
            self.go(Stops::UPSTREAM, core);
        }
        self.follow(step, core);
        if let Some((pool, refused)) = refused {
            self.fail_upstream(pool, refused, core);
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

    /// Has an upstream for the request that begins, or waits for one.
    fn dial(
        &mut self,
        pool: usize,
        step: &Step,
        received: &[u8],
        core: &mut Core,
    ) -> Result<(), Refused> {
        self.clock.since = core.now;
        let read = core.pools[pool].limits.read;
        self.watch(core.now + read, core);
        self.open(pool, false, step.upstream.parts(received), core)
    }

    /// Takes a connection of the pool, or waits for one: a `fresh` one for a request that is sent once
    /// more.
    pub(super) fn open(
        &mut self,
        pool: usize,
        fresh: bool,
        parts: [&[u8]; 4],
        core: &mut Core,
    ) -> Result<(), Refused> {
        self.link.open(Borrower::Client(self.this), pool, fresh, parts, core)?;
        self.pause_upstream(core);
        self.measure_upstream(core);
        Ok(())
    }

    /// Sends no more than the upstream takes.
    fn measure_upstream(&mut self, core: &mut Core) {
        if self.link.is_full(core) {
            self.stop(Stops::UPSTREAM);
        } else {
            self.go(Stops::UPSTREAM, core);
        }
    }

    /// Takes the connection that it asked for.
    pub(crate) fn take_upstream(&mut self, asked: Ask, taken: UpstreamRef, core: &mut Core) {
        let pool = self.link.pool();
        match self.link.take(asked, taken, core) {
            Taken::Connected => {
                self.clock.since = core.now;
                self.pause_upstream(core);
                self.measure_upstream(core);
            }
            Taken::Refused(refused) => {
                if let Some(pool) = pool {
                    self.fail_upstream(pool, refused, core);
                }
            }
            Taken::Waits | Taken::Unwanted => {}
        }
    }

    /// There will be no connection for what it asked.
    pub(crate) fn refuse(&mut self, asked: Ask, refused: Refused, core: &mut Core) {
        if self.link.asks(asked)
            && let Some(pool) = self.link.pool()
        {
            self.fail_upstream(pool, refused, core);
        }
    }

    /// Answers instead of the upstream, to which there is no connection.
    pub(super) fn fail_upstream(&mut self, pool: usize, refused: Refused, core: &mut Core) {
        core.fault(&core.pools[pool].target.url, refused.reason);
        self.link = Link::None;
        let step = self.connection.fail(refused.failure);
        self.perform(step, &[], core);
    }

    /// Gives up the upstream, or the wait for one.
    pub(super) fn give_back(&mut self, reusable: bool, core: &mut Core) {
        self.link.give_back(reusable, core);
        self.go(Stops::UPSTREAM, core);
    }

    /// Reads the upstream, or reads it no further: as fast as client and policies take what comes.
    pub(super) fn pause_upstream(&self, core: &mut Core) {
        let paused = self.held || self.socket.is_full();
        self.link.pause(Borrower::Client(self.this), paused, core);
    }
}
