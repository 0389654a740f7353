"""Ten thousand routes: what a look-up and a load cost, beside one route.

Hosts, templates and regular expressions in equal parts. The cost of a look-up is that of opening an
exchange, which is the same for one route: the difference is the routes'.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from results import Result, summary

from wasmgate import GatewayConfig
from wasmgate._native import Chain
from wasmgate.gateway.routing import router_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from wasmgate._native import Router

_COUNTS = (1, 10_000)
_REQUESTS = 20_000


def matches(count: int) -> list[dict[str, Any]]:
    """Return what so many routes match: hosts, templates, expressions in turn."""
    kinds = (
        lambda n: {"host": f"host{n}.example", "prefix": "/"},
        lambda n: {"host": "api.example", "template": f"/v1/thing{n}/{{id}}/part/{{name}}"},
        lambda n: {"host": "api.example", "regex": f"/v2/thing{n}/[0-9]+(/.*)?"},
    )
    return [kinds[n % len(kinds)](n) for n in range(count)]


def requests(count: int) -> list[tuple[str, bytes]]:
    """Return host and path of a request for every route."""
    kinds = (
        lambda n: (f"host{n}.example", b"/orders/7"),
        lambda n: ("api.example", b"/v1/thing%d/17/part/blue" % n),
        lambda n: ("api.example", b"/v2/thing%d/17/blue" % n),
    )
    return [kinds[n % len(kinds)](n) for n in range(count)]


def routes(rounds: int, progress: Progress) -> list[Result]:
    """Return the cost of a look-up and of a load."""
    results = []
    for count in _COUNTS:
        task = progress.add_task(f"routes: {count:,}", total=rounds)
        opened, loaded = [], []
        for _ in range(rounds):
            begin = time.process_time()
            router = _load(count)
            loaded.append((time.process_time() - begin) * 1e6)
            opened.append(_open(router, requests(count)))
            progress.advance(task)
        results += [
            summary("routes", f"{count} routes", "cpu", opened, requests=_REQUESTS),
            summary("routes", f"{count} routes", "time", loaded),
        ]
    return results


def _load(count: int) -> Router:
    described = [{"match": match, "cluster": "site"} for match in matches(count)]
    clusters = {"site": {"endpoints": ["http://127.0.0.1:9001"]}}
    config = GatewayConfig.model_validate({"clusters": clusters, "routes": described})
    chain = Chain([])
    return router_of(config, [chain] * count)


def _open(router: Router, asked: list[tuple[str, bytes]]) -> float:
    """Return the CPU time of an exchange that is opened, in microseconds."""
    heads = [(path, [(b"host", host.encode())]) for host, path in asked]
    heads = (heads * (_REQUESTS // len(heads) + 1))[:_REQUESTS]
    peer = ("127.0.0.1", 1)
    begin = time.process_time()
    for path, fields in heads:
        exchange, _ = router.open(peer, peer, "http", "1.1", "GET", path, fields)
        exchange.close()
    return (time.process_time() - begin) / _REQUESTS * 1e6
