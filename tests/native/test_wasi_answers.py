"""Every function of WASI answers, under both of its modules, as docs/reference/wasi.md says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate._native import Chain, Host

ROOT = Path(__file__).parents[2]
MODULES = ("wasi_snapshot_preview1", "wasi_unstable")
NO_STATUS = {"proc_exit"}
LONG = {"Long", "Unsigned"}  # kinds of arguments that are i64; all others are i32
# A path of one letter is at 64; every other pointer and count is 0.
FIRST_FOLDER = {"descriptor": 3, "folder": 3, "from": 3}
DOT = {"path": 64, "size": 1, "old": 64, "old_size": 1, "new": 64, "new_size": 1}


def functions() -> dict[str, list[tuple[str, str]]]:
    """Return names and types of each function's parameters, as the host takes them."""
    source = (ROOT / "rust" / "host" / "src" / "abi" / "hostcalls.rs").read_text("utf-8")
    table = source.split("macro_rules! wasi_hostcalls", 1)[1].split("\n}\n", 1)[0]
    rows = re.findall(r'^ +"(\w+)" => wasi::\w+\((.*)\) wasi;$', table, flags=re.MULTILINE)
    return {
        name: [
            (parameter, "i64" if kind in LONG else "i32")
            for parameter, kind in re.findall(r"(\w+): (\w+)", parameters)
        ]
        for name, parameters in rows
    }


def documented() -> dict[str, tuple[int, int]]:
    """Return what each function answers without folders and with one."""
    page = (ROOT / "docs" / "reference" / "wasi.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+)[^|]* \| (\d+)[^|]* \|", page, flags=re.MULTILINE)
    return {name: (int(without), int(of_folder)) for name, without, of_folder in rows}


def answer(host: Host, module: str, name: str, *, read: tuple[tuple[str, Path], ...]) -> int:
    """Call a function on descriptor 3 and the path "." and return its number."""
    parameters = functions()[name]
    path = DOT if name.startswith("path_") else {}
    arguments = " ".join(
        f"({kind}.const {(FIRST_FOLDER | path).get(parameter, 0)})"
        for parameter, kind in parameters
    )
    types = " ".join(kind for _, kind in parameters)
    policy = guest(
        f'(import "{module}" "{name}" (func $subject (param {types}) (result i32)))',
        '(import "env" "proxy_send_local_response"',
        "  (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))",
        '(data (i32.const 64) ".")',
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)',
        f"  (call $answer (i32.add (i32.const 200) (call $subject {arguments}))",
        "    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)",
        "    (i32.const -1)))",
    )
    return (Request(Chain([load(host, policy, read=read)])).status or 0) - 200


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", functions())
def test_it_answers_as_documented(host: Host, module: str, name: str, tmp_path: Path) -> None:
    """Without a folder to read, and with one."""
    without = answer(host, module, name, read=())
    of_folder = answer(host, module, name, read=(("keys", tmp_path),))
    assert (without, of_folder) == documented()[name]


def test_all_46_functions_are_documented() -> None:
    """`proc_exit` has no answer."""
    assert set(documented()) == set(functions())
    assert len(functions()) + len(NO_STATUS) == 46
