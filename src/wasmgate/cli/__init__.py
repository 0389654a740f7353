"""The command line: one file a command, registered in `wasmgate.cli.app.COMMANDS`."""

from wasmgate.cli.app import COMMANDS, app, main

__all__ = ["COMMANDS", "app", "main"]
