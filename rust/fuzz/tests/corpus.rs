//! Every file of every corpus, and some hundred inputs made from them, do no harm.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;

use wasmgate_fuzz::input::{Source, corpus, corpus_folder};
use wasmgate_fuzz::run::{Amount, Outcome, run};
use wasmgate_fuzz::targets;

const INPUTS: u64 = 300;

fn replay(name: &str) -> Result<(), Box<dyn Error>> {
    let mut target = targets::find(name).ok_or("no such target")?()?;
    let files = corpus(name)?;
    for file in &files {
        target.take(file);
    }
    let source = Source::new(1, targets::longest(name), files);
    let amount = Amount { inputs: INPUTS, time: None };
    let outcome = run(&mut *target, &source, amount, &tempfile::tempfile()?)?;
    assert_eq!(outcome, Outcome::Sound(INPUTS));
    Ok(())
}

#[test]
fn artifacts() -> Result<(), Box<dyn Error>> {
    replay("artifacts")
}

#[test]
fn hostcalls() -> Result<(), Box<dyn Error>> {
    replay("hostcalls")
}

#[test]
fn maps() -> Result<(), Box<dyn Error>> {
    replay("map")
}

#[test]
fn messages() -> Result<(), Box<dyn Error>> {
    replay("messages")
}

#[test]
fn modules() -> Result<(), Box<dyn Error>> {
    replay("modules")
}

#[test]
fn every_target_has_a_corpus() {
    let folders = fs::read_dir(corpus_folder("")).unwrap();
    let folders: BTreeSet<_> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, targets::names().into_iter().map(str::to_owned).collect());
}

#[test]
fn an_input_that_breaks_a_promise_is_named() {
    struct Broken;
    impl targets::Target for Broken {
        fn name(&self) -> &'static str {
            "broken"
        }

        fn take(&mut self, input: &[u8]) {
            assert!(input.len() < 9, "too long");
        }
    }
    let source = Source::new(1, 10, Vec::new());
    let first = (0..1_000).find(|number| source.input(*number).len() >= 9).unwrap();
    let amount = Amount { inputs: 1_000, time: None };
    let outcome = run(&mut Broken, &source, amount, &tempfile::tempfile().unwrap()).unwrap();
    assert_eq!(outcome, Outcome::Broken(first));
}
