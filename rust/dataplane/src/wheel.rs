//! Deadlines: a wheel of time slots (Varghese and Lauck, 1987), because most of them are put off
//! before they come.

use std::time::{Duration, Instant};

/// What a slot spans: deadlines fire at most this much late, never early.
const SLOT: Duration = Duration::from_millis(20);
const SLOTS: usize = 256;

/// Things by when they are due.
pub(crate) struct Wheel<T> {
    begin: Instant,
    slots: Vec<Vec<(u64, T)>>,
    /// The slot, counted from `begin` on, up to which all has fired.
    fired: u64,
    /// The slot before which nothing is due; none while the wheel is empty.
    next: Option<u64>,
    count: usize,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: Instant) -> Self {
        let slots = (0..SLOTS).map(|_| Vec::new()).collect();
        Self { begin: now, slots, fired: 0, next: None, count: 0 }
    }

    /// Has the thing fire once the time has come.
    pub(crate) fn insert(&mut self, at: Instant, thing: T) {
        // The slot after the one that holds the time: nothing fires early.
        let slot = (self.slot_of(at) + 1).max(self.fired + 1);
        self.slots[index(slot)].push((slot, thing));
        self.next = Some(self.next.map_or(slot, |next| next.min(slot)));
        self.count += 1;
    }

    #[allow(clippy::cast_possible_truncation, reason = "584 years of nanoseconds are enough")]
    fn slot_of(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.begin).as_nanos();
        (since / SLOT.as_nanos()) as u64
    }

    /// Moves what is due to `due`.
    pub(crate) fn fire(&mut self, now: Instant, due: &mut Vec<T>) {
        let reached = self.slot_of(now);
        if self.next.is_none_or(|next| next > reached) {
            return;
        }
        // After a long pause each slot is looked at once.
        let first = reached.saturating_sub(SLOTS as u64 - 1).max(self.fired + 1);
        for slot in first..=reached {
            let here = &mut self.slots[index(slot)];
            let before = due.len();
            due.extend(here.extract_if(.., |(at, _)| *at <= reached).map(|(_, thing)| thing));
            self.count -= due.len() - before;
        }
        self.fired = reached;
        self.next = (self.count > 0).then(|| self.next_slot());
    }

    /// The next slot with something due; of what is beyond the wheel, the wheel's end.
    fn next_slot(&self) -> u64 {
        let mut ahead = self.fired + 1..=self.fired + SLOTS as u64;
        let due = |slot: &u64| self.slots[index(*slot)].iter().any(|(at, _)| at == slot);
        ahead.find(due).unwrap_or(self.fired + SLOTS as u64)
    }

    /// How long it is until something may be due; none if the wheel is empty.
    pub(crate) fn wait(&self, now: Instant) -> Option<Duration> {
        let slots = u32::try_from(self.next?).unwrap_or(u32::MAX);
        Some((self.begin + SLOT * slots).saturating_duration_since(now))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "less than the number of slots")]
fn index(slot: u64) -> usize {
    (slot % SLOTS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(wheel: &mut Wheel<u32>, at: Instant) -> Vec<u32> {
        let mut due = Vec::new();
        wheel.fire(at, &mut due);
        due.sort_unstable();
        due
    }

    #[test]
    fn what_is_due_fires_once_and_never_early() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let after = |ms| start + Duration::from_millis(ms);
        for (at, thing) in [(30, 1), (100, 2), (100, 3), (60_000, 4), (0, 0)] {
            wheel.insert(after(at), thing);
        }
        for (at, expected) in [
            (10, vec![]),
            (29, vec![0]),
            (39, vec![]),
            (40, vec![1]),
            (99, vec![]),
            (125, vec![2, 3]),
            (59_999, vec![]),
            (60_030, vec![4]),
            (90_000, vec![]),
        ] {
            assert_eq!(fired(&mut wheel, after(at)), expected, "{at}");
        }
        assert_eq!(wheel.wait(after(90_000)), None);
    }

    #[test]
    fn the_wait_ends_where_the_next_thing_is_due() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        assert_eq!(wheel.wait(start), None);
        wheel.insert(start + Duration::from_millis(30), 1);
        let wait = wheel.wait(start).unwrap();
        assert!((Duration::from_millis(30)..Duration::from_millis(61)).contains(&wait), "{wait:?}");
        assert_eq!(fired(&mut wheel, start + wait), [1]);
        wheel.insert(start + Duration::from_mins(1), 2);
        let wait = wheel.wait(start).unwrap();
        assert!(wait <= Duration::from_millis(60_040), "{wait:?}");
        assert_eq!(fired(&mut wheel, start + wait), [2]);
    }
}
