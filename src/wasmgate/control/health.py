"""Active health checks: endpoints that do not answer are excluded until they do again.

Each process checks for itself, on one event loop. Its threads read the outcome without a lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wasmgate._native import parse_endpoint
from wasmgate.errors import UpstreamError
from wasmgate.upstream import HttpUpstream, UpstreamLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wasmgate._native import Router
    from wasmgate.config import GatewayConfig
    from wasmgate.config.health import HealthCheck
    from wasmgate.upstream import Fields

__all__ = ["HealthChecks"]

_LOGGER = logging.getLogger("wasmgate.gateway")

# Spreads the checks of many endpoints over their interval; Envoy's `interval_jitter_percent`.
_JITTER = 0.1


@dataclass(slots=True)
class _Endpoint:
    """What the checks of one endpoint have found."""

    cluster: str
    url: str
    check: HealthCheck
    available: bool = True
    checked: bool = False
    """Whether there was a check: the first one decides at once."""
    contrary: int = 0
    """Results in a row that contradict `available`."""

    def note(self, problem: str | None) -> bool:
        """Take the result of a check; return whether the endpoint has changed."""
        first, self.checked = not self.checked, True
        if (problem is None) == self.available:
            self.contrary = 0
            return False
        self.contrary += 1
        needed = self.check.unhealthy_threshold if self.available else self.check.healthy_threshold
        if self.contrary < needed and not first:
            return False
        self.available, self.contrary = not self.available, 0
        return True


@dataclass(frozen=True)
class _Request:
    """The request of a check, as an upstream takes it."""

    endpoint: str
    method: str
    target: bytes
    headers: Fields
    length: int = 0

    @property
    def head(self) -> bytes:
        """Request line and fields."""
        line = b"%b %b HTTP/1.1\r\n" % (self.method.encode("ascii"), self.target)
        return b"".join([line, *(b"%b: %b\r\n" % it for it in self.headers), b"\r\n"])


@dataclass
class HealthChecks:
    """The health checks of one configuration.

    Args:
        config: The configuration.
        router: Its router, which is told what is available.
        previous: The checks before it: an endpoint that they have excluded begins excluded.
    """

    config: GatewayConfig
    router: Router
    previous: HealthChecks | None = None
    _endpoints: list[_Endpoint] = field(default_factory=list, init=False)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        before = set(self.previous.excluded()) if self.previous is not None else set()
        self.previous = None
        for name, cluster in self.config.clusters.items():
            if cluster.health_check is None:
                continue
            for url in cluster.urls:
                endpoint = _Endpoint(name, url, cluster.health_check)
                if (name, url) in before:
                    endpoint.available, endpoint.checked = False, True
                    self.router.set_available(name, url, available=False)
                self._endpoints.append(endpoint)

    def excluded(self) -> Iterable[tuple[str, str]]:
        """Return cluster and URL of the endpoints that are excluded."""
        return [(its.cluster, its.url) for its in self._endpoints if not its.available]

    def start(self) -> None:
        """Check on the running loop, if no other one that is open does."""
        if not self._endpoints or (self._loop is not None and not self._loop.is_closed()):
            return
        self._loop = asyncio.get_running_loop()
        self._tasks = [self._loop.create_task(self._check(its)) for its in self._endpoints]

    def stop(self) -> None:
        """Check no more; from any thread."""
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    async def _check(self, endpoint: _Endpoint) -> None:
        check = endpoint.check
        bounds = UpstreamLimits(connections=1, connect=check.timeout, read=check.timeout)
        upstream = HttpUpstream(limits=bounds)
        try:
            while True:
                problem = await _problem(endpoint, upstream)
                if endpoint.note(problem):
                    self.router.set_available(
                        endpoint.cluster, endpoint.url, available=endpoint.available
                    )
                    _say(endpoint, problem)
                jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 (no secret)
                await asyncio.sleep(check.interval * jitter)
        finally:
            upstream.close()


def _say(endpoint: _Endpoint, problem: str | None) -> None:
    where = f"cluster {endpoint.cluster}: {endpoint.url}"
    if problem is None:
        _LOGGER.info("%s is healthy again", where)
    else:
        _LOGGER.warning("%s is unhealthy: %s", where, problem)


async def _problem(endpoint: _Endpoint, upstream: HttpUpstream) -> str | None:
    """Check an endpoint once; return what is wrong with it."""
    check = endpoint.check
    try:
        async with asyncio.timeout(check.timeout):
            if not check.tcp:
                return await _ask(endpoint, upstream)
            await _connect(endpoint.url)
            return None
    except TimeoutError:
        return f"no answer in {check.timeout:g} s"
    except UpstreamError as error:
        return error.message
    except OSError as error:
        return error.strerror or str(error)


async def _connect(url: str) -> None:
    _, host, port, _ = parse_endpoint(url)
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _ask(endpoint: _Endpoint, upstream: HttpUpstream) -> str | None:
    check = endpoint.check
    host = check.host or endpoint.url.partition("://")[2]
    fields = [(b"host", host.encode()), (b"user-agent", b"wasmgate-health-check")]
    fields += [(name.lower().encode(), value.encode()) for name, value in check.headers.items()]
    request = _Request(endpoint.url, check.method, check.path.encode(), fields)
    transaction = upstream.begin(request, b"", end=True, within=check.timeout)
    try:
        await transaction.response()
        while await transaction.receive():
            pass
    finally:
        transaction.close()
    if not check.expects(transaction.status):
        return f"{check.method} {check.path} was answered {transaction.status}"
    return None
