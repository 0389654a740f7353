"""A long run of the fuzzer can be stopped, and says what it found when it finds it."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from tests.fuzz.findings import Findings
from tests.fuzz.journal import Journal
from tests.fuzz.outcomes import Outcome
from tests.fuzz.recorder import Message

if TYPE_CHECKING:
    import pathlib

ANSWERED = Outcome((), (Message(b"HTTP/1.1 200 OK", (), b""),), "closed")
REFUSED = Outcome((), (Message(b"HTTP/1.1 500 No", (), b""),), "closed")


def test_a_finding_is_in_the_file_when_it_is_made(tmp_path: pathlib.Path) -> None:
    """It is written before the batch has ended, with the number of the input."""
    path = tmp_path / "journal"
    outcomes = {"direct": ANSWERED, "asgi": REFUSED}
    for record in Findings().add(7, b"GET / HTTP/1.1\r\n\r\n", outcomes, lasting=True):
        Journal(path).write(record)
    written = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [(one["input"], one["finding"]) for one in written] == [
        (7, "asgi: statuses [200] [500]")
    ]


def test_a_difference_that_does_not_come_back_is_counted_apart() -> None:
    """It is not a finding, and its number is kept."""
    findings = Findings()
    same = {"direct": ANSWERED, "asgi": ANSWERED}
    records = list(findings.add(7, b"GET / HTTP/1.1\r\n\r\n", same, lasting=False))
    assert (records, findings.once, findings.found) == ([{"once": 7}], 1, Counter())


def test_a_run_goes_on_with_what_was_not_tried(tmp_path: pathlib.Path) -> None:
    """Batches may have been tried in any order."""
    journal = Journal(tmp_path / "journal")
    for numbers in (range(40, 50), range(10, 20)):
        journal.write(Findings(inputs=10).record(numbers))
    assert journal.left(range(15, 60), []) == [range(20, 40), range(50, 60)]


def test_what_was_tried_without_a_subject_is_tried_with_it(tmp_path: pathlib.Path) -> None:
    """A journal may have runs with all subjects and with some; one of old is with all."""
    journal = Journal(tmp_path / "journal")
    journal.write(Findings(10, subjects=Counter(nginx=10)).record(range(10)))
    journal.write({"tried": [10, 20], "once": 0, "known": {}, "found": {}})
    left = [journal.left(range(25), names) for names in (["nginx"], ["asgi", "nginx"])]
    assert left == [[range(20, 25)], [range(10), range(20, 25)]]


def test_what_was_found_before_a_stop_is_counted_after_it(tmp_path: pathlib.Path) -> None:
    """The sum of a journal is that of its batches."""
    journal = Journal(tmp_path / "journal")
    first = Findings(
        10, subjects=Counter(asgi=10, nginx=10), once=1, known=Counter(a=2), found=Counter(b=1)
    )
    second = Findings(5, subjects=Counter(nginx=5), known=Counter(a=1))
    journal.write(first.record(range(10)))
    journal.write({"once": 3})
    journal.write(second.record(range(10, 15)))
    both = Counter(asgi=10, nginx=15)
    sums = Findings(15, subjects=both, once=1, known=Counter(a=3), found=Counter(b=1))
    assert journal.findings() == sums
