"""The same bytes to both forms of the gateway and to nginx, each before the same kind of upstream.

    python -m tests.fuzz.differential --seconds 600

Compares what the upstreams saw and what came back. Differences that are explained in
docs/contributing/differences.md are counted; of all others an example is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvloop

from tests.fuzz.inputs import RESPONSES, conversation
from tests.fuzz.outcomes import Outcome, compare_forms, compare_nginx
from tests.fuzz.recorder import Recorder, replies
from tests.gateway.serving import FORMS, configuration, serve
from wasmgate.gateway import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin")


@dataclass
class Subject:
    """A server under test, and its upstream."""

    name: str
    port: int
    upstream: Recorder

    async def answer(self, data: bytes, response: bytes, patience: float) -> Outcome:
        """Send one input over a connection of its own."""
        self.upstream.response = response
        self.upstream.seen.clear()
        came, end = await replies(self.port, data, patience)
        return Outcome(tuple(self.upstream.seen), tuple(came), end)


@contextlib.asynccontextmanager
async def lane() -> AsyncIterator[list[Subject]]:
    """Start every subject once."""
    async with contextlib.AsyncExitStack() as stack:
        subjects: list[Subject] = []
        for name, http in FORMS.items():
            upstream = Recorder()
            gateway = Gateway(configuration(f"http://127.0.0.1:{await upstream.start()}"))
            port = await stack.enter_async_context(serve(gateway, http=http, log_level="critical"))
            subjects.append(Subject(name, port, upstream))
            stack.callback(upstream.server.close)
        if NGINX is not None:
            upstream = Recorder()
            port = stack.enter_context(nginx(await upstream.start()))
            stack.callback(upstream.server.close)
            subjects.append(Subject("nginx", port, upstream))
            await listening(port)
        yield subjects


@contextlib.contextmanager
def nginx(upstream: int) -> Iterator[int]:
    """Run nginx on a free port before an upstream."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        path = pathlib.Path(folder, "nginx.conf")
        path.write_text(f"""
daemon off; master_process off; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 512; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; merge_slashes off;
    location / {{ proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1;
      proxy_request_buffering off; proxy_set_header Host $http_host; }} }} }}
""")
        process = subprocess.Popen([str(NGINX), "-c", str(path), "-e", "/dev/null"])
        yield port
        process.terminate()
        process.wait()


async def listening(port: int) -> None:
    """Wait until something listens."""
    while True:
        with contextlib.suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
            return
        await asyncio.sleep(0.05)


COMPARE = {"asgi": compare_forms, "nginx": compare_nginx}


@dataclass
class Findings:
    """How many inputs there were, and the differences between them: expected, and by name."""

    inputs: int = 0
    known: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[bytes, Outcome, Outcome]] = field(default_factory=dict)

    def add(self, data: bytes, outcomes: dict[str, Outcome]) -> None:
        """Compare what the subjects made of an input."""
        self.inputs += 1
        direct = outcomes["direct"]
        for name in outcomes.keys() & COMPARE.keys():
            difference = COMPARE[name](data, direct, outcomes[name])
            if difference is None:
                continue
            what, reason = difference
            if reason is not None:
                self.known[f"{name}: {reason}"] += 1
            else:
                self.found[f"{name}: {what}"] += 1
                self.examples.setdefault(f"{name}: {what}", (data, direct, outcomes[name]))


async def fuzz(*, seed: int, seconds: float, lanes: int, count: int, patience: float) -> Findings:
    """Try `count` inputs in lanes side by side, each with subjects of its own.

    `patience`: seconds until a subject is taken to wait for more.
    """
    findings = Findings()
    until = time.monotonic() + seconds
    numbers = iter(range(seed, seed + count))

    async def one() -> None:
        async with lane() as subjects:
            names = [subject.name for subject in subjects]
            for number in numbers:
                if time.monotonic() > until:
                    return
                rng = random.Random(number)  # noqa: S311 (a choice, no secret)
                data, response = conversation(rng), rng.choice(RESPONSES)
                answers = (subject.answer(data, response, patience) for subject in subjects)
                try:
                    outcomes = await asyncio.gather(*answers)
                except ConnectionRefusedError:
                    return  # a signal has stopped the servers
                findings.add(data, dict(zip(names, outcomes, strict=True)))

    await asyncio.gather(*(one() for _ in range(lanes)))
    return findings


def main() -> None:
    """Run, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=6)
    parser.add_argument("--patience", type=float, default=0.5)
    options = parser.parse_args()
    findings = uvloop.run(
        fuzz(
            seed=options.seed,
            seconds=options.seconds,
            lanes=options.lanes,
            count=10**9,
            patience=options.patience,
        )
    )
    print(f"{findings.inputs} inputs")
    for name, number in findings.known.most_common():
        print(f"{number} x {name}")
    for name, number in findings.found.most_common():
        data, *both = findings.examples[name]
        print(f"\n{number} x {name}\n  {data!r}")
        for outcome in both:
            print(f"  {outcome.statuses} {outcome.end} {outcome.forwarded}")
            print(f"    {[message.fields for message in outcome.seen]}")


if __name__ == "__main__":
    main()
