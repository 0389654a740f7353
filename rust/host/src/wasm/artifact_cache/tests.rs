//! Artifacts kept, found, damaged and distrusted.

use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;
use wasmer::{Instance, Store, Value, imports};

use super::*;
use crate::types::limits::Limits;
use crate::wasm::artifact::{ArtifactError, compile_artifact};
use crate::wasm::border::parts;
use crate::wasm::module::CompiledModule;

const GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 42))
    (func (export "spin") (loop (br 0))))"#;

struct Folder {
    parent: TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { parent: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.parent.path().join("artifacts")
    }

    fn load(&self) -> CompiledModule {
        self.load_with(&Limits::default())
    }

    fn load_with(&self, limits: &Limits) -> CompiledModule {
        let cache = ArtifactCache::new(self.path());
        CompiledModule::load(&wat::parse_str(GUEST).unwrap(), limits, Some(&cache)).unwrap()
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    fn only_file(&self) -> PathBuf {
        let files = self.files();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_second_load_is_cached() {
    let folder = Folder::new();
    assert_eq!([folder.load().cached(), folder.load().cached()], [false, true]);
}

#[test]
fn what_is_not_in_the_cache_is_not_found() {
    let folder = Folder::new();
    let cache = ArtifactCache::new(folder.path());
    let wasm = wat::parse_str(GUEST).unwrap();
    let find = || CompiledModule::find(&wasm, &Limits::default(), Some(&cache)).unwrap();
    assert!(find().is_none());
    folder.load();
    assert!(find().is_some_and(|module| module.cached()));
}

#[test]
fn the_digest_is_kept_with_the_code() {
    let folder = Folder::new();
    folder.load();
    assert_eq!(folder.load().digest(), digest_hex(&wat::parse_str(GUEST).unwrap()));
}

#[test]
fn a_cached_module_runs() {
    let folder = Folder::new();
    folder.load();
    let module = folder.load();
    let mut store = Store::new(module.code().engine.clone());
    let instance = Instance::new(&mut store, &module.code().module, &imports! {}).unwrap();
    parts::meter(&instance, &mut store).unwrap().refill(100);
    let malloc = instance.exports.get_function("malloc").unwrap();
    assert_eq!(&*malloc.call(&mut store, &[Value::I32(1)]).unwrap(), [Value::I32(42)]);
}

#[test]
fn a_cached_module_is_metered() {
    let folder = Folder::new();
    folder.load();
    let module = folder.load();
    let mut store = Store::new(module.code().engine.clone());
    let instance = Instance::new(&mut store, &module.code().module, &imports! {}).unwrap();
    parts::meter(&instance, &mut store).unwrap().refill(1_000);
    assert!(instance.exports.get_function("spin").unwrap().call(&mut store, &[]).is_err());
    assert_eq!(
        parts::meter(&instance, &mut store).unwrap().cause(),
        crate::wasm::fuel::Cause::Fuel
    );
}

#[test]
fn folder_and_file_are_ours_alone() {
    let folder = Folder::new();
    folder.load();
    assert_eq!([mode(&folder.path()), mode(&folder.only_file())], [0o700, 0o600]);
}

#[test]
fn limits_do_not_change_the_code() {
    let folder = Folder::new();
    folder.load();
    let limits = Limits { fuel: 7, start_fuel: 8, memory: 1 << 20, ..Limits::default() };
    assert!(folder.load_with(&limits).cached());
}

#[test]
fn a_truncated_artifact_is_replaced() {
    let folder = Folder::new();
    folder.load();
    let file = OpenOptions::new().write(true).open(folder.only_file()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    assert_eq!([folder.load().cached(), folder.load().cached()], [false, true]);
}

#[test]
fn an_empty_artifact_is_replaced() {
    let folder = Folder::new();
    folder.load();
    fs::write(folder.only_file(), b"").unwrap();
    assert_eq!([folder.load().cached(), folder.load().cached()], [false, true]);
}

#[test]
fn a_changed_artifact_is_replaced() {
    let folder = Folder::new();
    folder.load();
    let path = folder.only_file();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_eq!([folder.load().cached(), folder.load().cached()], [false, true]);
}

#[test]
fn damage_of_digest_or_checksum_is_seen() {
    let folder = Folder::new();
    folder.load();
    let whole = fs::read(folder.only_file()).unwrap();
    let cache = ArtifactCache::new(folder.path());
    let id = ModuleId::of(&wat::parse_str(GUEST).unwrap());
    let undetected: Vec<_> = (whole.len() - 36..whole.len())
        .filter(|&at| {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(folder.only_file(), damaged).unwrap();
            cache.holds(id, Tier::Optimized).unwrap()
        })
        .collect();
    assert_eq!(undetected, Vec::<usize>::new());
}

#[test]
fn whole_bytes_that_are_no_artifact_are_replaced() {
    let folder = Folder::new();
    folder.load();
    let path = folder.only_file();
    fs::remove_file(&path).unwrap();
    write_checked(&path, b"something else", &digest(b"")).unwrap();
    assert_eq!([folder.load().cached(), folder.load().cached()], [false, true]);
}

#[test]
fn a_replaced_artifact_leaves_no_draft() {
    let folder = Folder::new();
    folder.load();
    fs::write(folder.only_file(), b"").unwrap();
    folder.load();
    assert_eq!(folder.files().len(), 1);
}

#[test]
fn a_folder_open_to_others_is_not_used() {
    let folder = Folder::new();
    folder.load();
    set_mode(&folder.path(), 0o770);
    let module = folder.load();
    assert!(!module.cached());
    assert!(module.cache_problem().unwrap().contains("open to others (mode 770)"));
}

#[test]
fn a_link_to_a_folder_is_not_followed() {
    let (real, folder) = (Folder::new(), Folder::new());
    real.load();
    symlink(real.path(), folder.path()).unwrap();
    let module = folder.load();
    assert!(!module.cached());
    assert!(module.cache_problem().unwrap().contains("not a folder"));
}

#[test]
fn a_link_in_place_of_an_artifact_is_not_followed() {
    let folder = Folder::new();
    folder.load();
    let path = folder.only_file();
    let elsewhere = folder.parent.path().join("elsewhere");
    fs::rename(&path, &elsewhere).unwrap();
    symlink(&elsewhere, &path).unwrap();
    let module = folder.load();
    assert!(!module.cached());
    assert!(module.cache_problem().is_some());
}

#[test]
fn a_trap_after_the_artifact_was_shortened_is_told_as_ever() {
    let folder = Folder::new();
    folder.load();
    let module = folder.load();
    fs::write(folder.only_file(), b"").unwrap();
    let mut store = Store::new(module.code().engine.clone());
    let instance = Instance::new(&mut store, &module.code().module, &imports! {}).unwrap();
    parts::meter(&instance, &mut store).unwrap().refill(100);
    let spin = instance.exports.get_function("spin").unwrap();
    let trap = spin.call(&mut store, &[]).unwrap_err();
    assert_eq!(trap.trace().len(), 1);
}

#[test]
fn a_pipe_in_place_of_an_artifact_is_not_waited_for() {
    let folder = Folder::new();
    folder.load();
    let path = folder.only_file();
    fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    set_mode(&path, 0o600);
    let module = folder.load();
    assert!(!module.cached());
    assert!(module.cache_problem().unwrap().contains("not a regular file"));
    assert!(folder.load().cached());
}

#[test]
fn an_artifact_open_to_others_is_not_used() {
    let folder = Folder::new();
    folder.load();
    set_mode(&folder.only_file(), 0o622);
    assert!(!folder.load().cached());
}

#[test]
fn a_distrusted_artifact_is_replaced() {
    let folder = Folder::new();
    folder.load();
    set_mode(&folder.only_file(), 0o622);
    folder.load();
    assert!(folder.load().cached());
}

#[test]
fn a_file_in_place_of_the_folder_is_no_error() {
    let folder = Folder::new();
    fs::write(folder.path(), b"").unwrap();
    assert!(folder.load().cache_problem().is_some());
}

#[test]
fn without_a_cache_there_is_no_problem() {
    let module =
        CompiledModule::load(&wat::parse_str(GUEST).unwrap(), &Limits::default(), None).unwrap();
    assert_eq!(module.cache_problem(), None);
}

#[test]
fn fast_code_is_loaded_until_there_is_better() {
    let folder = Folder::new();
    let wasm = wat::parse_str(GUEST).unwrap();
    assert_eq!(compile_artifact(&wasm, folder.path(), Tier::Fast).unwrap(), Tier::Fast);
    let first = folder.load();
    assert_eq!((first.cached(), first.tier()), (true, Tier::Fast));
    assert_eq!(compile_artifact(&wasm, folder.path(), Tier::Optimized).unwrap(), Tier::Optimized);
    assert_eq!(folder.load().tier(), Tier::Optimized);
}

#[test]
fn fast_code_is_improved_once() {
    let folder = Folder::new();
    let wasm = wat::parse_str(GUEST).unwrap();
    let cache = ArtifactCache::new(folder.path());
    compile_artifact(&wasm, folder.path(), Tier::Fast).unwrap();
    let module = folder.load();
    let improve = || module.upgrade(&wasm, &Limits::default(), &cache);
    assert!(!improve());
    compile_artifact(&wasm, folder.path(), Tier::Optimized).unwrap();
    assert_eq!([improve(), improve()], [true, false]);
    assert_eq!((module.tier(), module.can_migrate()), (Tier::Optimized, true));
}

#[test]
#[cfg(feature = "singlepass")]
fn a_module_that_the_fast_tier_cannot_compile_is_optimised() {
    let folder = Folder::new();
    let simd = GUEST.replace("(loop", "(drop (v128.const i64x2 1 2)) (loop");
    let wasm = wat::parse_str(simd).unwrap();
    assert_eq!(compile_artifact(&wasm, folder.path(), Tier::Fast).unwrap(), Tier::Optimized);
}

#[test]
fn what_cannot_run_here_is_not_kept() {
    let folder = Folder::new();
    let compiled = compile_artifact(b"\0asm\x01\0\0\0", folder.path(), Tier::Fast);
    assert!(matches!(compiled, Err(ArtifactError::Load(_))));
    assert!(!folder.path().exists());
}

#[test]
fn an_artifact_that_cannot_be_kept_is_the_caches_problem() {
    let folder = Folder::new();
    fs::write(folder.path(), b"").unwrap();
    let compiled = compile_artifact(&wat::parse_str(GUEST).unwrap(), folder.path(), Tier::Fast);
    assert!(matches!(compiled, Err(ArtifactError::Cache(_))));
}

/// Prints what compiling and loading takes; run with `--ignored --nocapture` and the path of a
/// `.wasm` file in `WASMGATE_MEASURE`.
#[test]
#[ignore = "a measurement"]
fn time_of_compiling_and_loading() {
    let Some(path) = std::env::var_os("WASMGATE_MEASURE") else { return };
    let wasm = fs::read(path).unwrap();
    let folder = Folder::new();
    let cache = ArtifactCache::new(folder.path());
    for _ in 0..4 {
        let begin = std::time::Instant::now();
        let module = CompiledModule::load(&wasm, &Limits::default(), Some(&cache)).unwrap();
        println!("cached {}: {:?}", module.cached(), begin.elapsed());
    }
    let length = fs::metadata(folder.only_file()).unwrap().len();
    println!("module {} bytes, artifact {length} bytes", wasm.len());
}
