"""The guide "Your first policy", followed from an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.docs.blocks import ROOT
from wasmgate import Policy, PolicyMiddleware

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate._asgi import Receive, Scope, Send

GUIDE = (ROOT / "docs" / "guides" / "first_policy.md").read_text("utf-8")
# A path in code at the beginning of a line, and the next block below it.
FILES = re.findall(
    r"^`((?:src/)?[\w.]+\.(?:toml|rs))`(?:(?!^`|^```).)*?^```(?:toml|rust)\n(.*?)^```",
    GUIDE,
    flags=re.DOTALL | re.MULTILINE,
)

# The first build may compile the standard library.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the files of the guide into an empty folder."""
    folder = tmp_path_factory.mktemp("first") / "policy"
    for name, text in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def module(crate: Path) -> Path:
    """Build them."""
    tool = str(ROOT / "tools" / "build_example.py")
    command = [sys.executable, tool, str(crate)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "no compiler for wasm32-wasip1 was found" in built.stderr and not os.environ.get("CI"):
        pytest.skip("no compiler for wasm32-wasip1: the guide says how to get one")
    assert built.returncode == 0, built.stderr
    return crate / "api_version.wasm"


def test_the_guide_has_all_files() -> None:
    """Nothing is left to the reader, and none is a part of one."""
    assert [name for name, _ in FILES] == [
        "Cargo.toml",
        "src/lib.rs",
        "src/rule.rs",
        "src/context.rs",
    ]


@pytest.mark.parametrize("name", ["src/lib.rs", "src/rule.rs", "src/context.rs"])
def test_the_example_is_what_the_guide_shows(name: str) -> None:
    """The page and the folder have the same files."""
    example = ROOT / "examples" / "custom_policy_rust" / name
    assert dict(FILES)[name] == example.read_text("utf-8")


def test_the_rule_s_own_tests_pass(crate: Path) -> None:
    """As the guide says, without WebAssembly."""
    cargo = shutil.which("cargo")
    if cargo is None:
        pytest.skip("no cargo")
    environment = {**os.environ, "CARGO_TARGET_DIR": str(crate / "native")}
    done = subprocess.run(
        [cargo, "test"], cwd=crate, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "6 passed" in done.stdout) == (0, True), done.stderr


async def test_it_answers_as_the_guide_says(module: Path) -> None:
    """Served under the first version; an unknown one is answered 400."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    policy = Policy(module, configuration={"supported": ["2026-11", "2025-01"]})
    transport = httpx.ASGITransport(PolicyMiddleware(app, policies=[policy]))
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        served = await client.get("/")
        refused = await client.get("/", headers={"x-api-version": "1999-12"})
        odd = await client.get("/", headers=[(b"x-api-version", b"\xff\xfe")])
    assert odd.status_code == 400
    assert (served.status_code, served.headers["x-api-version"]) == (200, "2026-11")
    assert (refused.status_code, "unknown API version" in refused.text) == (400, True)


def test_the_command_inspects_it(module: Path) -> None:
    """As the guide says."""
    command = [sys.executable, "-m", "wasmgate", "inspect", module.name]
    done = subprocess.run(command, cwd=module.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, "proxy_on_request_headers" in done.stdout) == (0, True), done.stderr
