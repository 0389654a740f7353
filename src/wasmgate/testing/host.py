"""A host with a test as clock, client and upstream."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wasmgate import _native
from wasmgate.callouts.delivery import Answer, deliver
from wasmgate.chain import as_policies
from wasmgate.foreign import ForeignFunctions
from wasmgate.policy.artifacts import cache_folder
from wasmgate.testing.exchange import ExchangeHost, FakeExchange
from wasmgate.testing.messages import LogLine, encoded, log_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._native import Callout, Chain, Effects
    from wasmgate.foreign import Function
    from wasmgate.policy import Policy
    from wasmgate.testing.messages import Given

__all__ = ["EPOCH", "PolicyHost", "StartedPolicies"]

EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
_NANOSECONDS = 10**9
_UNAVAILABLE = 14  # of gRPC's status codes
_UNIX, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class PolicyHost:
    """Runs policies for a test.

    The clocks of the policies stand still until `advance` or `set_time` is called. `logs` has all
    log lines so far, `callouts` the callouts that are not answered yet.

    Args:
        now: The time of day of the policies, a datetime or a Unix time in seconds.
        seed: The seed of their random bytes, which are the same in each run.
        foreign_functions: As in `PolicyMiddleware`; asynchronous ones are awaited at once.

    Raises:
        ConfigError: A foreign function has an invalid name or is not callable.
    """

    def __init__(
        self,
        *,
        now: datetime | float = EPOCH,
        seed: int = 0,
        foreign_functions: Mapping[str, Function] | None = None,
    ) -> None:
        functions = ForeignFunctions.of(foreign_functions or {})
        self._asynchronous = functions.asynchronous
        self._native = _native.Host(
            cache=cache_folder(),
            log_level=0,
            clock=_nanoseconds(now),
            seed=seed,
            **functions.for_host(),
        )
        self._chains: list[Chain] = []
        self._open: dict[int, FakeExchange] = {}
        self.logs: list[LogLine] = []
        self.callouts: list[Callout] = []

    def start(self, *policies: Policy) -> StartedPolicies:
        """Start policies and run the ticks that are due.

        Args:
            *policies: The policies, in the order of a request.

        Returns:
            The started policies, which take requests.

        Raises:
            ConfigError: An argument of a policy is invalid.
            PolicyLoadError: A policy cannot be compiled, started or configured.
        """
        chain = _native.Chain([policy.load(self._native) for policy in as_policies(policies)])
        self._chains.append(chain)
        self._note(chain.start())
        self._turn()
        return StartedPolicies(self, chain)

    def close(self) -> None:
        """End open exchanges and the policies; their last lines are in `logs`.

        The fixture `policy_host` calls it after each test. Without it the last lines of the
        policies are logged when Python collects them, maybe in another test.
        """
        for exchange in list(self._open.values()):
            exchange.close()
        self._chains.clear()
        _, effects = _native.Chain([]).tick()
        self._note(effects)

    def advance(self, seconds: float) -> None:
        """Advance the clocks and run every tick that becomes due in this time.

        `advance(0)` runs what is due now, such as work that was deferred to the next turn of the
        event loop.

        Args:
            seconds: The time to advance by.
        """
        end = self._native.time + round(seconds * _NANOSECONDS)
        wait = self._turn()
        while (left := (end - self._native.time) / _NANOSECONDS) > 0:
            self._native.advance(left if wait is None else min(left, wait))
            wait = self._turn()

    def _turn(self) -> float | None:
        """Tick the chains until nothing is due; return the seconds to the next tick, if any."""
        while True:
            waits: list[float | None] = []
            for chain in self._chains:
                wait, effects = chain.tick()
                self._note(effects)
                waits.append(wait)
            if 0 not in waits:
                return min((wait for wait in waits if wait is not None), default=None)

    def set_time(self, now: datetime | float) -> None:
        """Set the time of day, forwards or backwards.

        It is a step of the system clock, as by NTP: the monotonic clock and the ticks that are due
        by it do not change.

        Args:
            now: A datetime or a Unix time in seconds.
        """
        self._native.time = _nanoseconds(now)

    @property
    def metrics(self) -> dict[str, int]:
        """The values of the policies' metrics by name; for a histogram the sum."""
        return {name: value for name, _, value in self._native.metrics()}

    @property
    def denials(self) -> list[tuple[str, str, str, int]]:
        """Denied requests of policies: policy, capability, value, count."""
        return self._native.denials()

    def answer(
        self,
        callout: Callout,
        status: int = 200,
        *,
        headers: Given = (),
        body: bytes = b"",
        trailers: Given = (),
    ) -> None:
        """Answer an HTTP call with a whole response.

        Args:
            callout: One of `callouts`.
            status: The status code.
            headers: The header fields.
            body: The body.
            trailers: The trailer fields.

        Raises:
            ValueError: The callout is of another kind or has ended.
        """
        self._check(callout, "http")
        fields, last = encoded(headers), encoded(trailers)
        answer = Answer(status=status, headers=fields, body=body, trailers=last)
        self._note(deliver(callout, answer))

    def answer_grpc(self, callout: Callout, message: bytes = b"", *, status: int = 0) -> None:
        """Answer a unary gRPC call with a message, or with a status.

        Args:
            callout: One of `callouts`.
            message: The serialized message of the response.
            status: A gRPC status code; if it is not 0, the call fails with it.

        Raises:
            ValueError: The callout is of another kind or has ended.
        """
        self._check(callout, "grpc")
        if status:
            self._note(_native.deliver_close(callout.id, status, ""))
        else:
            self._note(deliver(callout, Answer(body=message)))

    def answer_redis(self, callout: Callout, response: bytes) -> None:
        """Answer a Redis call.

        Args:
            callout: One of `callouts`.
            response: The bytes of the server: one or more values of RESP.

        Raises:
            ValueError: The callout is of another kind or has ended.
        """
        self._check(callout, "redis")
        self._note(deliver(callout, Answer(body=response)))

    def fail(self, callout: Callout, reason: str = "the test says so") -> None:
        """Fail a callout as if its upstream were down.

        Args:
            callout: One of `callouts`.
            reason: The text that the policy and its log get.

        Raises:
            ValueError: The callout has ended.
        """
        self._check(callout, callout.kind)
        self._note(_native.deliver_close(callout.id, _UNAVAILABLE, reason))

    def _check(self, callout: Callout, kind: str) -> None:
        if callout.kind != kind:
            raise ValueError(f"{callout!r} is of kind {callout.kind!r}: use its own method")
        if callout not in self.callouts:
            raise ValueError(f"{callout!r} has ended: it was answered, or no policy waits for it")
        self.callouts.remove(callout)

    def _calls(self) -> ExchangeHost:
        """Return the functions that an exchange calls."""
        return ExchangeHost(self._enter, self._leave, self._note)

    def _enter(self, number: int, exchange: FakeExchange) -> None:
        self._open[number] = exchange

    def _leave(self, number: int) -> None:
        self._open.pop(number, None)

    def _note(self, effects: Effects | None) -> None:
        """Collect the effects of a step, and resume the streams that it woke."""
        if effects is None:
            return
        self.logs += log_lines(effects)
        self.callouts = [one for one in self.callouts if one.id not in effects.cancelled]
        self.callouts += [one for one in effects.callouts if one.kind != "foreign"]
        for number in effects.wake:
            if number in self._open:
                self._open[number].resume()
        for callout in effects.callouts:
            if callout.kind == "foreign":
                self._call(callout)

    def _call(self, callout: Callout) -> None:
        async def awaited() -> bytes:
            return await self._asynchronous[callout.name](callout.body)

        # On another thread, because the test itself may run on an event loop.
        with ThreadPoolExecutor(1) as thread:
            result = thread.submit(asyncio.run, awaited()).result()
        self._note(deliver(callout, Answer(body=result)))


