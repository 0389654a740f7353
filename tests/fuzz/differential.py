"""The same bytes to both forms of the gateway and to nginx, each before the same kind of upstream.

    python -m tests.fuzz.differential --inputs 1000000 --seed 0 --processes 2

Compares what the upstreams saw and what came back. Differences that are explained in
docs/contributing/differences.md are counted; of all others an example is printed, and the command
fails. An input is made from its number alone: `--seed N --inputs 1` repeats number N.
"""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import functools
import multiprocessing
import random
import sys
import time
from typing import TYPE_CHECKING

import uvloop

from tests.fuzz.findings import Findings, differences
from tests.fuzz.inputs import RESPONSES, conversation
from tests.fuzz.subjects import Subject, lanes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.fuzz.outcomes import Outcome

# A difference without a reason must show again, with this many seconds of patience.
CERTAIN = 3.0
# Inputs that one process tries before its findings are counted.
BATCH = 20_000


async def fuzz(*, numbers: Iterable[int], width: int, patience: float) -> Findings:
    """Try the inputs with these numbers in `width` lanes side by side.

    `patience`: seconds until a subject is taken to wait for more.
    """
    findings = Findings()
    left = iter(numbers)

    async def one(subjects: Sequence[Subject]) -> None:
        for number in left:
            rng = random.Random(number)  # noqa: S311 (a choice, no secret)
            data, response = conversation(rng), rng.choice(RESPONSES)
            outcomes = await _answers(subjects, data, response, patience)
            if any(reason is None for *_, reason in differences(data, outcomes)):
                findings.repeated += 1
                await asyncio.sleep(CERTAIN)  # nothing of the first time may come any more
                outcomes = await _answers(subjects, data, response, CERTAIN)
            findings.add(number, data, outcomes)

    async with lanes(width) as started:
        await asyncio.gather(*map(one, started))
    return findings


async def _answers(
    subjects: Sequence[Subject], data: bytes, response: bytes, patience: float
) -> dict[str, Outcome]:
    answers = (subject.answer(data, response, patience) for subject in subjects)
    outcomes = await asyncio.gather(*answers)
    return dict(zip((subject.name for subject in subjects), outcomes, strict=True))


def _fuzz(numbers: range, *, width: int, patience: float) -> Findings:
    return uvloop.run(fuzz(numbers=numbers, width=width, patience=patience))


def _batches(seed: int, inputs: int) -> Iterator[range]:
    for start in range(seed, seed + inputs, BATCH):
        yield range(start, min(start + BATCH, seed + inputs))


def main() -> int:
    """Run, print what was found and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0, help="the number of the first input")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=32, help="in each process")
    parser.add_argument("--patience", type=float, default=0.5)
    options = parser.parse_args()
    job = functools.partial(_fuzz, width=options.lanes, patience=options.patience)
    findings, start = Findings(), time.monotonic()
    # A process for each batch: what one has opened never piles up.
    with concurrent.futures.ProcessPoolExecutor(
        options.processes, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        jobs = [pool.submit(job, numbers) for numbers in _batches(options.seed, options.inputs)]
        for done in concurrent.futures.as_completed(jobs):
            findings.merge(done.result())
            rate = findings.inputs / (time.monotonic() - start)
            print(f"{findings.inputs} inputs, {rate:.0f} a second", file=sys.stderr, flush=True)
    print("\n".join(findings.lines()))
    return int(bool(findings.found))


if __name__ == "__main__":
    sys.exit(main())
