"""What the pages show is run: Python, gateway.yaml, and the command's `--help`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.docs.blocks import PAGES, ROOT, Block, blocks
from wasmgate import ConfigError
from wasmgate.config import load

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ROOT / "examples" / "gateway" / "modules"
# What a part of a gateway.yaml leaves out.
REST: dict[str, Any] = {
    "clusters": {"site": {"endpoints": ["http://127.0.0.1:9001"]}},
    "routes": [{"match": {"prefix": "/"}, "cluster": "site"}],
}


def of(language: str, *, wrong: bool = False) -> list[Any]:
    """Return the pages that have blocks in a language, each with its blocks."""
    found = []
    for page in PAGES:
        own = [one for one in blocks(page) if (one.language, one.wrong) == (language, wrong)]
        if own:
            found.append(pytest.param(page, own, id=str(page.relative_to(ROOT))))
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put what the pages name into an empty folder, and work there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("API_KEY", "key")
    (tmp_path / "keys").mkdir()
    key = "token --generate-key --key keys/issuer.pem --subject alice"
    subprocess.run(
        [sys.executable, "-m", "wasmgate", *key.split()], check=True, capture_output=True
    )
    # They stand in for modules of a reader's own: they take any configuration.
    for name in ("own.wasm", "api_version.wasm", "gpustack-rate-limit.wasm"):
        shutil.copyfile(MODULES / "edition.wasm", tmp_path / name)
    guide = blocks(ROOT / "docs" / "guides" / "gateway.md")
    first = next(block for block in guide if block.language == "yaml")
    (tmp_path / "gateway.yaml").write_text(first.text, "utf-8")
    return tmp_path


@pytest.mark.parametrize(("page", "own"), of("python"))
async def test_python_runs(folder: Path, page: Path, own: list[Block]) -> None:
    """The blocks of a page run one after the other; an `app` that they make answers a request."""
    del folder
    names: dict[str, Any] = {"__name__": page.stem}
    for block in own:
        names.pop("app", None)
        code = compile("\n" * block.line + block.text, str(page), "exec")
        exec(code, names)  # noqa: S102 (that is the point)
        if "app" in names:
            transport = httpx.ASGITransport(names["app"])
            async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
                assert (await client.get("/")).status_code < 500, f"{page}:{block.line}"


@pytest.mark.parametrize(("page", "own"), of("yaml"))
def test_yaml_is_a_configuration(folder: Path, page: Path, own: list[Block]) -> None:
    """A whole gateway.yaml, or a part of one."""
    for block in own:
        parsed = yaml.safe_load(block.text)
        rest = {name: value for name, value in REST.items() if name not in parsed}
        file = folder / f"{page.stem}-{block.line}.yaml"
        file.write_text(block.text + (yaml.safe_dump(rest) if rest else ""), "utf-8")
        load(file)


@pytest.mark.parametrize(("page", "own"), of("yaml", wrong=True))
def test_mistakes_are_reported_as_shown(folder: Path, page: Path, own: list[Block]) -> None:
    """The block after a wrong one is what is said of it."""
    all_of_them = blocks(page)
    for block in own:
        (folder / "gateway.yaml").write_text(block.text, "utf-8")
        with pytest.raises(ConfigError) as caught:
            load("gateway.yaml")
        assert caught.value.diagnostics() + "\n" == all_of_them[all_of_them.index(block) + 1].text


HELP = [
    block for page in PAGES for block in blocks(page) if block.text.startswith("Usage: wasmgate")
]


@pytest.mark.parametrize("shown", [block.text for block in HELP], ids=lambda text: text.split()[2])
def test_help_is_what_the_command_says(shown: str) -> None:
    """On a terminal of 80 columns."""
    command = [sys.executable, "-m", "wasmgate", shown.split()[2], "--help"]
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "80", "PYTHONUTF8": "1"}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == shown.strip()
