//! The parent of a worker: it lives on when an input kills the worker or keeps it busy for ever.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::input::Source;

const LOOK: Duration = Duration::from_millis(200);
/// An input that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits for the worker; `None`: it was killed, because it stood still.
///
/// # Errors
/// When it cannot be watched.
pub fn watch(worker: &mut Child, current: &File) -> io::Result<Option<ExitStatus>> {
    let (mut number, mut since) = (0, Instant::now());
    loop {
        if let Some(status) = worker.try_wait()? {
            return Ok(Some(status));
        }
        let now = number_in(current);
        if now != number {
            (number, since) = (now, Instant::now());
        } else if since.elapsed() > PATIENCE {
            worker.kill()?;
            worker.wait()?;
            return Ok(None);
        }
        sleep(LOOK);
    }
}

/// The number of the input that the worker was at.
#[must_use]
pub fn number_in(current: &File) -> u64 {
    let mut bytes = [0; 8];
    // Not written yet: it is at the first one.
    let _ = current.read_exact_at(&mut bytes, 0);
    u64::from_le_bytes(bytes)
}

/// Writes the input that failed into the current folder.
///
/// # Errors
/// When it cannot be written.
pub fn keep(target: &str, source: &Source, number: u64) -> io::Result<PathBuf> {
    let path = std::env::current_dir()?.join(format!("{target}-{number}.input"));
    fs::write(&path, source.input(number))?;
    Ok(path)
}
