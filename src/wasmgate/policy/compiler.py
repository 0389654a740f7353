"""Compiles modules in subprocesses, so that the compiler's memory does not stay in this one.

A process is started for one module and ends with it. It has a limit of memory and of time, sees
none of this process's environment, and puts the artifact into the cache.
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
    """The module cannot be compiled; the text says why."""


class CompilerMissing(Exception):
    """No process could be started, or it could not keep what it made; the text says why."""


def compile_in_subprocess(module: bytes, cache: Path, tier: Tier) -> None:
    """Compile a module into the folder `cache`; waits for it.

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
            # An interrupt of this process does not reach it.
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
    """Compile a module in a process of its own: into the host's cache, else for this time alone.

    Only where no process can be started it is compiled in this one, and a warning says so.
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
    """Say what takes seconds: to the person at the terminal, or to the log."""
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
    """A module to compile for speed, and the plugins that wait for it."""

    module: bytes
    cache: Path
    waiting: list[ref[Plugin]]

    def plugins(self) -> list[Plugin]:
        """Return those that are still there."""
        return [plugin for waiting in self.waiting if (plugin := waiting()) is not None]

    def run(self) -> None:
        """Compile, and let the plugins take the code."""
        try:
            compile_in_subprocess(self.module, self.cache, "optimized")
        except (CompilerFailed, CompilerMissing) as error:
            for plugin in self.plugins():
                _LOGGER.warning("policy %r keeps its fast code: %s", plugin.name, error)
            return
        self.improve()

    def improve(self) -> None:
        """Let the plugins take what is in the cache now."""
        for plugin in self.plugins():
            if plugin.improve(self.module):
                _LOGGER.debug("policy %r runs optimised code now", plugin.name)


class Optimizer:
    """Compiles modules for speed, one at a time, in a thread that exits when the queue is empty."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By digest and folder; the first one is running.
        self._jobs: dict[tuple[str, Path], Job] = {}
        self._thread: threading.Thread | None = None

    def add(self, plugin: Plugin, module: bytes, cache: Path) -> None:
        """Let a plugin of fast code have better code when it is there.

        Plugins that are dropped by then are forgotten; so is a module without plugins.
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
            # Some may have come while the code was taken by the others.
            Job(job.module, job.cache, late).improve()

    def _next(self) -> Job | None:
        with self._lock:
            job = next(iter(self._jobs.values()), None)
            if job is None:
                self._thread = None
            return job


OPTIMIZER = Optimizer()
