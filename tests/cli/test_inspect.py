"""`wasmgate inspect`."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
import wasmtime

from wasmgate.modules import bundled, locate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

IMPORTING = """
    (module
      (import "env" "proxy_nope" ({}))
      (memory (export "memory") 1)
      (func (export "malloc") (param i32) (result i32) (i32.const 0))
      (func (export "proxy_abi_version_0_2_1")))
"""


@pytest.mark.parametrize("name", bundled())
def test_a_bundled_policy_runs_here(name: str, wasmgate: Command) -> None:
    """It is found by its name."""
    done = wasmgate("inspect", name, "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["problem"], facts["abi"], facts["digest"]) == (
        0,
        None,
        "0.2.1",
        hashlib.sha256(locate(name).read_bytes()).hexdigest(),
    )


def test_the_table_says_the_same(wasmgate: Command) -> None:
    """For people."""
    done = wasmgate("inspect", "rewrite")
    assert ("0.2.1" in done.stdout, "proxy_on_request_headers" in done.stdout) == (True, True)


def test_imports_have_named_members(wasmgate: Command) -> None:
    """JSON has no tuples."""
    facts = json.loads(wasmgate("inspect", "rewrite", "--json").stdout)
    (log,) = [entry for entry in facts["imports"] if entry["name"] == "proxy_log"]
    assert log == {"module": "env", "name": "proxy_log", "kind": "function", "known": True}


def test_a_file_that_is_no_wasm_is_1(tmp_path: Path, wasmgate: Command) -> None:
    """And is named."""
    (tmp_path / "own.wasm").write_text("hello")
    done = wasmgate("inspect", "own.wasm")
    assert (done.returncode, done.stdout, done.stderr.splitlines()) == (
        1,
        "",
        [
            "error: not a WebAssembly module: it does not begin with the bytes 00 61 73 6d",
            "  where: own.wasm",
            "  try:   name a .wasm file that was built with a proxy-wasm SDK, or a bundled policy",
        ],
    )


def test_a_module_that_cannot_run_here_is_1(tmp_path: Path, wasmgate: Command) -> None:
    """Described all the same, with the import that no host has."""
    (tmp_path / "own.wasm").write_bytes(wasmtime.wat2wasm(IMPORTING.format("memory 1")))
    done = wasmgate("inspect", "own.wasm", "--json")
    said = json.loads(done.stdout)["problem"]
    assert (done.returncode, said) == (
        1,
        'the module imports the memory "env" "proxy_nope", which this host does not provide',
    )


def test_an_unknown_function_is_listed(tmp_path: Path, wasmgate: Command) -> None:
    """It is no problem as long as the module does not call it."""
    (tmp_path / "own.wasm").write_bytes(wasmtime.wat2wasm(IMPORTING.format("func")))
    done = wasmgate("inspect", "own.wasm")
    rows = [line.strip("│┃| ").split() for line in done.stdout.splitlines()]
    assert (done.returncode, ["unknown", "imports", "│", "env.proxy_nope"] in rows) == (0, True)


def test_it_says_which_capabilities_a_module_can_ask_for(tmp_path: Path, wasmgate: Command) -> None:
    """By the functions that it imports."""
    text = IMPORTING.replace('"proxy_nope" ({})', '"proxy_define_metric" (func)')
    (tmp_path / "own.wasm").write_bytes(wasmtime.wat2wasm(text))
    asks = json.loads(wasmgate("inspect", "own.wasm", "--json").stdout)["asks"]
    said = "metrics: proxy_define_metric" in wasmgate("inspect", "own.wasm").stdout
    assert (asks, said) == ({"metrics": ["proxy_define_metric"]}, True)


def test_names_of_a_module_cannot_steer_the_terminal(tmp_path: Path, wasmgate: Command) -> None:
    """Imports, exports and the reason why it does not run are escaped."""
    names = r"\1b[31m\0aproxy_forged"
    module = f"""(module
      (import "env" "a{names}" (func))
      (import "{names}" "b" (func))
      (memory (export "memory") 1)
      (func (export "malloc") (param i32) (result i32) (i32.const 0))
      (func (export "proxy_on_{names}"))
      (func (export "proxy_abi_version_0_2_1")))"""
    (tmp_path / "own.wasm").write_bytes(wasmtime.wat2wasm(module))
    done = wasmgate("inspect", "own.wasm")
    lines = done.stdout.splitlines()
    assert ("\x1b" in done.stdout, r"\u{1b}" in done.stdout) == (False, True)
    assert [line for line in lines if line.strip().startswith("proxy_forged")] == []
