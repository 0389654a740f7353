"""Compiling in a process of its own."""

from __future__ import annotations

import io
import logging
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.native.hostile import guest
from wasmgate import Policy, PolicyLoadError, PolicyMiddleware
from wasmgate._native import Host, Module
from wasmgate.policy import compiler
from wasmgate.policy.compiler import CompilerFailed, CompilerMissing, compile_in_subprocess

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import Receive, Scope, Send


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Return a folder of artifacts for one test."""
    return tmp_path / "artifacts"


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    """Describe a policy that does nothing."""
    (tmp_path / "own.wasm").write_bytes(guest())
    return Policy(tmp_path / "own.wasm")


def test_the_artifact_is_in_the_cache(cache: Path) -> None:
    """What was missing is there."""
    host = Host(cache=str(cache))
    before = host.misses(guest())
    compile_in_subprocess(guest(), cache, "fast")
    assert (before, host.misses(guest())) == (True, False)


def test_a_module_is_found_when_it_is_in_the_cache(cache: Path) -> None:
    """Finding never compiles what another process could."""
    host = Host(cache=str(cache))
    before = Module.find(host, guest(), policy="own", memory=1 << 20)
    compile_in_subprocess(guest(), cache, "fast")
    found = Module.find(host, guest(), policy="own", memory=1 << 20)
    assert (before, type(found)) == (None, Module)


def test_a_module_that_needs_more_memory_is_refused_when_it_is_found(cache: Path) -> None:
    """Before it is compiled, with the name of the policy."""
    with pytest.raises(PolicyLoadError, match="policy 'own': the module starts with 65536 bytes"):
        Module.find(Host(cache=str(cache)), guest(), policy="own", memory=1)


def test_a_damaged_artifact_is_missing(cache: Path) -> None:
    """It is compiled again, not here."""
    compile_in_subprocess(guest(), cache, "fast")
    next(cache.glob("*.artifact")).write_bytes(b"")
    assert Host(cache=str(cache)).misses(guest())


def test_a_module_that_cannot_run_here(cache: Path) -> None:
    """The words are the host's."""
    with pytest.raises(CompilerFailed, match=r"^not a WebAssembly module"):
        compile_in_subprocess(b"MZ", cache, "fast")


