"""Redis for policies (Higress' dialect 0_2_100): queries and replies pass byte-exact.

The client is written here because a policy gets the server's bytes: a general client decodes the
reply and loses whether it was "+OK" or "OK", a null string or a null array.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import cache
from ssl import create_default_context
from typing import TYPE_CHECKING, cast

from wasmgate.callouts.dial import dial_by_name, dial_checked
from wasmgate.callouts.failure import CalloutFailed, Status
from wasmgate.callouts.resp import Malformed, Values, command

if TYPE_CHECKING:
    from wasmgate._native import Callout
    from wasmgate.callouts.limits import CalloutLimits
    from wasmgate.callouts.targets import Target

__all__ = ["RedisCalls"]

# These commands change the state of a connection, which later queries share.
_REFUSED = frozenset(
    b"AUTH HELLO SELECT QUIT RESET MONITOR SUBSCRIBE PSUBSCRIBE SSUBSCRIBE SYNC PSYNC MULTI EXEC"
    b" DISCARD WATCH UNWATCH BLPOP BRPOP BLMOVE BLMPOP BRPOPLPUSH BZPOPMIN BZPOPMAX BZMPOP WAIT"
    b" WAITAOF".split()
)
_AT_ONCE = 64  # commands in one query
_CONNECTIONS = 64
_tls = cache(create_default_context)


@dataclass(frozen=True)
class Login:
    """The key of a connection: policies do not share connections."""

    policy: str
    target: Target
    username: str
    password: str
    database: int


class RedisCalls:
    """Queries on one event loop, over one connection for each `Login`."""

    def __init__(self, limits: CalloutLimits) -> None:
        self._limits = limits
        self._connections: dict[Login, asyncio.Task[Connection]] = {}

    async def call(self, callout: Callout, target: Target, database: int, within: float) -> bytes:
        """Send a query and return the replies to its commands, concatenated, byte-exact.

        Without a reply `within` seconds the connection is closed, because every later query on it
        would wait for the same reply. Raises TimeoutError, CalloutFailed and AddressRefused.
        """
        count = _commands(callout.body)
        login = Login(callout.policy, target, callout.username, callout.password, database)
        connection = None
        try:
            async with asyncio.timeout(within):
                connection = await self._connection(login)
                return await connection.ask(callout.body, count)
        except TimeoutError:
            if connection is not None:
                connection.fail("Redis did not reply in time")
            raise

    async def _connection(self, login: Login) -> Connection:
        connecting = self._connections.get(login)
        if connecting is None or (connecting.done() and not _usable(connecting)):
            connecting = asyncio.ensure_future(_connect(login, self._limits))
            connecting.add_done_callback(_retrieve_error)
            self._drop(login)
            if len(self._connections) >= _CONNECTIONS:
                self._drop(next(iter(self._connections)))
            self._connections[login] = connecting
        return await asyncio.shield(connecting)

    def close(self) -> None:
        """Close the connections; queries that wait for a reply fail."""
        for login in list(self._connections):
            self._drop(login)

    def _drop(self, login: Login) -> None:
        connecting = self._connections.pop(login, None)
        if connecting is None:
            return
        connecting.cancel()
        if connecting.done() and _usable(connecting):
            connecting.result().fail("the connection was closed")


def _usable(connecting: asyncio.Task[Connection]) -> bool:
    failed = connecting.cancelled() or connecting.exception() is not None
    return not failed and not connecting.result().closed


def _retrieve_error(connecting: asyncio.Task[Connection]) -> None:
    """Retrieve the error of a task whose waiters were all cancelled, so that asyncio is silent."""
    if not connecting.cancelled():
        connecting.exception()


async def _connect(login: Login, limits: CalloutLimits) -> Connection:
    target = login.target
    connection = Connection(limits)
    dial = dial_checked if target.checked else dial_by_name
    context = _tls() if target.secure else None
    try:
        async with asyncio.timeout(limits.time):
            await dial(lambda: connection, target.host, target.port, context)
            if login.password:
                user = [login.username] if login.username else []
                await connection.must(command("AUTH", *user, login.password))
            if login.database:
                await connection.must(command("SELECT", str(login.database)))
    except OSError as error:
        connection.fail("the server cannot be reached")
        host = f"{target.host}:{target.port}"
        raise CalloutFailed(f"cannot connect to Redis at {host}: {error}") from error
    except BaseException:
        connection.fail("the connection cannot be used")
        raise
    return connection


class Reply:
    """The reply to a query: `missing` values of RESP, one for each command."""

    def __init__(self, whole: asyncio.Future[bytes], missing: int) -> None:
        self.whole = whole
        self._missing = missing
        self._values: list[bytes] = []

    def add(self, value: bytes) -> bool:
        """Add the next value and return whether the reply is complete."""
        self._values.append(value)
        complete = len(self._values) == self._missing
        if complete and not self.whole.done():
            self.whole.set_result(b"".join(self._values))
        return complete


class Connection(asyncio.Protocol):
    """One connection with pipelined queries: replies come in the order of the commands."""

    def __init__(self, limits: CalloutLimits) -> None:
        self.closed = False
        self._limits = limits
        self._values = Values()
        self._waiting: deque[Reply] = deque()
        self._transport: asyncio.Transport | None = None

    async def ask(self, query: bytes, count: int) -> bytes:
        """Send a query of `count` commands and return the replies. Raises CalloutFailed.

        The replies to a cancelled query are discarded when they come.
        """
        if self.closed or self._transport is None:
            raise CalloutFailed("Redis has closed the connection")
        if len(self._waiting) >= self._limits.in_flight:
            raise CalloutFailed(
                f"{self._limits.in_flight} queries wait for a reply of Redis",
                Status.RESOURCE_EXHAUSTED,
            )
        reply = Reply(asyncio.get_running_loop().create_future(), count)
        self._waiting.append(reply)
        self._transport.write(query)
        return await reply.whole

    async def must(self, query: bytes) -> None:
        """Send a command of the client itself. Raises CalloutFailed if Redis replies an error."""
        reply = await self.ask(query, 1)
        if reply.startswith(b"-"):
            # The server's message does not repeat the password.
            raise CalloutFailed(
                f"Redis refuses the login: {reply[1:-2].decode('utf-8', 'replace')}",
                Status.PERMISSION_DENIED,
            )

    def fail(self, reason: str) -> None:
        """Close the connection; queries that wait for a reply fail with the reason."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            whole = self._waiting.popleft().whole
            if not whole.done():
                whole.set_exception(CalloutFailed(reason))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        if self.closed:
            transport.close()

    def data_received(self, data: bytes) -> None:
        """Complete the waiting queries in their order."""
        try:
            values = self._values.feed(data)
        except Malformed as error:
            self.fail(f"Redis sent an invalid reply: {error}")
            return
        for value in values:
            if not self._waiting:
                self.fail("Redis sent a reply without a query")
                return
            if self._waiting[0].add(value):
                self._waiting.popleft()
        if self._values.pending > self._limits.response:
            self.fail(f"the reply of Redis is larger than {self._limits.response} bytes")

    def connection_lost(self, _: Exception | None) -> None:
        """Fail the queries that wait for a reply."""
        self.fail("Redis closed the connection")


def _commands(query: bytes) -> int:
    """Count the commands of a query.

    Raises CalloutFailed for bytes that are not commands, and for a command that is refused.
    """
    values = Values()
    try:
        commands = values.feed(query)
        names = [_name(each) for each in commands]
    except (Malformed, ValueError):
        raise CalloutFailed("the query is not a RESP command", Status.INVALID_ARGUMENT) from None
    if not commands or values.pending or len(commands) > _AT_ONCE:
        raise CalloutFailed(
            f"the query must be 1 to {_AT_ONCE} whole commands of RESP", Status.INVALID_ARGUMENT
        )
    for name in names:
        if name in _REFUSED:
            raise CalloutFailed(
                f"{name.decode('ascii')} is refused: it changes the state of a shared connection",
                Status.PERMISSION_DENIED,
            )
    return len(commands)


def _name(command: bytes) -> bytes:
    """Return the first word of a command, an array of bulk strings."""
    count, _, rest = command.partition(b"\r\n")
    length, _, words = rest.partition(b"\r\n")
    if not (count[:1] == b"*" and length[:1] == b"$"):
        raise ValueError("not an array of bulk strings")
    return words[: int(length[1:])].upper()
