"""A request and its response, with a test as client and upstream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from wasmgate.simulation.exchange import SimulatedExchange
from wasmgate.testing.messages import Fields, Request, Response, encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wasmgate._native import Chain, Effects, Stream
    from wasmgate.testing.messages import Given

__all__ = ["ExchangeHost", "FakeExchange"]


@dataclass(frozen=True)
class ExchangeHost:
    """The functions of the host that an exchange calls.

    `enter` gets the id of a stream and its exchange, `leave` the id of a stream that ended, `note`
    the effects of each step.
    """

    enter: Callable[[int, FakeExchange], None]
    leave: Callable[[int], None]
    note: Callable[[Effects], None]


class FakeExchange:
    """One exchange.

    A policy that waits for a callout pauses the exchange until the test answers the callout
    (`PolicyHost.callouts`).

    Args:
        host: The functions of the host that the exchange calls.
        sent: The request of the client.
        stream: The stream of the request.
    """

    def __init__(self, host: ExchangeHost, sent: Request, stream: Stream) -> None:
        self._host = host
        self._sent = sent
        self._simulated = SimulatedExchange(stream, head=partial(_head, sent), note=host.note)

    @classmethod
    def begun(
        cls,
        host: ExchangeHost,
        chain: Chain,
        *,
        method: str,
        path: str,
        headers: list[tuple[bytes, bytes]],
        chunks: Sequence[bytes],
        scheme: str,
        client: tuple[str, int],
    ) -> FakeExchange:
        """Send a request through a chain.

        Args:
            host: The functions of the host that the exchange calls.
            chain: The chain.
            method: The method.
            path: The path with its query.
            headers: The header fields, `host` first.
            chunks: The chunks of the body.
            scheme: "http" or "https".
            client: Address and port of the client.

        Returns:
            The exchange, as far as it came.
        """
        if chunks and all(name != b"content-length" for name, _ in headers):
            headers = [*headers, (b"content-length", str(sum(map(len, chunks))).encode())]
        stream, effects, _ = chain.open(
            client, ("192.0.2.2", 80), scheme, "1.1", method, path.encode("latin-1"), headers
        )
        fields = Fields.decoded(field for field in headers if field[0] != b"host")
        sent = Request(
            method=method,
            path=path,
            authority=headers[0][1].decode("latin-1"),
            headers=fields,
        )
        this = cls(host, sent, stream)
        host.enter(stream.id, this)
        this._simulated.begin(effects, body_follows=bool(chunks))
        for number, chunk in enumerate(chunks, 1):
            this._simulated.send(chunk, end=number == len(chunks))
        return this

    def __repr__(self) -> str:
        state = "with the upstream"
        if self.reset:
            state = "reset"
        elif self.paused:
            state = "held by a policy"
        elif self.response is not None:
            state = f"answered {self.response.status}"
        return f"<FakeExchange {self._sent.method} {self._sent.path}: {state}>"

    @property
    def request(self) -> Request | None:
        """The forwarded request; None while a policy pauses it, or if a policy answered."""
        passed = self._simulated.upstream
        if passed is None:
            return None
        return replace(
            passed.head,
            body=bytes(passed.body),
            trailers=Fields.decoded(passed.trailers),
            complete=passed.complete,
        )

    @property
    def response(self) -> Response | None:
        """The response to the client, as far as it was sent."""
        passed = self._simulated.client
        if passed is None:
            return None
        status, headers = passed.head
        return Response(
            status=status,
            headers=Fields.decoded(headers),
            body=bytes(passed.body),
            trailers=Fields.decoded(passed.trailers),
            complete=passed.complete,
        )

    @property
    def reset(self) -> bool:
        """Whether a policy cut the client's connection."""
        return self._simulated.reset

    @property
    def paused(self) -> bool:
        """Whether a policy pauses the request or the response, or the rest of one."""
        simulated = self._simulated
        if simulated.reset:
            return False
        if simulated.client is not None:
            return not simulated.client.complete
        return simulated.upstream is None or not simulated.upstream.complete

    def respond(
        self,
        status: int = 200,
        *,
        headers: Given = (),
        body: bytes | Sequence[bytes] = b"",
        trailers: Given = (),
    ) -> Response | None:
        """Answer as the upstream.

        Args:
            status: The status code.
            headers: The header fields.
            body: The body, bytes or a list of chunks.
            trailers: The trailer fields.

        Returns:
            The response to the client; None: a policy pauses it.

        Raises:
            RuntimeError: The request was not forwarded.
        """
        simulated = self._simulated
        if simulated.upstream is None:
            raise RuntimeError(
                "the request has not reached the upstream: a policy holds or answers"
            )
        chunks = [chunk for chunk in ([body] if isinstance(body, bytes) else body) if chunk]
        last = encoded(trailers)
        simulated.receive_head(status, encoded(headers), end=not chunks and not last)
        for number, chunk in enumerate(chunks, 1):
            simulated.receive(chunk, end=number == len(chunks) and not last)
        if last:
            simulated.receive_trailers(last)
        return self.response

    def resume(self) -> None:
        """Continue an exchange that was woken."""
        self._simulated.resume()

    def close(self) -> None:
        """End the exchange, as after a complete response or when the client disconnects."""
        self._host.leave(self._simulated.stream.id)
        self._simulated.close()


def _head(sent: Request, effects: Effects | None) -> Request:
    head = None if effects is None else effects.request_head
    if head is None:
        return sent
    return Request(
        method=head.method,
        path=head.target.decode("latin-1"),
        authority=head.authority.decode("latin-1"),
        headers=Fields.decoded(head.headers),
    )
