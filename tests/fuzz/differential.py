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
import logging
import multiprocessing
import os
import pathlib
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import uvloop

from tests.fuzz.findings import COMPARED, Findings, differences
from tests.fuzz.inputs import RESPONSES, conversation
from tests.fuzz.journal import Journal
from tests.fuzz.subjects import Subject, lanes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Sequence

    from tests.fuzz.outcomes import Outcome

# Seconds of patience each time that a difference without a reason is looked at again: beside other
# inputs, then alone.
AT_ONCE = (2.0,)
ALONE = (3.0, 6.0, 12.0)
# Inputs that one process tries before its findings are counted.
BATCH = 50_000


async def fuzz(
    *,
    numbers: Iterable[int],
    width: int,
    patience: float,
    names: Collection[str] = COMPARED,
    journal: Journal | None = None,
) -> Findings:
    """Try the inputs with these numbers in `width` lanes side by side.

    `patience`: seconds until a subject is taken to wait for more.
    `names`: the subjects that are compared to the data plane.
    """
    async with lanes(width, names) as started:
        return await compare(started, numbers, patience=patience, journal=journal)


async def compare(
    started: Sequence[Sequence[Subject]],
    numbers: Iterable[int],
    *,
    patience: float,
    waits: tuple[Sequence[float], Sequence[float]] = (AT_ONCE, ALONE),
    journal: Journal | None = None,
) -> Findings:
    """Try the inputs with these numbers in lanes that run."""
    findings, left, width = Findings(), iter(numbers), len(started)
    at_once, alone = waits
    places, queue = asyncio.Semaphore(width), asyncio.Lock()
    rng = random.Random()  # noqa: S311 (a choice, no secret)

    async def one(subjects: Sequence[Subject]) -> None:
        for number in left:
            rng.seed(number)
            data, response = conversation(rng), rng.choice(RESPONSES)
            async with places:
                try:
                    outcomes = await answers(subjects, data, response, patience)
                except OSError as error:
                    error.add_note(f"a subject has ended, at number {number} or before")
                    raise
                lasting = True
                if differs(data, outcomes):
                    # Most have only been late: this does not stop the other lanes.
                    outcomes, lasting = await again(subjects, data, response, at_once)
            if differs(data, outcomes):
                async with queue, _all(places, width):
                    outcomes, lasting = await again(subjects, data, response, alone)
            for finding in findings.add(number, data, outcomes, lasting=lasting):
                if journal is not None:
                    journal.write(finding)

    await asyncio.gather(*map(one, started))
    compared = [subject.name for subject in started[0] if subject.name != "direct"]
    findings.subjects = Counter(dict.fromkeys(compared, findings.inputs))
    return findings


async def again(
    subjects: Sequence[Subject], data: bytes, response: bytes, waits: Sequence[float]
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
    """Send an input to each subject: not to nginx if the data plane refuses all of it.

    What nginx forwards and the data plane refuses is not a difference.
    """
    outcomes: dict[str, Outcome] = {}
    for last in (False, True):
        asked = [
            (subject, subject.ask(data, response, patience))
            for subject in subjects
            if (subject.name == "nginx") is last
        ]
        for subject, answer in asked:
            outcomes[subject.name] = subject.outcome(await answer)
        direct = outcomes["direct"]
        if not direct.seen and direct.end == "closed":
            break
    return outcomes


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


def _fuzz(numbers: range, *, options: argparse.Namespace, names: Collection[str]) -> Findings:
    # Fields are dropped on purpose, in each lane.
    logging.getLogger("wasmgate").setLevel(logging.ERROR)
    journal, parent = Journal(options.journal, shown=True), os.getppid()
    # Nothing is left behind, nginx neither, when the command is stopped.
    left = itertools.takewhile(lambda _: os.getppid() == parent, numbers)
    work = fuzz(
        numbers=left, width=options.lanes, patience=options.patience, names=names, journal=journal
    )
    return uvloop.run(work)


def _batches(ranges: Iterable[range]) -> list[range]:
    return [
        range(start, min(start + BATCH, numbers.stop))
        for numbers in ranges
        for start in range(numbers.start, numbers.stop, BATCH)
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first input")
    parser.add_argument(
        "--subject",
        action="append",
        choices=COMPARED,
        help="what is compared to the data plane, instead of all",
    )
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=64, help="in each process")
    parser.add_argument("--patience", type=float, default=0.5)
    parser.add_argument("--journal", type=pathlib.Path, help="findings, and what has been tried")
    return parser.parse_args()


def main() -> int:
    """Run, say what was found and return the exit code."""
    options = _options()
    names = tuple(options.subject or COMPARED)
    job = functools.partial(_fuzz, options=options, names=names)
    journal, start, tried = Journal(options.journal), time.monotonic(), 0
    findings = journal.findings()
    wanted = range(options.seed, options.seed + options.inputs)
    batches = _batches(journal.left(wanted, names))
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
