"""The command as a whole: help, version, codes, and what becomes of mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wasmgate import __version__
from wasmgate.cli.app import COMMANDS
from wasmgate.cli.exit_codes import EPILOG, ExitCode

if TYPE_CHECKING:
    from tests.cli.conftest import Command

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_version_is_one_line_on_stdout(wasmgate_process: Command) -> None:
    """For scripts."""
    done = wasmgate_process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"wasmgate {__version__}\n", "")


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_documents_the_exit_codes(command: list[str], wasmgate: Command) -> None:
    """Of the whole and of each command."""
    done = wasmgate(*command, "--help")
    assert (done.returncode, EPILOG in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [[], ["nope"], ["--nope"], ["check"], ["run"], ["run", "a.yaml", "--workers", "0"]],
    ids=" ".join,
)
def test_a_wrong_command_line_is_2(arguments: list[str], wasmgate: Command) -> None:
    """What to write instead goes to stderr."""
    done = wasmgate(*arguments)
    assert (done.returncode, done.stdout, "Usage: " in done.stderr) == (2, "", True)


@pytest.mark.parametrize("command", ["run", "check", "inspect"])
def test_a_missing_file_is_1_without_a_traceback(command: str, wasmgate: Command) -> None:
    """A person's mistake is a message."""
    done = wasmgate(command, "./none.yaml")
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (
        1,
        "",
        {"inspect": "error: there is no module none.yaml"}.get(
            command, "error: none.yaml cannot be read: No such file or directory"
        ),
    )


def test_every_exit_code_is_in_the_reference() -> None:
    """docs/reference/cli.md has a row for each."""
    text = REFERENCE.read_text("utf-8")
    assert [code for code in ExitCode if f"| {code.value} |" not in text] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reference_has_the_help_of_each_command(command: str, wasmgate: Command) -> None:
    """Word for word, as the command prints it."""
    said = wasmgate(command, "--help").stdout.rstrip()
    assert said in REFERENCE.read_text("utf-8")
