"""The clients and the upstream of the gateways: one program, `peers/load`, that never sleeps."""

from __future__ import annotations

import json
import subprocess
from typing import IO, TYPE_CHECKING, Any, Self, cast

from processes import free_port, listens, pinned, used, waited

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class Generator:
    """Loads gateways and is the upstream behind them, from `with` to its end."""

    def __init__(self, program: Path, *options: str, wanted: set[int]) -> None:
        self.upstream = f"127.0.0.1:{free_port()}"
        with pinned(wanted):
            self._process = subprocess.Popen(
                [str(program), "-upstream", self.upstream, *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._commands = cast("IO[str]", self._process.stdin)
        self._reports = cast("IO[str]", self._process.stdout)

    def __enter__(self) -> Self:
        if not listens(self.upstream, self._process):
            self.__exit__(None, None, None)
            raise RuntimeError("the upstream does not listen")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def cpu(self) -> float:
        """Return the seconds of CPU time that it has taken."""
        return used(self._process.pid)

    def waited(self) -> float:
        """Return the seconds for which its one thread was ready and had no core."""
        return waited(self._process.pid)

    def load(self, **command: object) -> dict[str, Any]:
        """Perform a command (see `command` in command.go) and return its report.

        Raises RuntimeError when it could not be performed, or a request was not answered 200.
        """
        report = self.attempt(**command)
        if set(report["statuses"]) != {"200"} or report["errors"]:
            raise RuntimeError(
                f"the run is not valid, the statuses are {report['statuses']}, "
                f"and {report['errors']} requests were not answered"
            )
        return report

    def attempt(self, **command: object) -> dict[str, Any]:
        """Perform a command whose requests may fail.

        Raises RuntimeError when it could not be performed.
        """
        self._commands.write(json.dumps(command) + "\n")
        self._commands.flush()
        line = self._reports.readline()
        report: dict[str, Any] = json.loads(line) if line else {"error": "it has ended"}
        if "error" in report:
            raise RuntimeError(f"the load generator says: {report['error']}")
        return report