def _nanoseconds(now: datetime | float) -> int:
    if isinstance(now, datetime):
        return (now.astimezone(UTC) - _UNIX) // _MICROSECOND * 1000
    return round(now * _NANOSECONDS)


class StartedPolicies:
    """Started policies of a `PolicyHost`.

    Args:
        host: The host.
        chain: The chain of the policies.
    """

    def __init__(self, host: PolicyHost, chain: Chain) -> None:
        self._host = host
        self._chain = chain

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        *,
        headers: Given = (),
        body: bytes | Sequence[bytes] = b"",
        host: str = "test",
        scheme: str = "http",
        client: tuple[str, int] = ("192.0.2.1", 50_000),
    ) -> FakeExchange:
        """Send a request with its whole body through the policies.

        Args:
            method: The method.
            path: The path with its query.
            headers: The header fields beside `host`.
            body: The body, bytes or a list of chunks.
            host: The authority of the request.
            scheme: "http" or "https".
            client: Address and port of the client.

        Returns:
            The exchange, as far as it came.
        """
        chunks = [body] if isinstance(body, bytes) else list(body)
        return FakeExchange.begun(
            self._host._calls(),  # noqa: SLF001 (one module)
            self._chain,
            method=method,
            path=path,
            headers=[(b"host", host.encode()), *encoded(headers)],
            chunks=[chunk for chunk in chunks if chunk],
            scheme=scheme,
            client=client,
        )
