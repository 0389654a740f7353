"""`wasmgate run` reads plain command lines itself: as typer reads them, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.cli import run as command
from wasmgate.cli.app import app
from wasmgate.cli.plain_run import FLAGS, VALUES, options_of
from wasmgate.cli.run_options import LogLevel, RunOptions

_PARAMETERS = typer.main.get_command(app).commands["run"].params  # type: ignore[attr-defined]
_WORDS = [
    *VALUES,
    *FLAGS,
    *(f"{name}=1" for name in VALUES),
    *("a.yaml", "b.yaml", "", "-", "--", "-1", "--help", "--nope", "--hos", "0", "1", "007"),
    *("65535", "65536", "10000000000", "٣", "1_0", " 1", "+1", "warning", "WARNING", "key.pem"),
]


def by_typer(arguments: list[str]) -> RunOptions | None:
    """Return the options that typer reads; nothing for help and mistakes."""
    found = []

    def take(options: RunOptions) -> int:
        found.append(options)
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "run_gateway", take)
        with pytest.raises(SystemExit):
            app(arguments, prog_name="wasmgate")
    return found[0] if found else None


def test_every_option_is_known() -> None:
    """An option that is added to the command is added to the plain form, too."""
    options = {
        name for one in _PARAMETERS for name in (*one.opts, *one.secondary_opts) if name[0] == "-"
    }
    assert options - {"--help"} == {*VALUES, *FLAGS}


@pytest.mark.parametrize(
    "line",
    [
        "a.yaml",
        "a.yaml --host ::1 --port 0",
        "--port=65535 a.yaml --threads 4",
        "--workers 2 --log-level trace --access-log a.yaml",
        "a.yaml --no-access-log --asgi",
        "a.yaml --tls-certificate chain.pem --tls-key=key.pem",
    ],
)
def test_a_plain_line_is_read_as_typer_reads_it(line: str) -> None:
    """To the last option."""
    arguments = ["run", *line.split()]
    expected = by_typer(arguments)
    assert expected is not None
    assert expected == options_of(arguments)


def test_options_that_are_not_given_have_the_defaults_of_the_command() -> None:
    """Those that its help shows."""
    assert options_of(["run", "a.yaml"]) == RunOptions(
        config=Path("a.yaml"), workers=1, log_level=LogLevel.INFO, access_log=False, asgi=False
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "check a.yaml",
        "run",
        "run a.yaml b.yaml",
        "run a.yaml --help",
        "run a.yaml --port",
        "run a.yaml --port x",
        "run a.yaml --port 65536",
        "run a.yaml --workers 0",
        "run a.yaml --workers 1 --workers 2",
        "run a.yaml --log-level loud",
        "run a.yaml --tls-key key.pem",
        "run a.yaml --asgi --workers 2",
        "run a.yaml --access-log=yes",
        "run -- a.yaml",
    ],
)
def test_what_is_not_plain_is_left_to_typer(line: str) -> None:
    """It says what is wrong, or shows the help."""
    assert options_of(line.split()) is None


@given(st.lists(st.sampled_from(_WORDS), max_size=6))
def test_no_line_is_read_otherwise_than_by_typer(words: list[str]) -> None:
    """Whatever is on it: plain lines agree, and mistakes are typer's."""
    arguments = ["run", *words]
    read = options_of(arguments)
    assert read is None or read == by_typer(arguments)
