"""What `wasmgate run` imports: each module that it does not need makes every start slower."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

CONFIGURATION = """
listen: 127.0.0.1:0
policies: { rewrite: { module: rewrite, configuration: { path_prefix: { /v1/: / } } } }
clusters: { site: { endpoints: [http://127.0.0.1:1] } }
routes: [{ match: { prefix: / }, cluster: site, policies: [rewrite] }]
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Return the modules that the command has imported once it serves."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "gateway.yaml").write_text(CONFIGURATION, "utf-8")
    command = [sys.executable, "-X", "importtime", "-m", "wasmgate", "run", "gateway.yaml"]
    found, lines = set(), []
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if module := re.match(r"import time: +\d+ \| +\d+ \| +(\S+)", line):
                found.add(module[1])
            if line.startswith("wasmgate listens on "):
                break
        process.terminate()
        process.stderr.read()
    assert lines[-1].startswith("wasmgate listens on "), "".join(lines)
    return found


@pytest.mark.parametrize(
    "package", ["typer", "rich", "click", "uvicorn", "httptools", "httpx", "cryptography"]
)
def test_a_package_that_only_other_commands_need_is_not_imported(
    package: str, imported: set[str]
) -> None:
    """They would take a fifth of the start."""
    assert package not in {name.partition(".")[0] for name in imported}


@pytest.mark.parametrize(
    "module",
    [
        "wasmgate.cli.app",
        "wasmgate.cli.run",
        "wasmgate.cli.workers",
        "wasmgate.config.bundled_schema",
        "wasmgate.config.schema",
        "wasmgate.conformance",
        "wasmgate.middleware",
        "wasmgate.replay",
        "wasmgate.simulation",
        "wasmgate.testing",
        "wasmgate.trace",
    ],
)
def test_a_module_that_only_other_commands_need_is_not_imported(
    module: str, imported: set[str]
) -> None:
    """Of our own, too."""
    assert module not in imported


@pytest.mark.parametrize("module", ["logging.config", "multiprocessing", "pickle", "socketserver"])
def test_a_module_of_python_that_one_process_does_not_need_is_not_imported(
    module: str, imported: set[str]
) -> None:
    """`--workers` needs some of them."""
    assert module not in imported


def test_the_configuration_is_read_once() -> None:
    """A pipe has nothing for a second reader."""
    command = [sys.executable, "-m", "wasmgate", "run", "/dev/stdin"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(CONFIGURATION)
        process.stdin.close()
        said = next((line for line in process.stderr if "listens" in line), "")
        process.terminate()
        process.stderr.read()
    assert said.startswith("wasmgate listens on ")


def test_the_list_is_that_of_a_gateway(imported: set[str]) -> None:
    """The tests above would pass with an empty one."""
    assert imported >= {"wasmgate.gateway.app", "wasmgate.gateway.standalone", "pydantic", "uvloop"}


def test_only_the_whole_configuration_gets_a_validator() -> None:
    """Each further one would repeat a part of it."""
    program = """
from wasmgate.config import Cluster, GatewayConfig, PolicySettings, Route, Server
cluster = {"endpoints": ["http://127.0.0.1:1"]}
route = {"match": {"prefix": "/"}, "cluster": "site"}
GatewayConfig.model_validate({"clusters": {"site": cluster}, "routes": [route]})
built = [GatewayConfig, Cluster, PolicySettings, Route, Server]
print([model.__name__ for model in built if model.__pydantic_complete__])
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "['GatewayConfig']\n"
