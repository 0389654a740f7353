"""Every hostcall gives in every phase what it must; the page shows what it gives."""

from __future__ import annotations

import pytest

from tests.docs.blocks import ROOT
from tests.docs.test_reference import rows
from wasmgate.conformance.cases import CASES, Case
from wasmgate.conformance.matrix import as_markdown
from wasmgate.conformance.phases import PHASES
from wasmgate.conformance.run import Finding, run
from wasmgate.conformance.statuses import Status

# Its functions are not part of the ABI.
EMSCRIPTEN = {name for name in rows("abi.md", "Hostcalls") if not name.startswith("proxy_")}


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    """Probe everything once."""
    return run()


def test_every_status_is_right(findings: list[Finding]) -> None:
    """None differs from the specification, and none would make an SDK panic."""
    wrong = [(one.case.label, one.phase.name, one.status) for one in findings if not one.right]
    assert wrong == []


def test_every_hostcall_is_probed() -> None:
    """As many as the page of the ABI names."""
    probed = {case.hostcall for case in CASES}
    assert set(rows("abi.md", "Hostcalls")) - EMSCRIPTEN - probed == set()


@pytest.mark.parametrize("status", sorted({case.expected for case in CASES}))
def test_every_status_that_is_expected_is_seen(findings: list[Finding], status: Status) -> None:
    """A probe that reports nothing would be right nowhere."""
    assert status in {one.status for one in findings}


def test_every_phase_comes_about(findings: list[Finding]) -> None:
    """A line of the guest is logged in each of them."""
    logged = {
        one.phase.name
        for one in findings
        if (one.case.hostcall, one.case.label, one.status) == ("proxy_log", "a line", Status.OK)
    }
    assert logged == {phase.name for phase in PHASES}


def test_the_page_shows_what_is_found(findings: list[Finding]) -> None:
    """`wasmgate conformance --markdown` writes its table."""
    page = (ROOT / "docs" / "reference" / "conformance.md").read_text("utf-8")
    assert page.split("\n| hostcall", 1)[1].rstrip() == as_markdown(findings)[len("| hostcall") :]


def test_a_wrong_status_is_not_right() -> None:
    """Held against a status that the host does not give."""
    case = next(case for case in CASES if case.hostcall == "proxy_get_log_level")
    other = Case(case.hostcall, case.label, case.calls, Status.EMPTY, case.where)
    found = run(containing="proxy_get_log_level")[5]
    assert (found.right, Finding(other, found.phase, found.status).right) == (True, False)
