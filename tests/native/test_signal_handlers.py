"""The engine's signal handlers and Python's `faulthandler` in one process."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import faulthandler, signal, sys
{before}
from tests.native.chain_request import Request, load
from tests.native.hostile import ATTACK, hostile
from wasmgate._native import Chain, Host

chain = Chain([load(Host(), hostile({guest!r}))])
{first}
{after}
for attacked in (True, False):
    print(Request(chain, headers=ATTACK if attacked else []).status)
{end}
"""
STATUSES = "503\nNone\n"


def run(
    guest: str, *, before: str = "", first: str = "", after: str = "", end: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program that loads a guest, and lets it crash."""
    program = textwrap.dedent(PROGRAM).format(
        guest=guest, before=before, first=first, after=after, end=end
    )
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60
    )


GUESTS = pytest.mark.parametrize("guest", ["wild_load", "recursion", "divides_by_zero", "exits"])


@GUESTS
@pytest.mark.parametrize("when", ["before", "first"])
def test_a_trap_is_still_a_trap_with_faulthandler(guest: str, when: str) -> None:
    """Enabled before the extension is imported, or after a policy was loaded."""
    finished = run(guest, **{when: "faulthandler.enable()"})
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, STATUSES, "")


@GUESTS
def test_faulthandler_enabled_while_requests_run_may_report_but_not_end(guest: str) -> None:
    """Its handler precedes ours until the host checks, and reports a trap as a crash."""
    finished = run(guest, first="Request(chain, headers=ATTACK)", after="faulthandler.enable()")
    assert (finished.returncode, finished.stdout) == (0, STATUSES)
    assert finished.stderr.count("Fatal Python error") <= 1


def test_a_stack_overflow_on_another_thread_is_a_trap() -> None:
    """A thread that Python started has no room for a handler of its own."""
    finished = run(
        "recursion",
        first="""
import threading
thread = threading.Thread(target=lambda: print(Request(chain, headers=ATTACK).status))
thread.start(); thread.join()""",
    )
    assert (finished.returncode, finished.stdout) == (0, "503\n" + STATUSES)


def test_faulthandler_still_reports_a_crash_of_the_process() -> None:
    """A fault outside of any guest is no trap."""
    finished = run(
        "wild_load",
        after="faulthandler.enable()",
        end="sys.stdout.flush(); faulthandler._sigsegv()",
    )
    assert finished.returncode < 0
    assert finished.stdout == STATUSES
    assert "Segmentation fault" in finished.stderr


def test_without_faulthandler_a_fault_of_the_process_ends_it() -> None:
    """The engine's handler passes on what is not the guests'."""
    finished = run("wild_load", end="sys.stdout.flush(); faulthandler._sigsegv()")
    assert (finished.returncode, finished.stdout) == (-11, STATUSES)