def test_a_compiler_that_needs_too_much_memory(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends, and the error says what it may use."""
    monkeypatch.setattr(compiler, "MEGABYTES", 28)
    with pytest.raises(CompilerFailed, match="it may use 28 MiB of memory"):
        compile_in_subprocess(Policy("rewrite").read(), cache, "optimized")


def test_a_compiler_that_takes_too_long(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped."""
    monkeypatch.setattr(compiler, "SECONDS", 0.0001)
    with pytest.raises(CompilerFailed, match="longer than"):
        compile_in_subprocess(guest(), cache, "fast")


@pytest.mark.parametrize("executable", ["", "/usr/sbin/uwsgi", "/nowhere/python3"])
def test_no_python_to_start(executable: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python may be embedded in a program that is no interpreter."""
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(CompilerMissing):
        compile_in_subprocess(guest(), cache, "fast")


def test_a_folder_that_cannot_be_used(cache: Path) -> None:
    """Here a file in its place."""
    cache.write_bytes(b"")
    with pytest.raises(CompilerMissing, match="not a folder"):
        compile_in_subprocess(guest(), cache, "fast")


def test_without_a_compiler_a_policy_is_compiled_here(
    cache: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says so."""
    monkeypatch.setattr(sys, "executable", "")
    plugin = policy.load(Host(cache=str(cache)))
    assert (plugin.cached, plugin.tier) == (False, "optimized")
    assert "policy 'own' is compiled in this process: " in caplog.text


def test_without_a_cache_a_policy_is_compiled_for_once(
    policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """At its best, as nothing better will follow."""
    plugin = policy.load(Host())
    assert (plugin.cached, plugin.tier, caplog.messages) == (False, "optimized", [])


def unusable(cache: Path) -> Host:
    """Make a host with a folder that others may write to."""
    cache.mkdir(mode=0o700)
    cache.chmod(0o770)
    return Host(cache=str(cache))


def test_an_unusable_cache_is_said(
    cache: Path, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """Others may write to it, so the module is compiled for this time alone."""
    plugin = policy.load(unusable(cache))
    assert (plugin.cached, plugin.tier) == (False, "optimized")
    assert "open to others" in caplog.text


@pytest.mark.parametrize("usable", [True, False])
@pytest.mark.parametrize(("bound", "least"), [("SECONDS", 0.0001), ("MEGABYTES", 28)])
def test_a_compiler_is_bounded_whether_or_not_there_is_a_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch, bound: str, least: float, *, usable: bool
) -> None:
    """In time and in memory; nothing is compiled in this process instead."""
    monkeypatch.setattr(compiler, bound, least)
    for host in [Host(cache=str(cache))] if usable else [Host(), unusable(cache)]:
        with pytest.raises(PolicyLoadError, match="policy 'rewrite': "):
            Policy("rewrite").load(host)


def test_a_policy_is_fast_at_first_and_optimized_later(
    cache: Path, policy: Policy, caplog: pytest.LogCaptureFixture
) -> None:
    """It happens without a setting."""
    caplog.set_level(logging.DEBUG)
    plugin = policy.load(Host(cache=str(cache)))
    while plugin.tier == "fast":
        time.sleep(0.01)
    while len(caplog.records) == 1:
        time.sleep(0.01)
    assert caplog.messages[1:] == ["policy 'own' runs optimised code now"]
    assert policy.load(Host(cache=str(cache))).tier == "optimized"


def test_a_policy_that_is_not_optimized_keeps_its_code(
    cache: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says why."""
    compile_in_subprocess(policy.read(), cache, "fast")
    monkeypatch.setattr(sys, "executable", "")
    plugin = policy.load(Host(cache=str(cache)))
    while not caplog.records:
        time.sleep(0.01)
    assert "policy 'own' keeps its fast code: " in caplog.text
    assert plugin.tier == "fast"


def test_what_the_compiler_says_is_the_policys_error(cache: Path, tmp_path: Path) -> None:
    """With the policy's name."""
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(PolicyLoadError, match="policy 'bad': not a proxy-wasm module") as caught:
        Policy(tmp_path / "bad.wasm").load(Host(cache=str(cache)))
    assert caught.value.policy == "bad"


def test_an_equal_policy_goes_on(cache: Path, policy: Policy) -> None:
    """Unless the file has other bytes now."""
    host = Host(cache=str(cache))
    first = policy.load(host)
    same = policy.load(host, previous=first)
    assert isinstance(policy.module, type(cache))
    policy.module.write_bytes(guest("(global i32 (i32.const 0))"))
    other = policy.load(host, previous=first)
    assert (same is first, other is first) == (True, False)


def test_a_middlewares_policies_are_optimized(
    cache: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are there for as long as the middleware is."""

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        """Never called."""

    monkeypatch.setenv("WASMGATE_CACHE", str(cache))
    [plugin] = PolicyMiddleware(app, policies=[policy]).plugins
    while plugin.tier == "fast":
        time.sleep(0.01)
    assert plugin.tier == "optimized"


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


def test_a_person_is_told_what_is_compiled(
    policy: Policy, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line on the terminal; nothing when it is in the cache already."""
    caplog.set_level(logging.INFO, "wasmgate.policy")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for _ in range(2):
        policy.load(Host(cache=str(cache)))
    told = terminal.getvalue()
    assert (told.count("policy 'own' is compiled ("), told.count("\n")) == (1, 1)
    assert [line for line in caplog.messages if "is compiled" in line] == []


@pytest.mark.parametrize("cached", [True, False])
def test_without_a_terminal_the_log_tells_what_is_compiled(
    policy: Policy,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    cached: bool,
) -> None:
    """Also where nothing can be kept."""
    caplog.set_level(logging.INFO, "wasmgate.policy")
    policy.load(Host(cache=str(cache) if cached else None))
    assert sum("policy 'own' is compiled (" in line for line in caplog.messages) == 1
