"""The same bytes to both forms of the gateway and to nginx, each before the same kind of upstream.

    python -m tests.fuzz.differential --inputs 1000000 --seed 0 --journal fuzz.jsonl

Compares what the upstreams saw and what came back. Differences that are explained in
docs/contributing/differences.md are counted; an input that differs otherwise is sent again, alone
and with more patience, and the command fails if it differs each time. Such a finding is written at
once. With a journal, a run that was stopped goes on where it was; `--inputs 0` sums a journal up.
An input is made from its number alone: `--seed N --inputs 1` repeats number N.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import functools
import itertools
import multiprocessing
import os
import pathlib
import random
import sys
import time
from typing import TYPE_CHECKING

import uvloop

from tests.fuzz.findings import Findings, differences
from tests.fuzz.inputs import RESPONSES, conversation
from tests.fuzz.journal import Journal
from tests.fuzz.subjects import Subject, lanes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from tests.fuzz.outcomes import Outcome

# Seconds of patience each time that a difference without a reason is looked at again.
AGAIN = (3.0, 6.0, 12.0)
# Inputs that one process tries before its findings are counted.
BATCH = 5_000


async def fuzz(
    *, numbers: Iterable[int], width: int, patience: float, journal: Journal | None = None
) -> Findings:
    """Try the inputs with these numbers in `width` lanes side by side.

    `patience`: seconds until a subject is taken to wait for more.
    """
    findings = Findings()
    left = iter(numbers)
    places, queue = asyncio.Semaphore(width), asyncio.Lock()

    async def one(subjects: Sequence[Subject]) -> None:
        for number in left:
            rng = random.Random(number)  # noqa: S311 (a choice, no secret)
            data, response = conversation(rng), rng.choice(RESPONSES)
            async with places:
                outcomes = await answers(subjects, data, response, patience)
            if differs(data, outcomes):
                async with queue, _all(places, width):
                    outcomes, lasting = await again(subjects, data, response)
            else:
                lasting = True
            for finding in findings.add(number, data, outcomes, lasting=lasting):
                if journal is not None:
                    journal.write(finding)

    async with lanes(width) as started:
        await asyncio.gather(*map(one, started))
    return findings


async def again(
    subjects: Sequence[Subject], data: bytes, response: bytes, waits: Sequence[float] = AGAIN
) -> tuple[dict[str, Outcome], bool]:
    """Send an input that differed again: the last outcomes, and whether it differed each time.

    A difference that does not come back is that of a late server.
    """
    outcomes: dict[str, Outcome] = {}
    for patience in waits:
        await asyncio.sleep(patience)  # nothing of the time before may come any more
        outcomes = await answers(subjects, data, response, patience)
        if not differs(data, outcomes):
            return outcomes, False
    return outcomes, True


def differs(data: bytes, outcomes: dict[str, Outcome]) -> bool:
    """Return whether there is a difference without a reason."""
    return any(reason is None for *_, reason in differences(data, outcomes))


async def answers(
    subjects: Sequence[Subject], data: bytes, response: bytes, patience: float
) -> dict[str, Outcome]:
    """Send an input to each subject."""
    came = (subject.answer(data, response, patience) for subject in subjects)
    outcomes = await asyncio.gather(*came)
    return dict(zip((subject.name for subject in subjects), outcomes, strict=True))


@contextlib.asynccontextmanager
async def _all(places: asyncio.Semaphore, width: int) -> AsyncIterator[None]:
    """Wait until all lanes have stopped, and hold them; for one task at a time."""
    taken = 0
    try:
        while taken < width:
            await places.acquire()
            taken += 1
        yield
    finally:
        for _ in range(taken):
            places.release()


def _fuzz(numbers: range, *, width: int, patience: float, path: pathlib.Path | None) -> Findings:
    journal, parent = Journal(path, shown=True), os.getppid()
    # Nothing is left behind, nginx neither, when the command is stopped.
    left = itertools.takewhile(lambda _: os.getppid() == parent, numbers)
    return uvloop.run(fuzz(numbers=left, width=width, patience=patience, journal=journal))


def _batches(ranges: Iterable[range]) -> list[range]:
    return [
        range(start, min(start + BATCH, numbers.stop))
        for numbers in ranges
        for start in range(numbers.start, numbers.stop, BATCH)
    ]


def main() -> int:
    """Run, say what was found and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first input")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=32, help="in each process")
    parser.add_argument("--patience", type=float, default=0.5)
    parser.add_argument("--journal", type=pathlib.Path, help="findings, and what has been tried")
    options = parser.parse_args()
    job = functools.partial(
        _fuzz, width=options.lanes, patience=options.patience, path=options.journal
    )
    journal, start, tried = Journal(options.journal), time.monotonic(), 0
    findings = journal.findings()
    batches = _batches(journal.left(range(options.seed, options.seed + options.inputs)))
    # A process for each batch: what one has opened never piles up.
    with concurrent.futures.ProcessPoolExecutor(
        options.processes, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        jobs = {pool.submit(job, numbers): numbers for numbers in batches}
        for done in concurrent.futures.as_completed(jobs):
            batch = done.result()
            journal.write(batch.record(jobs[done]))
            findings.merge(batch)
            tried += batch.inputs
            rate = tried / (time.monotonic() - start)
            print(f"{findings.inputs} inputs, {rate:.0f} a second", file=sys.stderr, flush=True)
    print("\n".join(findings.lines()))
    return int(bool(findings.found))


if __name__ == "__main__":
    sys.exit(main())
