//! What an input of [`super::hostcalls`] means: steps of the layer above, and calls of the guest.
//!
//! Bytes are taken in order, and zeros follow the last one. Arguments lean to the edges of what they
//! may be: a pointer with its length, small numbers, the end of memory, huge ones.

use wasmgate_host::fuzzing::ImportedFunction;

use super::guest::{ACTIONS, MEMORY, PHASES, RECORD, RECORDS, SCRIPT, SLOTS, TEXTS, text_at};
use super::usual::{Argument, USUAL};

const MOST_STEPS: usize = 24;
const MOST_CALLS: usize = 48;

/// One input, read.
pub struct Script {
    /// What the layer above does, in order; empty: a whole exchange.
    pub steps: Vec<u8>,
    /// What the guest keeps at [`SCRIPT`].
    pub bytes: Vec<u8>,
}

/// Bytes with zeros after them.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> i64 {
        i64::from(i32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()]))
    }
}

impl Script {
    /// Reads an input for a guest that imports `functions`.
    pub fn of(input: &[u8], functions: &[ImportedFunction]) -> Self {
        let mut reader = Reader(input);
        // Mostly one that works, so that something happens.
        let allocator = reader.byte().saturating_sub(192) / 8;
        let steps = usize::from(reader.byte()) % MOST_STEPS;
        let steps = (0..steps).map(|_| reader.byte()).collect();
        let mut calls: Vec<Vec<Vec<u8>>> = vec![Vec::new(); PHASES.len()];
        let mut actions = vec![0; PHASES.len()];
        for _ in 0..MOST_CALLS {
            if reader.0.is_empty() {
                break;
            }
            let first = reader.byte();
            let phase = usize::from(first & 31) % PHASES.len();
            if first >= 0xE0 {
                actions[phase] = reader.byte() % 6;
            } else {
                calls[phase].push(call(&mut reader, functions));
            }
        }
        Self { steps, bytes: laid_out(allocator, &calls, &actions) }
    }
}

fn laid_out(allocator: u8, calls: &[Vec<Vec<u8>>], actions: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut at = SCRIPT + RECORDS;
    for calls in calls {
        let count = u32::try_from(calls.len()).unwrap_or(0);
        bytes.extend_from_slice(&at.to_le_bytes());
        bytes.extend_from_slice(&count.to_le_bytes());
        at += count * RECORD;
    }
    bytes.resize(ACTIONS as usize, 0);
    bytes.extend_from_slice(actions);
    bytes.push(allocator);
    bytes.resize(RECORDS as usize, 0);
    bytes.extend(calls.iter().flatten().flatten());
    bytes
}

/// The number of a function and twelve arguments.
fn call(reader: &mut Reader<'_>, functions: &[ImportedFunction]) -> Vec<u8> {
    let (choice, rare) = (reader.byte(), reader.byte());
    let number = usize::from(choice) % functions.len();
    // What ends the guest ends the input.
    if rare < 160 || !functions[number].answers && rare < 250 {
        return usual(reader, functions, choice);
    }
    let mut arguments = Vec::new();
    let mut length = None;
    for _ in &functions[number].wide {
        arguments.push(match length.take() {
            Some(length) => length,
            None => argument(reader, &mut length),
        });
    }
    record(number, &arguments)
}

/// A call as guests make it, with none, one or two arguments that they would not give.
fn usual(reader: &mut Reader<'_>, functions: &[ImportedFunction], choice: u8) -> Vec<u8> {
    let (name, given) = USUAL[usize::from(choice) % USUAL.len()];
    let number = functions.iter().position(|function| function.name == name).unwrap_or(0);
    let mut arguments = Vec::new();
    for one in given {
        match *one {
            Argument::Text(text) => {
                arguments.push(i64::from(text_at(text)));
                arguments.push(i64::try_from(TEXTS[text].len()).unwrap_or(0));
            }
            Argument::Slot(slot) => arguments.push(i64::from(SLOTS) + slot * 8),
            Argument::Number(number) => arguments.push(number),
        }
    }
    for _ in 0..(reader.byte() & 7).saturating_sub(5) {
        let place = usize::from(reader.byte()) % arguments.len().max(1);
        if let Some(there) = arguments.get_mut(place) {
            *there = argument(reader, &mut None);
        }
    }
    record(number, &arguments)
}

fn record(number: usize, arguments: &[i64]) -> Vec<u8> {
    let mut record = u64::try_from(number).unwrap_or(0).to_le_bytes().to_vec();
    record.extend(arguments.iter().flat_map(|argument| argument.to_le_bytes()));
    record.resize(RECORD as usize, 0);
    record
}

/// An argument; after a text comes its length.
fn argument(reader: &mut Reader<'_>, length: &mut Option<i64>) -> i64 {
    let byte = reader.byte();
    let choice = i64::from(byte >> 4);
    let end = i64::from(MEMORY);
    match byte & 15 {
        0 | 1 => choice,
        2..=5 => {
            let text = usize::from(reader.byte()) % TEXTS.len();
            *length = i64::try_from(TEXTS[text].len()).ok();
            i64::from(text_at(text))
        }
        6 | 7 => i64::from(SLOTS) + choice * 8,
        8 => end - choice,
        9 => end + choice - 8,
        10 => i64::from(u32::MAX) - choice,
        11 => i64::from(i32::MAX) - choice,
        12 => i64::MIN + choice,
        13 => 1 << (choice * 2 + 1),
        14 => i64::from(SCRIPT) + choice * 64,
        _ => reader.number(),
    }
}
