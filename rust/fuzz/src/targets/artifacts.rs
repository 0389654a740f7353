//! Artifacts that were truncated, mixed up or overwritten: the cache does not load them, and the
//! module is compiled again. Forged artifacts are out of scope: they are native code, and the
//! permissions of the folder prevent them.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use wasmgate_host::fuzzing::loads_artifact;
use wasmgate_host::{Host, LogLevel, Plugin, PluginSpec};

use super::Target;
use crate::input::mutate;
use crate::rng::Rng;

/// One input in so many is loaded as a plugin, which compiles it afresh.
const WHOLE: u64 = 5_000;

const GUEST: &str = r#"(module (memory (export "memory") 1)
(func (export "proxy_abi_version_0_2_1"))
(func (export "malloc") (param i32) (result i32) (i32.const 1024)))"#;

pub struct Artifacts {
    folder: TempDir,
    file: PathBuf,
    module: Vec<u8>,
    artifact: Vec<u8>,
    inputs: u64,
    whole: u64,
}

impl Artifacts {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let module = wat::parse_str(GUEST)?;
        load(&folder, &module);
        let file = fs::read_dir(cache(&folder))?.next().ok_or("no artifact was written")??.path();
        let artifact = fs::read(&file)?;
        assert!(loads_artifact(cache(&folder), &module), "what was just written is not loaded");
        Ok(Self { folder, file, module, artifact, inputs: 0, whole: 0 })
    }
}

fn cache(folder: &TempDir) -> PathBuf {
    folder.path().join("cache")
}

fn load(folder: &TempDir, module: &[u8]) -> Plugin {
    let host = Host::new(Some(cache(folder)), LogLevel::Error);
    let spec = PluginSpec { name: "guest".into(), ..PluginSpec::default() };
    Plugin::load(&host, module, spec).unwrap_or_else(|error| panic!("a sound module: {error}"))
}

impl Target for Artifacts {
    fn name(&self) -> &'static str {
        "artifacts"
    }

    fn take(&mut self, input: &[u8]) {
        self.inputs += 1;
        let seed = input.iter().fold(0, |seed: u64, byte| seed.rotate_left(7) ^ u64::from(*byte));
        let mut rng = Rng::of_input(seed, 0);
        let mut changed = self.artifact.clone();
        for _ in 0..=rng.below(3) {
            mutate(&mut changed, input, &mut rng);
        }
        fs::write(&self.file, &changed).unwrap_or_else(|error| panic!("not written: {error}"));
        let same = changed == self.artifact;
        self.whole += u64::from(same);
        assert_eq!(same, loads_artifact(cache(&self.folder), &self.module), "damage is not seen");
        if self.inputs.is_multiple_of(WHOLE) {
            assert_eq!(same, load(&self.folder, &self.module).cached(), "damaged code runs");
            assert!(loads_artifact(cache(&self.folder), &self.module), "it was not replaced");
        }
    }

    fn seen(&self) -> String {
        format!(", {} of {} were as before", self.whole, self.inputs)
    }
}
