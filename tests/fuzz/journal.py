"""What a long run keeps: each finding when it is made, and which inputs were tried.

A file of JSON, one record a line, which several processes may append to.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

from tests.fuzz.findings import COMPARED, COUNTERS, Findings

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Collection, Iterator

    from tests.fuzz.findings import Record


class Journal:
    """Appends to a file, if there is one, and shows findings, if they are to be `shown`."""

    def __init__(self, path: pathlib.Path | None, *, shown: bool = False) -> None:
        self._path = path
        self._shown = shown

    def write(self, record: Record) -> None:
        """Write a record, at once."""
        line = json.dumps(record)
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        if self._shown:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def findings(self) -> Findings:
        """Return what batches that were tried to their end found."""
        findings = Findings()
        for record in self._batches():
            counters: dict[str, Counter[str]] = {name: Counter(record[name]) for name in COUNTERS}
            start, stop = record["tried"]
            subjects = Counter(dict.fromkeys(record.get("subjects", COMPARED), stop - start))
            findings.merge(
                Findings(stop - start, subjects=subjects, once=record["once"], **counters)
            )
        return findings

    def left(self, numbers: range, names: Collection[str]) -> list[range]:
        """Return which of these inputs were not tried yet with all the subjects `names`."""
        left = [numbers] if numbers else []
        for record in self._batches():
            if not set(names) <= set(record.get("subjects", COMPARED)):
                continue
            start, stop = record["tried"]
            parts = [
                part
                for one in left
                for part in (
                    range(one.start, min(one.stop, start)),
                    range(max(one.start, stop), one.stop),
                )
            ]
            left = [part for part in parts if part]
        return left

    def _batches(self) -> Iterator[Record]:
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_text("utf-8").splitlines():
            record: Record = json.loads(line)
            if "tried" in record:
                yield record
