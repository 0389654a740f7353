//! `poll_oneoff`: it never waits. A clock is due at once, descriptors are always
//! ready, and a guest that polls until a time is reached uses up its fuel.

use crate::guest::memory::{Answer, Guest};
use crate::hostcalls::wasi::errno::{BADF, INVAL, NOTSUP, errno};
use crate::hostcalls::wasi::files::{Open, open};

/// Subscriptions of one call.
const MOST: u32 = 1024;
const SUBSCRIPTION: u32 = 48;
const UNSTABLE_SUBSCRIPTION: u32 = 56;
const EVENT: u32 = 32;
/// What a subscription costs.
const UNITS: u64 = 32;

pub(in crate::hostcalls) fn poll_oneoff(
    guest: &mut Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    events_at: u32,
) -> Answer {
    poll(guest, subscriptions, events, count, events_at, (SUBSCRIPTION, 16))
}

/// The same of `wasi_unstable`, where an identifier comes before a clock's number.
pub(in crate::hostcalls) fn poll_oneoff_unstable(
    guest: &mut Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    events_at: u32,
) -> Answer {
    poll(guest, subscriptions, events, count, events_at, (UNSTABLE_SUBSCRIPTION, 24))
}

/// `layout`: bytes of a subscription, and where a clock's number stands in it.
fn poll(
    guest: &mut Guest<'_>,
    subscriptions: u32,
    events: u32,
    count: u32,
    events_at: u32,
    (size, clock_at): (u32, usize),
) -> Answer {
    if count > MOST {
        return Err(errno(INVAL));
    }
    guest.charge(u64::from(count) * UNITS)?;
    guest.check(events_at, 4)?;
    let list = guest.read(subscriptions, count * size)?;
    let mut happened = Vec::with_capacity((count * EVENT) as usize);
    for subscription in list.chunks_exact(size as usize) {
        let number = |at: usize| {
            let word = subscription.get(at..).and_then(<[u8]>::first_chunk);
            word.map_or(0, |word| u32::from_le_bytes(*word))
        };
        let error = match subscription[8] {
            0 if number(clock_at) < 2 => 0,
            0 => NOTSUP,
            1 | 2 => match open(guest, number(16)) {
                Open::File(_) => 0,
                Open::Standard if subscription[8] == 2 && number(16) > 0 => 0,
                _ => BADF,
            },
            _ => INVAL,
        };
        let mut event = [0; EVENT as usize];
        event[..8].copy_from_slice(&subscription[..8]);
        event[8..12].copy_from_slice(&(error | i32::from(subscription[8]) << 16).to_le_bytes());
        happened.extend_from_slice(&event);
    }
    guest.write(events, &happened)?;
    guest.write_u32(events_at, count)
}
