"""How much fuel and memory the modules of others use: the table of docs/guides/fuel.md.

    python benchmarks/fuel.py
    python benchmarks/fuel.py --module crs=main.wasm --configuration crs=crs.json

Measures what is at hand: the modules of PyPI's `gpustack-higress-plugins`, and the guests that
tools/build_guests.py builds here. Fuel is the same on every machine. Each module starts, reads its
configuration, and sees one request with a JSON body of 1 KiB and a response of 128 bytes.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from machine import ROOT
from tables import markdown

from wasmgate import Capabilities, Limits, Policy
from wasmgate._native import compile_artifact
from wasmgate.errors import PolicyLoadError
from wasmgate.policy.artifacts import cache_folder
from wasmgate.testing import PolicyHost

_HIGRESS = "gpustack_higress_plugins"
_CONFIGURATIONS = ROOT / "tests" / "modules" / "higress.json"
_TOOL = ROOT / "tools" / "build_guests.py"
_GUESTS = ("stamp-rust", "stamp-go", "stamp-assemblyscript", "sdk-0.1.4", "sdk-0.2.0")
_MOST = Limits(memory=1 << 30, fuel=20_000_000_000, start_fuel=20_000_000_000, body=1 << 20)
_ANYTHING = Capabilities(metrics=("*",), foreign_functions=("*",), shared_data=("*",))
_HEAD = "proxy_on_request_headers"
_STREAM = frozenset(
    {
        "proxy_on_request_body",
        "proxy_on_response_headers",
        "proxy_on_response_body",
        "proxy_on_done",
        "proxy_on_log",
        "proxy_on_delete",
        "proxy_on_context_create",
    }
)
_HEADS = ("module", "start and configuration", "a request's head", "the rest of it", "memory, MiB")
_BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "a" * 966}]}).encode()


def main(
    *,
    module: Annotated[list[str] | None, typer.Option(help="NAME=PATH of one more.")] = None,
    configuration: Annotated[
        list[str] | None, typer.Option(help="NAME=PATH of the configuration of one more.")
    ] = None,
) -> None:
    """Measure, and print the table."""
    texts = {name: Path(path).read_text("utf-8") for name, path in _pairs(configuration)}
    given = [(name, Path(path), texts.get(name)) for name, path in _pairs(module)]
    print(markdown(_HEADS, []))
    for one in [*_higress(), *_guests(), *given]:
        print(f"| {' | '.join(_row(*one))} |", flush=True)


def _pairs(options: list[str] | None) -> list[tuple[str, str]]:
    split = (option.partition("=") for option in options or ())
    return [(name, path) for name, _, path in split]


def _higress() -> list[tuple[str, Path, str | None]]:
    package = importlib.util.find_spec(_HIGRESS)
    if package is None:
        print(f"skipped: {_HIGRESS} is not installed", file=sys.stderr)
        return []
    known = json.loads(_CONFIGURATIONS.read_text("utf-8"))
    folders = [Path(folder) for folder in package.submodule_search_locations or ()]
    found = [path for folder in folders for path in folder.glob("plugins/*/*/plugin.wasm")]
    return [
        (path.parts[-3], path, json.dumps(known[path.parts[-3]]))
        for path in sorted(found)
        if path.parts[-3] in known
    ]


def _guests() -> list[tuple[str, Path, str | None]]:
    modules: list[tuple[str, Path, str | None]] = []
    for name in _GUESTS:
        command = [sys.executable, str(_TOOL), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"skipped {name}: {done.stderr.strip()[-200:]}", file=sys.stderr)
            continue
        folder = ROOT / done.stdout.strip()
        modules += [(f"{name}/{path.stem}", path, None) for path in sorted(folder.glob("*.wasm"))]
    return modules


def _row(name: str, module: Path, configuration: str | None) -> list[str]:
    """Run one module and return its row of the table."""
    compile_artifact(module.read_bytes(), cache=cache_folder(), tier="fast")
    policy = Policy(
        module,
        name="measured",
        configuration=configuration,
        limits=_MOST,
        capabilities=_ANYTHING,
    )
    host = PolicyHost()
    try:
        _exchange(host, policy)
    except PolicyLoadError as error:
        print(f"{name}: {error.message}", file=sys.stderr)
        return [f"`{name}`", "does not start", "", "", ""]
    native = host._native  # noqa: SLF001 (it has the statistics)
    used = {row.callback: row.fuel / row.count for row in native.callbacks() if row.count}
    memory = max(row.memory for row in native.policies())
    host.close()
    head = used.get(_HEAD, 0)
    rest = sum(fuel for callback, fuel in used.items() if callback in _STREAM)
    start = sum(fuel for callback, fuel in used.items() if callback not in {_HEAD, *_STREAM})
    return [f"`{name}`", *(f"{fuel:,.0f}" for fuel in (start, head, rest)), f"{memory / 2**20:.1f}"]


def _exchange(host: PolicyHost, policy: Policy) -> None:
    fields = {"user-agent": "load/1.0", "accept": "application/json"}
    headers = {**fields, "content-type": "application/json", "content-length": str(len(_BODY))}
    exchange = host.start(policy).request(
        "POST", "/v1/chat/completions?x=1", headers=headers, body=_BODY
    )
    if exchange.request is not None:
        response = json.dumps({"answer": "b" * 113}).encode()
        exchange.respond(200, headers={"content-type": "application/json"}, body=response)
    exchange.close()


if __name__ == "__main__":
    typer.run(main)
