"""`wasmgate check`."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from wasmgate.config import json_schema

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

GOOD = """
    policies:
      limit: {module: rate_limit, configuration: {limit: 100/minute}}
    clusters: {site: {endpoints: [http://127.0.0.1:9003]}}
    routes: [{match: {host: api.example, prefix: /a/}, cluster: site, policies: [limit]}]
"""
REFUSED = GOOD.replace("100/minute", "nonsense")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a file that can be run."""
    path = tmp_path / "gateway.yaml"
    path.write_text(dedent(GOOD))
    return path


COMPILED = "policy 'limit' is compiled ("


def test_what_can_be_run_is_0(config: Path, wasmgate: Command) -> None:
    """Nothing on stderr then, but what takes seconds at the first time."""
    first, second = (wasmgate("check", str(config)) for _ in range(2))
    assert (first.returncode, first.stderr.startswith(COMPILED), len(first.stderr.split("\n"))) == (
        0,
        True,
        2,
    )
    assert (second.returncode, second.stderr) == (0, "")


def test_each_policy_has_a_row(config: Path, wasmgate: Command) -> None:
    """Name, module, ABI and verdict."""
    rows = wasmgate("check", str(config)).stdout.splitlines()
    (row,) = [row for row in rows if "rate_limit" in row]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert (cells[:3], cells[-1]) == (["limit", "rate_limit", "0.2.1"], "ok")


def test_each_route_has_a_row(config: Path, wasmgate: Command) -> None:
    """Host, prefix, policies and cluster."""
    rows = wasmgate("check", str(config)).stdout.splitlines()
    (row,) = [row for row in rows if "api.example" in row]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["api.example", "/a/", "limit", "site"]


def test_a_second_check_finds_the_compiled_module(config: Path, wasmgate: Command) -> None:
    """The cache outlives the command."""
    first, second = (wasmgate("check", str(config)).stdout for _ in range(2))
    assert ("compiled" in first, "cached" in second) == (True, True)


def test_a_refused_configuration_is_1(config: Path, wasmgate: Command) -> None:
    """The policy is named, and its own words are passed on."""
    config.write_text(dedent(REFUSED))
    done = wasmgate("check", str(config))
    assert (done.returncode, "policy 'limit'" in done.stderr, "nonsense" in done.stderr) == (
        1,
        True,
        True,
    )


def test_mistakes_in_the_file_are_listed(config: Path, wasmgate: Command) -> None:
    """Each with its line; nothing is compiled."""
    config.write_text("routes: []\nclusters: {}\nroute: 1\n")
    done = wasmgate("check", str(config))
    lines = [line for line in done.stderr.splitlines() if line.startswith(f"{config}:")]
    assert (done.returncode, len(lines), done.stdout) == (1, 2, "")


def test_warnings_do_not_fail(config: Path, wasmgate: Command) -> None:
    """They are for a person to judge."""
    config.write_text(dedent(GOOD).replace(", policies: [limit]", ""))
    wasmgate("check", str(config))
    done = wasmgate("check", str(config))
    assert (done.returncode, done.stderr) == (
        0,
        "warning: policies.limit: neither a route nor `background` uses it\n",
    )


def test_the_schema_is_written_without_a_file(wasmgate: Command) -> None:
    """For editors."""
    assert json.loads(wasmgate("check", "--schema").stdout) == json_schema()
