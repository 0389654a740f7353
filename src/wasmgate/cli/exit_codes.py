"""Exit codes of the command. docs/reference/cli.md has the same table."""

from enum import IntEnum

__all__ = ["EPILOG", "ExitCode"]


class ExitCode(IntEnum):
    """A clean stop of `wasmgate run`, by Ctrl-C or SIGTERM, is `OK`."""

    OK = 0
    """Success, without a problem."""

    PROBLEM = 1
    """A configuration, a module or a key cannot be used; stderr says why."""

    USAGE = 2
    """The command line is invalid."""

    LISTEN = 3
    """The gateway cannot listen on the address."""


EPILOG = "Exit codes: 0 ok, 1 a problem was found, 2 wrong usage, 3 could not listen."
