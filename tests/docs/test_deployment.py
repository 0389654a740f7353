"""What the pages about systemd and containers say is tried as far as it can be without either."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT, Block, blocks

if TYPE_CHECKING:
    from pathlib import Path

GUIDES = ROOT / "docs" / "guides"


def only(page: str, language: str) -> Block:
    """Return the one block of a page in a language."""
    (found,) = [block for block in blocks(GUIDES / page) if block.language == language]
    return found


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """Install the command `wasmgate`, as the pages call it."""
    path = tmp_path / "bin" / "wasmgate"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m wasmgate "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path, command: Path) -> None:
    """It knows each key, and each value has the right form."""
    unit = tmp_path / "wasmgate.service"
    text = only("systemd.md", "ini").text
    unit.write_text(text.replace("/opt/wasmgate/bin/wasmgate", str(command)))
    verify = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert (done.stdout + done.stderr, done.returncode) == ("", 0)


def test_the_image_compiles_its_policies(tmp_path: Path, command: Path) -> None:
    """The step of the Dockerfile that prepares the image's configuration, in a new home."""
    steps = only("docker.md", "dockerfile").text.splitlines()
    (step,) = [line.removeprefix("RUN ") for line in steps if "wasmgate check" in line]
    (tmp_path / "gateway.yaml").write_text(only("docker.md", "yaml").text)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("XDG_")},
        "HOME": str(tmp_path),
        "PATH": f"{command.parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["sh", "-c", step],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".cache" / "wasmgate").stat().st_mode & 0o777 == 0o700
