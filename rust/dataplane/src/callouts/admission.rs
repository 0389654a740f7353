//! How many callouts are in flight, on all threads and the event loop together.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two lines about refused callouts.
const QUIET: Duration = Duration::from_secs(10);

/// Bounds of callouts.
#[derive(Clone, Copy, Debug)]
pub struct CalloutLimits {
    /// Callouts of all policies in flight.
    pub in_flight: usize,
    /// Callouts of one policy in flight.
    pub per_policy: usize,
    /// Bytes of a request's body.
    pub request: usize,
    /// Bytes of a response's body.
    pub response: usize,
    /// From the start of a callout to its response; a shorter timeout of the policy comes first.
    pub time: Duration,
}

/// Counts the callouts in flight.
#[derive(Default)]
pub struct CalloutAdmission(Mutex<State>);

#[derive(Default)]
struct State {
    in_flight: usize,
    /// Policies without a callout in flight have no entry.
    by_policy: HashMap<Arc<str>, usize>,
    /// When a refusal was logged last.
    logged: Option<Instant>,
}

/// The place of one callout, until it is dropped.
pub struct CalloutPlace {
    admission: Arc<CalloutAdmission>,
    policy: Arc<str>,
}

/// A callout over a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverLimit {
    /// Which limit.
    pub exceeded: Exceeded,
    /// The log is to have a line about it.
    pub to_log: bool,
}

/// A limit of callouts that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// So many callouts are in flight.
    InFlight(usize),
    /// So many callouts of this policy are in flight.
    PerPolicy(usize),
    /// A request may have so many bytes.
    Request(usize),
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight(most) => write!(f, "{most} callouts are in flight"),
            Self::PerPolicy(most) => write!(f, "{most} callouts of this policy are in flight"),
            Self::Request(most) => write!(f, "the request is larger than {most} bytes"),
        }
    }
}

impl CalloutAdmission {
    /// Takes a place for a callout whose request has a body of `size` bytes.
    ///
    /// # Errors
    /// A limit is reached.
    pub fn enter(
        self: &Arc<Self>,
        policy: &Arc<str>,
        size: usize,
        limits: &CalloutLimits,
    ) -> Result<CalloutPlace, OverLimit> {
        let mut state = self.state();
        let of_policy = state.by_policy.get(policy).copied().unwrap_or_default();
        let exceeded = if state.in_flight >= limits.in_flight {
            Exceeded::InFlight(limits.in_flight)
        } else if of_policy >= limits.per_policy {
            Exceeded::PerPolicy(limits.per_policy)
        } else if size > limits.request {
            Exceeded::Request(limits.request)
        } else {
            state.in_flight += 1;
            state.by_policy.insert(Arc::clone(policy), of_policy + 1);
            return Ok(CalloutPlace { admission: Arc::clone(self), policy: Arc::clone(policy) });
        };
        let now = Instant::now();
        let to_log = state.logged.is_none_or(|logged| now.duration_since(logged) > QUIET);
        if to_log {
            state.logged = Some(now);
        }
        Err(OverLimit { exceeded, to_log })
    }

    /// How many callouts are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.state().in_flight
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CalloutPlace {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.in_flight -= 1;
        if let Some(count) = state.by_policy.get_mut(&self.policy) {
            *count -= 1;
            if *count == 0 {
                state.by_policy.remove(&self.policy);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CalloutLimits = CalloutLimits {
        in_flight: 3,
        per_policy: 2,
        request: 10,
        response: 10,
        time: Duration::from_secs(1),
    };

    fn exceeded(entered: Result<CalloutPlace, OverLimit>) -> Option<(Exceeded, bool)> {
        entered.err().map(|OverLimit { exceeded, to_log }| (exceeded, to_log))
    }

    #[test]
    fn the_callouts_of_a_policy_and_of_all_are_bounded() {
        let admission = Arc::new(CalloutAdmission::default());
        let (auth, audit): (Arc<str>, Arc<str>) = ("auth".into(), "audit".into());
        let first = admission.enter(&auth, 10, &LIMITS).ok();
        let second = admission.enter(&auth, 0, &LIMITS).ok();
        assert_eq!(
            Some((Exceeded::PerPolicy(2), true)),
            exceeded(admission.enter(&auth, 0, &LIMITS))
        );
        let third = admission.enter(&audit, 0, &LIMITS).ok();
        assert_eq!(
            Some((Exceeded::InFlight(3), false)),
            exceeded(admission.enter(&audit, 0, &LIMITS))
        );
        drop((first, second, third));
        assert_eq!(
            Some((Exceeded::Request(10), false)),
            exceeded(admission.enter(&auth, 11, &LIMITS))
        );
        assert_eq!((0, 0), {
            let state = admission.state();
            (state.in_flight, state.by_policy.len())
        });
    }
}
