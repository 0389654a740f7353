//! What takes the inputs.

mod artifacts;
mod exchange;
mod guest;
mod hostcalls;
mod map;
mod messages;
mod modules;
mod script;
mod usual;

use std::error::Error;

/// Takes one input after the other and panics when a promise is broken.
pub trait Target {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Takes one input.
    fn take(&mut self, input: &[u8]);

    /// Counts worth to be seen: that inputs get anywhere.
    fn seen(&self) -> String {
        String::new()
    }
}

/// What makes a target.
pub type Make = fn() -> Result<Box<dyn Target>, Box<dyn Error>>;

/// Name, bytes of its longest input, and how it is made.
const TARGETS: &[(&str, usize, Make)] = &[
    ("artifacts", 64, || Ok(Box::new(artifacts::Artifacts::new()?))),
    ("hostcalls", 512, || Ok(Box::new(hostcalls::Hostcalls::new()?))),
    ("map", 512, || Ok(Box::new(map::Maps::default()))),
    ("messages", 256, || Ok(Box::new(messages::Messages))),
    ("modules", 4096, || Ok(Box::new(modules::Modules::new()?))),
];

/// How to make the target of this name.
#[must_use]
pub fn find(name: &str) -> Option<Make> {
    TARGETS.iter().find(|(known, ..)| *known == name).map(|(.., make)| *make)
}

/// Bytes of its longest input.
#[must_use]
pub fn longest(name: &str) -> usize {
    TARGETS.iter().find(|(known, ..)| *known == name).map_or(0, |(_, longest, _)| *longest)
}

/// All names, sorted.
#[must_use]
pub fn names() -> Vec<&'static str> {
    TARGETS.iter().map(|(name, ..)| *name).collect()
}
