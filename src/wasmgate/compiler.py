"""Compiles modules in processes of their own, so that no compiler's memory stays in ours.

A process is started for one module and ends with it. It has a limit of memory and of time, sees none
of our environment, and puts what it made into the cache of artifacts, where we find it.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from weakref import ref

from wasmgate import _compile

if TYPE_CHECKING:
    from wasmgate._native import Plugin

__all__ = ["CompilerFailed", "CompilerMissing", "compile_apart", "optimize_later"]

Tier = Literal["fast", "optimized"]

SECONDS = 60.0
MEGABYTES = 1024

_LOGGER = logging.getLogger("wasmgate.policy")
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_ONE_AT_A_TIME = threading.Lock()


class CompilerFailed(Exception):
    """The module cannot be compiled; the text says why."""


class CompilerMissing(Exception):
    """No process could be started, or it could not keep what it made; the text says why."""


def compile_apart(module: bytes, cache: Path, tier: Tier) -> None:
    """Compile a module into the folder `cache`; waits for it.

    Raises CompilerFailed, CompilerMissing.
    """
    if not Path(sys.executable or "").name.startswith("python"):
        raise CompilerMissing(f"{sys.executable!r} is no Python that could be started")
    script, folder = Path(_compile.__file__), Path(__file__).parent
    command = [sys.executable, "-I", "-S", script, folder, cache, tier, str(MEGABYTES)]
    try:
        done = subprocess.run(  # noqa: S603 (our own script)
            command,
            input=module,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            # An interrupt of ours is none of its.
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


def _how_it_ended(code: int, stderr: bytes) -> str:
    last = stderr.decode(errors="replace").strip().rpartition("\n")[2]
    how = f"code {code}" if code >= 0 else signal.Signals(-code).name
    return f"the compiler ended with {how} (it may use {MEGABYTES} MiB of memory): {last}"


def optimize_later(plugin: Plugin, module: bytes, cache: Path) -> None:
    """Compile a plugin's module again, for speed, and let the plugin take it: in the background.

    One module at a time; a plugin that is gone by then is let go.
    """
    arguments = (ref(plugin), module, cache)
    threading.Thread(target=_optimize, args=arguments, name="wasmgate-optimize", daemon=True).start()


def _optimize(plugin: ref[Plugin], module: bytes, cache: Path) -> None:
    with _ONE_AT_A_TIME:
        if plugin() is None:
            return
        try:
            compile_apart(module, cache, "optimized")
        except (CompilerFailed, CompilerMissing) as error:
            if (waiting := plugin()) is not None:
                _LOGGER.warning("policy %r keeps its fast code: %s", waiting.name, error)
            return
    if (waiting := plugin()) is not None and waiting.improve(module):
        _LOGGER.info("policy %r runs optimised code now", waiting.name)
