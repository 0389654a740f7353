//! Inputs: a function of seed and number alone, so that one which failed can be made again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::rng::Rng;

/// Numbers at which readers of lengths and counts go wrong.
const EDGES: [u32; 12] =
    [0, 1, 2, 127, 128, 255, 256, 65_535, 65_536, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF];
const MOST_MUTATIONS: usize = 8;

/// What inputs are made from.
pub struct Source {
    seed: u64,
    most: usize,
    corpus: Vec<Vec<u8>>,
}

impl Source {
    /// A source of inputs of at most `most` bytes, a part of them from `corpus`.
    #[must_use]
    pub fn new(seed: u64, most: usize, corpus: Vec<Vec<u8>>) -> Self {
        Self { seed, most, corpus }
    }

    /// The input of this number.
    #[must_use]
    pub fn input(&self, number: u64) -> Vec<u8> {
        let mut rng = Rng::of_input(self.seed, number);
        if self.corpus.is_empty() || rng.once_in(4) {
            let length = rng.below(self.most + 1);
            return rng.bytes(length);
        }
        let mut input = self.corpus[rng.below(self.corpus.len())].clone();
        for _ in 0..=rng.below(MOST_MUTATIONS) {
            let other = &self.corpus[rng.below(self.corpus.len())];
            mutate(&mut input, other, &mut rng);
        }
        input.truncate(self.most);
        input
    }
}

/// Changes one thing.
pub fn mutate(input: &mut Vec<u8>, other: &[u8], rng: &mut Rng) {
    let at = rng.below(input.len() + 1);
    let length = rng.below(16).min(input.len() - at);
    match rng.below(8) {
        0 => input.truncate(at),
        1 => drop(input.drain(at..at + length)),
        2 => drop(input.splice(at..at, rng.bytes(length))),
        3 => drop(input.splice(at..at, input[at..at + length].to_vec())),
        4 => {
            let from = rng.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        5 => {
            let edge = EDGES[rng.below(EDGES.len())].to_le_bytes();
            for (byte, value) in input[at..].iter_mut().zip(edge) {
                *byte = value;
            }
        }
        6 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte = rng.byte();
            }
        }
    }
}

/// The folder of a target's corpus.
#[must_use]
pub fn corpus_folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

/// The files of a target's corpus, sorted by name.
///
/// # Errors
/// When they cannot be read.
pub fn corpus(target: &str) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(corpus_folder(target))? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.into_iter().map(fs::read).collect()
}
