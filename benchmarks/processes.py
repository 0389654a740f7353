"""Processes under measurement: pinned to cores, with the CPU time and memory of their whole tree.

Linux only: it reads /proc (proc_pid_stat(5)).
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_IDLE = slice(3, 5)  # of a core in /proc/stat: idle, and idle because of I/O
# Fields of /proc/<pid>/stat, counted from the state, which is the third.
_PARENT = 1
_TIMES = slice(11, 15)  # utime, stime, and those of children that ended
_RSS = 21


def cores() -> tuple[set[int], set[int]]:
    """Return the core of the gateway, and those of load and upstream.

    Raises RuntimeError when there is one core only: both would share it.
    """
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) == 1:
        raise RuntimeError("one core is not enough: gateway and load need one each")
    return {usable[-1]}, set(usable[:-1])


def idle(wanted: set[int]) -> float:
    """Return the seconds for which these cores had nothing to do, since the machine started."""
    names = {f"cpu{core}" for core in wanted}
    lines = map(str.split, Path("/proc/stat").read_text("ascii").splitlines())
    return sum(sum(map(int, times[_IDLE])) for name, *times in lines if name in names) / _TICKS


def used(pid: int) -> float:
    """Return the seconds of CPU time that a program without children has taken."""
    stat = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, stat[_TIMES])) / _TICKS


def waited(pid: int) -> float:
    """Return the seconds for which a program's first thread was ready and had no core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[1]) / 1e9


@contextlib.contextmanager
def pinned(wanted: set[int]) -> Iterator[None]:
    """Give what is started in here these cores and no others."""
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def listens(address: str, process: subprocess.Popen[Any]) -> bool:
    """Wait until `process` accepts connections; False when it ends, or takes too long."""
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
            return True
        time.sleep(0.02)
    return False


class Server:
    """A program that serves a port of the loopback interface, from `with` to its end."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        port: int,
        wanted: set[int],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port
        self.log = log
        with log.open("wb") as output, pinned(wanted):
            self._process = subprocess.Popen(
                command,
                env={**os.environ, **(environment or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> Self:
        if not listens(f"127.0.0.1:{self.port}", self._process):
            self.__exit__(None, None, None)
            raise RuntimeError(f"{self._process.args!r} does not serve:\n{self.said()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        """Return the end of what the program wrote."""
        return self.log.read_text("utf-8", "replace")[-2000:]

    def cpu(self) -> float:
        """Return the seconds of CPU time that the program and its children have taken."""
        return sum(sum(map(int, stat[_TIMES])) for stat in self._tree()) / _TICKS

    def rss(self) -> float:
        """Return the resident memory of the program and its children, in megabytes (10**6)."""
        return sum(int(stat[_RSS]) for stat in self._tree()) * _PAGE / 1e6

    def pids(self) -> set[int]:
        """Return the processes: the program and its children."""
        return set(self._stats_by_pid())

    def _tree(self) -> list[list[str]]:
        return list(self._stats_by_pid().values())

    def _stats_by_pid(self) -> dict[int, list[str]]:
        stats = dict(_stats())
        wanted = {self._process.pid}
        while more := {pid for pid, stat in stats.items() if int(stat[_PARENT]) in wanted} - wanted:
            wanted |= more
        return {pid: stats[pid] for pid in wanted}


def _stats() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name of the command, in parentheses, may have spaces in it.
            yield int(path.parent.name), path.read_text("utf-8").rpartition(")")[2].split()
