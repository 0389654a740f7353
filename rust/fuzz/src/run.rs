//! A worker: one input after the other, the number of the one at work kept in a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::input::Source;
use crate::targets::Target;

const PROGRESS: Duration = Duration::from_secs(10);

/// How much to run.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Inputs at most.
    pub inputs: u64,
    /// No new input after this.
    pub time: Option<Duration>,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// This many inputs did no harm.
    Sound(u64),
    /// This one broke a promise.
    Broken(u64),
}

/// Runs `target`, which was made fresh; `current` gets the number of the input at work.
///
/// # Errors
/// When `current` cannot be written.
pub fn run(
    target: &mut dyn Target,
    source: &Source,
    amount: Amount,
    current: &File,
) -> io::Result<Outcome> {
    let began = Instant::now();
    let mut shown = began;
    for number in 0..amount.inputs {
        current.write_all_at(&number.to_le_bytes(), 0)?;
        let input = source.input(number);
        if catch_unwind(AssertUnwindSafe(|| target.take(&input))).is_err() {
            return Ok(Outcome::Broken(number));
        }
        let now = Instant::now();
        if now - shown > PROGRESS {
            shown = now;
            let seconds = (now - began).as_secs();
            eprintln!("{}: {number} inputs in {seconds} s{}", target.name(), target.seen());
        }
        if amount.time.is_some_and(|time| now - began > time) {
            return Ok(Outcome::Sound(number + 1));
        }
    }
    eprintln!("{}: the end{}", target.name(), target.seen());
    Ok(Outcome::Sound(amount.inputs))
}
