"""A request and its response, of which client and upstream are a test's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wasmgate.testing.messages import Fields, Request, Response, encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate._native import Chain, Effects, Stream
    from wasmgate.testing.host import PolicyHost
    from wasmgate.testing.messages import Given

__all__ = ["FakeExchange"]


class FakeExchange:
    """One exchange.

    `request` is what has reached the upstream, None while policies hold it or when one answered
    itself. `response` is what has reached the client. A policy that waits for a callout holds both
    until the test answers it (`PolicyHost.callouts`).
    """

    def __init__(self, host: PolicyHost, sent: Request, stream: Stream) -> None:
        self._host = host
        self._stream = stream
        self._sent = sent
        self.request: Request | None = None
        self.response: Response | None = None
        self.reset = False
        """A policy cut the client's connection."""

    @classmethod
    def begun(
        cls,
        host: PolicyHost,
        chain: Chain,
        *,
        method: str,
        path: str,
        headers: list[tuple[bytes, bytes]],
        chunks: Sequence[bytes],
        scheme: str,
        client: tuple[str, int],
    ) -> FakeExchange:
        """Send a request through a chain."""
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
            complete=not chunks,
        )
        this = cls(host, sent, stream)
        host._enter(stream.id, this)  # noqa: SLF001 (one package)
        if effects is None:
            this.request = sent
        else:
            this._note(effects)
        for number, chunk in enumerate(chunks, 1):
            this._send(chunk, end=number == len(chunks))
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
    def paused(self) -> bool:
        """A policy holds the request, or the response, or the rest of one of them."""
        if self.reset:
            return False
        if self.response is not None:
            return not self.response.complete
        return self.request is None or not self.request.complete

    def respond(
        self,
        status: int = 200,
        *,
        headers: Given = (),
        body: bytes | Sequence[bytes] = b"",
        trailers: Given = (),
    ) -> Response | None:
        """Let the upstream answer, and return what reaches the client; None: policies hold it.

        Raises RuntimeError when the request has not reached the upstream.
        """
        if self.request is None:
            raise RuntimeError(
                "the request has not reached the upstream: a policy holds or answers"
            )
        chunks = [chunk for chunk in ([body] if isinstance(body, bytes) else body) if chunk]
        fields, last = encoded(headers), encoded(trailers)
        whole = not chunks and not last
        effects = self._stream.on_response_headers(status, fields, whole)
        if effects is None:
            self.response = Response(status=status, headers=Fields.decoded(fields), complete=whole)
        self._note(effects)
        for number, chunk in enumerate(chunks, 1):
            self._receive(chunk, end=number == len(chunks) and not last)
        if last:
            effects = self._stream.on_response_trailers(last)
            if effects is None and self.response is not None:
                self.response = replace(self.response, trailers=Fields.decoded(last), complete=True)
            self._note(effects)
        return self.response

    def resume(self) -> None:
        """Let the exchange go on if a policy said so."""
        self._note(self._stream.resume())

    def close(self) -> None:
        """End the exchange, as when the client leaves or the response is complete."""
        self._host._leave(self._stream.id)  # noqa: SLF001 (one package)
        self._host._note(self._stream.close())  # noqa: SLF001

    def _send(self, chunk: bytes, *, end: bool) -> None:
        effects = self._stream.on_request_body(chunk, end)
        if effects is not None:
            self._note(effects)
        elif self.request is not None:
            self.request = self.request.grown(chunk, end=end)

    def _receive(self, chunk: bytes, *, end: bool) -> None:
        effects = self._stream.on_response_body(chunk, end)
        if effects is not None:
            self._note(effects)
        elif self.response is not None:
            self.response = self.response.grown(chunk, end=end)

    def _note(self, effects: Effects | None) -> None:
        if effects is None:
            return
        self._note_request(effects)
        self._note_response(effects)
        self.reset |= effects.reset
        self._host._note(effects)  # noqa: SLF001 (one package)

    def _note_request(self, effects: Effects) -> None:
        if effects.forward:
            head = effects.request_head
            self.request = (
                replace(self._sent, complete=False)
                if head is None
                else Request(
                    method=head.method,
                    path=head.target.decode("latin-1"),
                    authority=head.authority.decode("latin-1"),
                    headers=Fields.decoded(head.headers),
                )
            )
        if self.request is not None:
            self.request = self.request.grown(effects.request_body or b"", end=effects.request_end)

    def _note_response(self, effects: Effects) -> None:
        if effects.response_head is not None:
            status, fields = effects.response_head
            self.response = Response(status=status, headers=Fields.decoded(fields))
        if self.response is not None:
            body, end = effects.response_body or b"", effects.response_end
            self.response = self.response.grown(body, end=end)
            if effects.response_trailers:
                trailers = Fields.decoded(effects.response_trailers)
                self.response = replace(self.response, trailers=trailers)
