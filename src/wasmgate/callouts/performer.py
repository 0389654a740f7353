"""Starts callouts, limits and cancels them, and delivers their answers to the policies."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import parse_qs
from weakref import WeakKeyDictionary

from wasmgate import _native
from wasmgate._native import CalloutAdmission, CalloutPlace
from wasmgate.callouts.delivery import Answer, deliver
from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.callouts.foreign import ForeignCalls
from wasmgate.callouts.grpc import GrpcStream
from wasmgate.callouts.limits import CalloutLimits
from wasmgate.callouts.targets import target
from wasmgate.upstream import AddressRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wasmgate._native import Callout, Effects
    from wasmgate.callouts.grpc import GrpcCalls
    from wasmgate.callouts.http import HttpCalls
    from wasmgate.callouts.redis import RedisCalls
    from wasmgate.callouts.targets import Cluster, Target
    from wasmgate.foreign import AsyncFunction

__all__ = ["CalloutEnvironment", "Callouts", "admission"]

_LOGGER = logging.getLogger("wasmgate.policy")
_QUIET = 10.0  # seconds between two log lines about the same policy and upstream
_SUBJECTS = 1024  # pairs of policy and upstream that are remembered


@dataclass(frozen=True, kw_only=True)
class CalloutEnvironment:
    """What callouts may reach and use.

    `clusters` and `functions` are found by name; `storage` is the URL of the storage of
    `wasmgate.limits.hit`; `deny` gets policy, capability and value of a denied callout
    (see `Host.deny`).
    """

    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    functions: Mapping[str, AsyncFunction] = field(default_factory=dict)
    storage: str = field(default="memory://", repr=False)
    limits: CalloutLimits = field(default_factory=CalloutLimits)
    deny: Callable[[str, str, str], None] = lambda *_: None


@dataclass
class Running:
    """A callout in flight."""

    owner: Callouts
    callout: Callout
    task: asyncio.Task[None]
    place: CalloutPlace | None
    """Counts it as in flight; None: it was refused."""
    stream: GrpcStream | None = None


class LoopCallouts:
    """State that all drivers of an event loop share.

    A policy may be in several chains, so a driver may have to cancel a callout that another one
    started.
    """

    def __init__(self) -> None:
        self.running: dict[int, Running] = {}
        self.admission = CalloutAdmission()
        self.closing: set[asyncio.Task[None]] = set()
        self.last_logged: dict[tuple[str, str], float] = {}  # when, by policy and upstream


_LOOPS: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopCallouts] = WeakKeyDictionary()


def admission() -> CalloutAdmission:
    """Return what counts the callouts of the running loop."""
    return _LOOPS.setdefault(asyncio.get_running_loop(), LoopCallouts()).admission


class Callouts:
    """Performs callouts on the running event loop.

    `note` gets the effects of the answers' callbacks.
    """

    def __init__(self, settings: CalloutEnvironment, note: Callable[[Effects], None]) -> None:
        self._settings = settings
        self._note = note
        self.loop = asyncio.get_running_loop()
        self._shared = _LOOPS.setdefault(self.loop, LoopCallouts())

    # The clients, made on first use: most policies need none.

    @cached_property
    def _http(self) -> HttpCalls:
        from wasmgate.callouts.http import HttpCalls  # noqa: PLC0415 (on first use)

        return HttpCalls(self._settings.limits)

    @cached_property
    def _grpc(self) -> GrpcCalls:
        from wasmgate.callouts.grpc import GrpcCalls  # noqa: PLC0415 (on first use)

        return GrpcCalls(self._settings.limits)

    @cached_property
    def _redis(self) -> RedisCalls:
        from wasmgate.callouts.redis import RedisCalls  # noqa: PLC0415 (on first use)

        return RedisCalls(self._settings.limits)

    @cached_property
    def _foreign(self) -> ForeignCalls:
        settings = self._settings
        return ForeignCalls(settings.functions, settings.storage, settings.limits)

    # What drivers call.

    def start(self, callout: Callout) -> None:
        """Start a callout, or send on an open gRPC stream; does not wait."""
        if callout.kind in {"grpc_send", "grpc_close"}:
            self._to_stream(callout)
            return
        limits, running = self._settings.limits, self._shared.running
        entered = self._shared.admission.enter(callout.policy, len(callout.body), limits.bounds)
        if isinstance(entered, CalloutPlace):
            performing, place = self._perform(callout), entered
        else:
            performing, place = self._refuse(callout, *entered), None
        task = self.loop.create_task(performing)
        stream = GrpcStream(limits) if callout.kind == "grpc_stream" else None
        running[callout.id] = Running(self, callout, task, place, stream)
        task.add_done_callback(lambda _: running.pop(callout.id, None))

    def cancel(self, callout: int) -> None:
        """Cancel a callout whose answer the policy no longer waits for."""
        running = self._shared.running.get(callout)
        if running is not None:
            running.task.cancel()

    def deny(self, policy: str, upstream: str, reason: str) -> None:
        """Count that the address of an upstream was refused; log it at times."""
        self._settings.deny(policy, "net", upstream)
        if self._should_log((policy, upstream)):
            _LOGGER.getChild(policy).warning(
                "PermissionDenied: policy %r may not reach %r (capability net): %s",
                *(policy, upstream, reason),
            )

    def end(self) -> None:
        """Cancel the callouts that this object started and close its connections.

        The callouts fail, so that policies that live on get an answer.
        """
        for running in [each for each in self._shared.running.values() if each.owner is self]:
            running.task.cancel()
            reason = "the gateway closed before the callout completed"
            self._deliver_failure(running.callout, Status.UNAVAILABLE, reason)
        for name in ("_http", "_grpc", "_redis"):
            if (client := self.__dict__.pop(name, None)) is not None:
                client.close()
        if (foreign := self.__dict__.pop("_foreign", None)) is not None:
            closing = self.loop.create_task(foreign.close())
            self._shared.closing.add(closing)
            closing.add_done_callback(self._shared.closing.discard)

    # One callout.

    async def _refuse(self, callout: Callout, reason: str, to_log: bool) -> None:  # noqa: FBT001
        if to_log:
            _LOGGER.getChild(callout.policy).warning(
                "%s was refused: %s (further refusals are not logged for 10 s)",
                *(_named(callout), reason),
            )
        self._deliver_failure(callout, Status.RESOURCE_EXHAUSTED, reason)

    async def _perform(self, callout: Callout) -> None:
        logger = _LOGGER.getChild(callout.policy)
        try:
            await self._answer(callout)
        except TimeoutError:
            reason = f"no answer in {self._seconds(callout):g} s"
            logger.warning("%s failed: %s", _named(callout), reason)
            self._deliver_failure(callout, Status.DEADLINE_EXCEEDED, reason)
        except CalloutFailed as error:
            logger.warning("%s failed: %s", _named(callout), error)
            self._deliver_failure(callout, error.status, str(error))
        except AddressRefused as error:
            self.deny(callout.policy, callout.upstream, str(error))
            self._deliver_failure(callout, Status.PERMISSION_DENIED, str(error))
        except Exception:
            logger.exception("%s failed", _named(callout))
            self._deliver_failure(callout, Status.INTERNAL, "the callout failed")

    def _seconds(self, callout: Callout) -> float:
        return min(callout.timeout or self._settings.limits.time, self._settings.limits.time)

    async def _answer(self, callout: Callout) -> None:
        within = self._seconds(callout)
        match callout.kind:
            case "http":
                async with asyncio.timeout(within):
                    answer = await self._http.call(callout, self._target(callout.upstream))
                self._deliver(deliver(callout, answer))
            case "grpc":
                async with asyncio.timeout(within):
                    message = await self._grpc.call(callout, self._target(callout.upstream))
                self._deliver(deliver(callout, Answer(body=message)))
            case "grpc_stream":
                await self._stream(callout)
            case "redis":
                name, _, query = callout.upstream.partition("?")
                reply = await self._redis.call(
                    callout, self._target(name), _database(query), within
                )
                self._deliver(deliver(callout, Answer(body=reply)))
            case "foreign":
                async with asyncio.timeout(within):
                    result = await self._foreign.call(callout)
                self._deliver(deliver(callout, Answer(body=result)))

    def _target(self, upstream: str) -> Target:
        return target(upstream, self._settings.clusters)

    async def _stream(self, callout: Callout) -> None:
        stream = self._shared.running[callout.id].stream
        if stream is None:
            return
        channel = await self._grpc.channel(self._target(callout.upstream))
        take, number = self._deliver, callout.id
        status, words = await stream.run(
            channel,
            callout,
            metadata=lambda fields: take(_native.deliver_grpc_metadata(number, fields)),
            message=lambda body: take(_native.deliver_response(number, (), body, ())),
            trailers=lambda fields: take(_native.deliver_grpc_trailers(number, fields)),
        )
        take(_native.deliver_close(number, status, words))

    def _to_stream(self, callout: Callout) -> None:
        running = self._shared.running.get(callout.id)
        stream = running.stream if running is not None else None
        if stream is None:
            return  # the stream has ended, which the policy gets delivered
        if callout.kind == "grpc_close":
            stream.half_close()
        else:
            stream.send(callout.body, end=callout.end)

    # Answers.

    def _deliver(self, effects: Effects | None) -> None:
        if effects is not None:
            self._note(effects)

    def _deliver_failure(self, callout: Callout, status: int, reason: str) -> None:
        self._deliver(_native.deliver_close(callout.id, status, reason))

    def _should_log(self, about: tuple[str, str]) -> bool:
        """Return whether to log a refusal: at most one line in `_QUIET` seconds about the same."""
        now, logged = self.loop.time(), self._shared.last_logged
        if now - logged.get(about, float("-inf")) <= _QUIET:
            return False
        if len(logged) >= _SUBJECTS:
            logged.clear()
        logged[about] = now
        return True


def _named(callout: Callout) -> str:
    match callout.kind:
        case "http":
            return f"HTTP call to {callout.upstream}"
        case "foreign":
            return f"foreign function {callout.name}"
        case "redis":
            return f"Redis query to {callout.upstream}"
    return f"gRPC call of {callout.service}/{callout.method} to {callout.upstream}"


def _database(query: str) -> int:
    """Return the number of the database in "db=1", which Higress writes after an upstream."""
    text = parse_qs(query).get("db", ["0"])[0]
    if not text.isdecimal():
        raise CalloutFailed(
            f"{text!r} is not the number of a Redis database", Status.INVALID_ARGUMENT
        )
    return int(text)
