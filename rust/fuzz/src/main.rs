//! `wasmgate-fuzz TARGET [--inputs N] [--minutes M] [--seed S]`, 100,000 inputs where neither is
//! given, or `wasmgate-fuzz TARGET --file PATH` for one input again. Exit code 1: an input broke a
//! promise; its path is printed.

use std::error::Error;
use std::fs::OpenOptions;
use std::process::{Command, ExitCode};
use std::time::Duration;

use wasmgate_fuzz::input::{Source, corpus};
use wasmgate_fuzz::run::{Amount, Outcome, run};
use wasmgate_fuzz::supervise::{keep, number_in, watch};
use wasmgate_fuzz::targets;

const USAGE: &str = "wasmgate-fuzz TARGET [--inputs N] [--minutes M] [--seed S] [--file PATH]";
/// Where neither a number nor a time is given.
const INPUTS: u64 = 100_000;
/// An input broke a promise, says the worker to its parent.
const BROKEN: u8 = 3;

struct Arguments {
    target: String,
    amount: Amount,
    seed: u64,
    file: Option<String>,
    /// This is the worker; where it keeps the number of its input.
    current: Option<String>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let target = given.next().ok_or(USAGE)?;
    let (mut inputs, mut time, mut seed, mut file, mut current) = (None, None, 1, None, None);
    while let Some(option) = given.next() {
        let value = given.next().ok_or(USAGE)?;
        match option.as_str() {
            "--inputs" => inputs = Some(value.parse()?),
            "--seed" => seed = value.parse()?,
            "--minutes" => time = Some(Duration::from_mins(value.parse()?)),
            "--file" => file = Some(value),
            "--current" => current = Some(value),
            _ => return Err(USAGE.into()),
        }
    }
    let unless_told = if time.is_some() { u64::MAX } else { INPUTS };
    let amount = Amount { inputs: inputs.unwrap_or(unless_told), time };
    Ok(Arguments { target, amount, seed, file, current })
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = arguments()?;
    let name = arguments.target.as_str();
    let make = targets::find(name)
        .ok_or_else(|| format!("the targets are {}", targets::names().join(", ")))?;
    if let Some(path) = &arguments.file {
        make()?.take(&std::fs::read(path)?);
        return Ok(ExitCode::SUCCESS);
    }
    let source = Source::new(arguments.seed, targets::longest(name), corpus(name)?);
    if let Some(path) = &arguments.current {
        let current = OpenOptions::new().write(true).open(path)?;
        let outcome = run(&mut *make()?, &source, arguments.amount, &current)?;
        return Ok(match outcome {
            Outcome::Sound(inputs) => {
                println!("{name}: {inputs} inputs did no harm");
                ExitCode::SUCCESS
            }
            Outcome::Broken(_) => ExitCode::from(BROKEN),
        });
    }
    supervised(name, &source)
}

fn supervised(name: &str, source: &Source) -> Result<ExitCode, Box<dyn Error>> {
    let current = tempfile::NamedTempFile::new()?;
    let mut worker = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--current")
        .arg(current.path())
        .spawn()?;
    let what = match watch(&mut worker, current.as_file())? {
        Some(status) if status.success() => return Ok(ExitCode::SUCCESS),
        Some(status) if status.code() == Some(BROKEN.into()) => "broke a promise".to_owned(),
        Some(status) => format!("ended the process ({status})"),
        None => "took too long".to_owned(),
    };
    let number = number_in(current.as_file());
    let path = keep(name, source, number)?;
    println!("{name}: input {number} {what}: {}", path.display());
    Ok(ExitCode::FAILURE)
}
