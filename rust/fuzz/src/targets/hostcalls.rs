//! A guest that calls anything with anything in every phase: the host answers, refuses or stops it,
//! and what a stream had is gone when it ends.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use wasmgate_host::fuzzing::{ImportedFunction, hostcalls};
use wasmgate_host::{
    Capabilities, Chain, Clock, Folders, ForeignFunction, Host, HostOptions, Limits, LogLevel,
    Plugin, PluginSpec, kept_streams, pending_callouts,
};

use super::Target;
use super::exchange::Exchange;
use super::guest::text;
use super::script::Script;

/// Inputs for one host; then all of it must go.
const ROUND: u32 = 2_000;
/// Callouts that an instance may have under way, and streams that may wait for `proxy_done`.
const KEPT: usize = 1_024;

pub struct Hostcalls {
    functions: Vec<ImportedFunction>,
    module: Vec<u8>,
    folder: TempDir,
    chain: Option<(Host, Chain)>,
    round: u32,
    callouts: u64,
    answers: u64,
    failures: u64,
}

impl Hostcalls {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let functions: Vec<_> = hostcalls().collect();
        let module = wat::parse_str(text(&functions)?)?;
        let folder = tempfile::tempdir()?;
        std::fs::create_dir(folder.path().join("files"))?;
        std::fs::write(folder.path().join("files/one.txt"), b"one")?;
        let (chain, round) = (None, 0);
        let (callouts, answers, failures) = (0, 0, 0);
        Ok(Self { functions, module, folder, chain, round, callouts, answers, failures })
    }

    fn load(&self) -> Result<(Host, Chain), Box<dyn Error>> {
        let echo = ForeignFunction::Synchronous(Arc::new(|bytes| match bytes {
            b"" => Err("got nothing".into()),
            bytes => Ok(bytes.to_vec()),
        }));
        let functions = [("echo", echo), ("later", ForeignFunction::Asynchronous)];
        let host = Host::with(HostOptions {
            cache: Some(self.folder.path().join("cache")),
            log_level: LogLevel::Trace,
            clock: Clock::stopped_at(1_700_000_000_000_000_000),
            functions: functions.map(|(name, function)| (name.to_owned(), function)).into(),
            ..HostOptions::default()
        });
        let read: Vec<(String, PathBuf)> = vec![("files".into(), self.folder.path().join("files"))];
        let spec = PluginSpec {
            name: "guest".into(),
            configuration: b"{}".to_vec(),
            environment: vec![("KEY".into(), "secret".into())],
            limits: Limits { fuel: 300_000, memory: 1 << 20, body: 16 << 10, ..Limits::default() },
            capabilities: Capabilities {
                net: vec!["cluster".into(), "b:80".into()],
                read: Folders::open(read)?,
                foreign_functions: vec!["echo".into(), "later".into()],
                metrics: vec!["a*".into()],
                shared_data: Vec::new(),
            },
            ..PluginSpec::default()
        };
        let plugins = vec![Plugin::load(&host, &self.module, spec)?];
        Ok((host, Chain::new(plugins)))
    }

    fn end_round(&mut self) {
        let Some((host, chain)) = self.chain.take() else { return };
        drop(chain);
        assert_eq!(
            (0, 0, 0),
            (kept_streams(), host.instances(), pending_callouts()),
            "streams, instances and callouts outlive their policy"
        );
    }
}

impl Target for Hostcalls {
    fn name(&self) -> &'static str {
        "hostcalls"
    }

    fn take(&mut self, input: &[u8]) {
        if self.round == 0 {
            self.end_round();
            self.round = ROUND;
        }
        self.round -= 1;
        if self.chain.is_none() {
            self.chain = Some(self.load().unwrap_or_else(|error| panic!("not loaded: {error}")));
        }
        let Some((host, chain)) = &self.chain else { return };
        let script = Script::of(input, &self.functions);
        let mut exchange = Exchange::open(chain, host, script.bytes);
        exchange.perform(&script.steps, input);
        exchange.end();
        self.callouts += exchange.callouts;
        self.answers += exchange.answers;
        self.failures += exchange.failures;
        assert!(pending_callouts() <= KEPT, "{} callouts are kept", pending_callouts());
        assert!(kept_streams() <= KEPT + 1, "{} streams are kept", kept_streams());
        assert!(host.advance(Duration::from_mins(1)), "the clock stands");
    }

    fn seen(&self) -> String {
        let Self { callouts, answers, failures, .. } = self;
        format!(", {callouts} callouts, {answers} local responses, {failures} failures")
    }
}

impl Drop for Hostcalls {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.end_round();
        }
    }
}
