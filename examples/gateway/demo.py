"""The gateway and its policies on real requests: `nox -s demo` runs it.

    demo.py            send the requests, print the table, exit 0 if every row passed, else 1
    demo.py --serve    the same, then keep serving and print curl lines with a token

An upstream and the gateway are started on free ports of loopback. The gateway reads a copy of
gateway.yaml, made in a temporary folder with a new key pair and the upstream's address.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from checks import checks
from rich.console import Console
from rich.table import Table
from rich.text import Text
from serving import listener, serving, url_of
from swap import swap
from tokens import Issuer
from upstream import orders

from wasmgate import Gateway

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from checks import Check

HERE = Path(__file__).parent
UPSTREAM = "http://127.0.0.1:9001"  # as gateway.yaml has it
CURL = """\
Serving on {url}; Ctrl-C stops it. In another shell:

TOKEN={token}

curl -i {url}/v1/orders/7 -H "Authorization: Bearer $TOKEN"
curl -i {url}/v1/orders/7
for i in $(seq 12); do \
curl -s -o /dev/null -w '%{{http_code}} ' -H "Authorization: Bearer $TOKEN" {url}/v1/orders/7; done
curl -i {url}/loop/ -H 'x-loop: 1'
"""


def main() -> int:
    """Do what the command line says and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--serve", action="store_true", help="keep serving afterwards")
    arguments = parser.parse_args()
    console = Console()
    logging.getLogger("wasmgate").addHandler(logging.NullHandler())  # the table says it
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(_demo(console, Path(folder), serve=arguments.serve))
    return 0


async def _demo(console: Console, folder: Path, *, serve: bool) -> int:
    issuer = Issuer()
    async with _running(console, folder, issuer) as (gateway, url):
        async with httpx.AsyncClient(base_url=url) as client:
            with console.status("Sending requests"):
                rows = [check async for check in checks(client, issuer)]
                rows += await swap(client, issuer, gateway, folder)
        console.print(_table(rows))
        failed = sum(not row.passed for row in rows)
        if serve:
            lines = CURL.format(url=url, token=issuer.token("you"))
            console.print(lines, soft_wrap=True, highlight=False, markup=False)
        console.print(f"{len(rows) - failed} passed, {failed} failed", highlight=False)
        if serve:
            logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
            await _told_to_stop()
    return 1 if failed else 0


async def _told_to_stop() -> None:
    """Wait for a signal; a shell has its background jobs ignore Ctrl-C unless they ask for it."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


@contextlib.asynccontextmanager
async def _running(
    console: Console, folder: Path, issuer: Issuer
) -> AsyncIterator[tuple[Gateway, str]]:
    """Start the upstream and the gateway in front of it; yield the gateway and its URL."""
    with listener() as behind, listener() as front:
        _prepare(folder, issuer, upstream=url_of(behind))
        with console.status("Compiling the policies (only the first start has to)"):
            began = time.perf_counter()
            gateway = Gateway.from_file(folder / "gateway.yaml")
        seconds = time.perf_counter() - began
        console.print(f"Policies compiled and started in {seconds:.2f} s", highlight=False)
        async with serving(orders, behind), serving(gateway, front):
            console.print(f"client -> gateway {url_of(front)} -> upstream {url_of(behind)}")
            yield gateway, url_of(front)


def _prepare(folder: Path, issuer: Issuer, *, upstream: str) -> None:
    shutil.copytree(HERE / "modules", folder / "modules")
    issuer.write_public_key(folder / "keys" / "issuer.pub.pem")
    config = (HERE / "gateway.yaml").read_text("utf-8")
    (folder / "gateway.yaml").write_text(config.replace(UPSTREAM, upstream), "utf-8")


def _table(rows: list[Check]) -> Table:
    table = Table("request", "answer", "", title="wasmgate demo", title_justify="left")
    for row in rows:
        verdict = Text("pass", "green") if row.passed else Text("FAIL", "bold red")
        answer = Text(row.seen)
        if row.note:
            answer.append(f"\n{row.note}", "dim")
        if not row.passed:
            answer.append(f"\nexpected: {row.expected}", "bold red")
        table.add_row(row.request, answer, verdict)
    return table


if __name__ == "__main__":
    sys.exit(main())
