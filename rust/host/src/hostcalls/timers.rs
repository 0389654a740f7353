//! Timers.

use std::time::Duration;

use crate::context::instance_state::Tick;
use crate::context::outbox::outbox;
use crate::guest::memory::{Answer, Guest};

/// The minimum tick period; shorter ones are raised to it, so that ticks leave time for requests.
const SHORTEST: Duration = Duration::from_millis(10);

/// `proxy_set_tick_period_milliseconds`, of the root context; 0 stops the timer.
pub(super) fn set_tick_period(guest: &mut Guest<'_>, period: u32) -> Answer {
    let period = Duration::from_millis(period.into());
    let now = guest.env.core.services.clock().now();
    let tick = (!period.is_zero()).then(|| {
        let period = period.max(SHORTEST);
        Tick { period, due: now + period }
    });
    if let Some(root) = guest.env.root() {
        root.tick = tick;
    }
    outbox(|out| out.timers = true);
    Ok(())
}
