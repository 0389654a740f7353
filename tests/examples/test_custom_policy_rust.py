"""examples/custom_policy_rust, built with the compiler that this machine has, and run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from wasmgate import Policy, PolicyLoadError, PolicyMiddleware

if TYPE_CHECKING:
    from wasmgate._asgi import Receive, Scope, Send

ROOT = Path(__file__).parents[2]
SUPPORTED = {"supported": ["2026-11", "2025-01"]}

# The first build compiles the standard library where rustup's target is not installed.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the example, where there is a compiler for wasm32-wasip1."""
    folder = tmp_path_factory.mktemp("example")
    crate = str(ROOT / "examples" / "custom_policy_rust")
    tool = str(ROOT / "tools" / "build_example.py")
    command = [sys.executable, tool, crate, "--out", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "no compiler for wasm32-wasip1 was found" in built.stderr:
        pytest.skip(
            "no compiler for wasm32-wasip1: docs/guides/first_policy.md says how to get one"
        )
    assert built.returncode == 0, built.stderr
    return folder / "api_version.wasm"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the version that the policy chose."""
    del receive
    version = dict(scope["headers"]).get(b"x-api-version", b"none")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": version})


async def get(module: Path, headers: dict[str, str]) -> httpx.Response:
    """Send one request through the policy."""
    wrapped = PolicyMiddleware(app, policies=[Policy(module, configuration=SUPPORTED)])
    transport = httpx.ASGITransport(wrapped)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return await client.get("/", headers=headers)


async def test_the_default_version_reaches_the_app(module: Path) -> None:
    """And the response says which one it was."""
    response = await get(module, {})
    assert (response.text, response.headers["x-api-version"]) == ("2026-11", "2026-11")


async def test_a_supported_version_reaches_the_app(module: Path) -> None:
    """As the client asked."""
    assert (await get(module, {"x-api-version": "2025-01"})).text == "2025-01"


async def test_an_unknown_version_is_refused(module: Path) -> None:
    """By the policy, as problem details."""
    response = await get(module, {"x-api-version": "1999-12"})
    assert (response.status_code, response.json()["detail"]) == (400, "unknown API version")


def test_a_wrong_configuration_is_refused_at_start(module: Path) -> None:
    """With the policy's own words."""
    with pytest.raises(PolicyLoadError, match="supported: name at least one version"):
        PolicyMiddleware(app, policies=[Policy(module, configuration={"supported": []})])
