"""Compiles modules in subprocesses, so that this process does not keep the compiler's memory.

Each module has its own process, with limits of memory and time and an empty environment. It writes
the artifact to the cache.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal
from weakref import ref

from wasmgate import _native
from wasmgate._native import Module
from wasmgate.policy import _compile

if TYPE_CHECKING:
    from wasmgate._native import Host, Plugin

__all__ = [
    "OPTIMIZER",
    "CompilerFailed",
    "CompilerMissing",
    "Optimizer",
    "compile_in_subprocess",
    "compiled",
]

Tier = Literal["fast", "optimized"]

SECONDS = 60.0
MEGABYTES = 1024

_LOGGER = logging.getLogger("wasmgate.policy")
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class CompilerFailed(Exception):
    """The module cannot be compiled; the message says why."""


class CompilerMissing(Exception):
    """The subprocess could not be started or could not write its artifact; the message says why."""


def compile_in_subprocess(module: bytes, cache: Path, tier: Tier) -> None:
    """Compile a module into the folder `cache` and wait for the subprocess.

    Raises CompilerFailed, CompilerMissing.
    """
    if not Path(sys.executable or "").name.lower().startswith("python"):
        raise CompilerMissing(f"{sys.executable!r} is not a Python that can be started")
    folder = str(Path(_native.__file__).parent)
    command = [sys.executable, "-I", "-S", _compile.__file__, folder, str(cache), tier]
    command.append(str(MEGABYTES))
    try:
        done = subprocess.run(  # noqa: S603 (our own script)
            command,
            input=module,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            # So that an interrupt (Ctrl-C) does not reach the subprocess.
            process_group=0,
        )
    except subprocess.TimeoutExpired:
        raise CompilerFailed(f"compiling took longer than {SECONDS:.0f} seconds") from None
    except OSError as error:
        raise CompilerMissing(f"no process could be started: {error}") from error
    if done.returncode == _compile.NOT_KEPT:
        raise CompilerMissing(done.stdout.decode().strip())
    if done.returncode == _compile.REFUSED:
        raise CompilerFailed(done.stdout.decode().strip())
    if done.returncode != _compile.OK:
        raise CompilerFailed(_how_it_ended(done.returncode, done.stderr))


def compiled(host: Host, wasm: bytes, *, policy: str, memory: int) -> Module:
    """Compile a module in a subprocess, into the host's cache or else into a temporary folder.

    If no subprocess can be started, the module is compiled in this process, with a warning.
    Raises CompilerFailed, PolicyLoadError.
    """
    _announce(policy, len(wasm))
    try:
        found = _kept(host, wasm, policy, memory) or _for_once(wasm, policy, memory)
    except (CompilerMissing, OSError) as error:
        _LOGGER.warning("policy %r is compiled in this process: %s", policy, error)
        found = None
    return found or Module(host, wasm, policy=policy, memory=memory)


def _announce(policy: str, size: int) -> None:
    """Report a compilation that takes seconds: on the terminal, or in the log."""
    text = f"policy {policy!r} is compiled ({size / 1e6:.1f} MB of WebAssembly)"
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write(f"{text} ...\n")
        sys.stderr.flush()
    else:
        _LOGGER.info("%s", text)


def _kept(host: Host, wasm: bytes, policy: str, memory: int) -> Module | None:
    if host.cache is None:
        return None
    try:
        compile_in_subprocess(wasm, host.cache, "fast")
    except CompilerMissing as error:
        _LOGGER.warning("policy %r: its compiled module is not kept: %s", policy, error)
        return None
    return Module.find(host, wasm, policy=policy, memory=memory)


def _for_once(wasm: bytes, policy: str, memory: int) -> Module | None:
    with TemporaryDirectory(prefix="wasmgate-") as folder:
        compile_in_subprocess(wasm, Path(folder), "optimized")
        return Module.take(folder, wasm, policy=policy, memory=memory)


def _how_it_ended(code: int, stderr: bytes) -> str:
    last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
    how = f"code {code}" if code >= 0 else signal.Signals(-code).name
    return f"the compiler ended with {how} (it may use {MEGABYTES} MiB of memory): {last}"


@dataclass
class Job:
    """A module to compile with optimisation, and the plugins that wait for it."""

    module: bytes
    cache: Path
    waiting: list[ref[Plugin]]

    def plugins(self) -> list[Plugin]:
        """Return the plugins that were not dropped."""
        return [plugin for waiting in self.waiting if (plugin := waiting()) is not None]

    def run(self) -> None:
        """Compile the module and switch the plugins to the optimised code."""
        try:
            compile_in_subprocess(self.module, self.cache, "optimized")
        except (CompilerFailed, CompilerMissing) as error:
            for plugin in self.plugins():
                _LOGGER.warning("policy %r keeps its fast code: %s", plugin.name, error)
            return
        self.improve()

    def improve(self) -> None:
        """Switch the plugins to the code in the cache."""
        for plugin in self.plugins():
            if plugin.improve(self.module):
                _LOGGER.debug("policy %r runs optimised code now", plugin.name)


class Optimizer:
    """Compiles modules with optimisation, one at a time.

    A background thread does it, which exits when the queue is empty.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By digest and folder; the first is being compiled.
        self._jobs: dict[tuple[str, Path], Job] = {}
        self._thread: threading.Thread | None = None

    def add(self, plugin: Plugin, module: bytes, cache: Path) -> None:
        """Switch a plugin to optimised code once that is compiled.

        Plugins are held weakly; a module without plugins is not compiled.
        """
        with self._lock:
            for key in list(self._jobs)[1:]:
                if not self._jobs[key].plugins():
                    del self._jobs[key]
            job = self._jobs.setdefault((plugin.digest, cache), Job(module, cache, []))
            job.waiting.append(ref(plugin))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wasmgate-optimizer")
                self._thread.daemon = True
                self._thread.start()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            if job.plugins():
                job.run()
            with self._lock:
                late = self._jobs.pop(next(iter(self._jobs))).waiting
            # Plugins may have been added while the others were switched.
            Job(job.module, job.cache, late).improve()

    def _next(self) -> Job | None:
        with self._lock:
            job = next(iter(self._jobs.values()), None)
            if job is None:
                self._thread = None
            return job


OPTIMIZER = Optimizer()
