"""Requests driven through a chain of policies by hand: one method a phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wasmgate import Capabilities, Limits
from wasmgate._native import Chain, Host, Module, Plugin
from wasmgate.policy.capabilities import Mount

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from wasmgate._native import Callout, Effects

Fields = list[tuple[bytes, bytes]]


def load(
    host: Host,
    module: bytes,
    *,
    name: str = "guest",
    configuration: bytes = b"",
    vm_configuration: bytes = b"",
    root_id: str = "",
    fuel: int = 10_000_000,
    start_fuel: int = 200_000_000,
    memory: int = 32 << 20,
    body: int = 1 << 20,
    headers: int = 128,
    header_bytes: int = 64 << 10,
    log_bytes: int = 16 << 10,
    environment: dict[str, str] | None = None,
    fail_open: bool = False,
    strip_request_headers: tuple[str, ...] = (),
    net: tuple[str, ...] = (),
    read: tuple[tuple[str, Path], ...] = (),
    foreign_functions: tuple[str, ...] = (),
    metrics: tuple[str, ...] = (),
    shared_data: tuple[str, ...] = (),
    vm_id: str = "",
    tenants: tuple[Literal["host", "header", "property"], str, int, float] | None = None,
    symbols: Path | None = None,
) -> Plugin:
    """Load a module with the default limits of a policy, or others."""
    return Plugin(
        host,
        name=name,
        module=Module(host, module, policy=name, memory=memory),
        root_id=root_id,
        configuration=configuration,
        vm_configuration=vm_configuration,
        limits=Limits(
            fuel=fuel,
            start_fuel=start_fuel,
            memory=memory,
            body=body,
            headers=headers,
            header_bytes=header_bytes,
            log_bytes=log_bytes,
        ),
        capabilities=Capabilities(
            net=net,
            read=tuple(Mount(path, at) for at, path in read),
            foreign_functions=foreign_functions,
            metrics=metrics,
            shared_data=shared_data,
        ),
        environment=environment or {},
        fail_open=fail_open,
        strip_request_headers=list(strip_request_headers),
        vm_id=vm_id,
        tenants=tenants,
        symbols=symbols,
    )


@dataclass
class Progress:
    """What went on in one direction so far."""

    head: tuple[bytes, Fields] | None = None
    """Target or status, and fields."""

    body: bytes = b""
    trailers: Fields | None = None
    ended: bool = False


@dataclass
class Request:
    """One request in a chain; what policies let through gathers in `upstream` and `client`."""

    chain: Chain
    method: str = "GET"
    target: bytes = b"/"
    headers: Fields = field(default_factory=list)
    client_address: tuple[str, int] | None = ("192.0.2.1", 4711)
    scheme: str = "http"
    http_version: str = "1.1"

    def __post_init__(self) -> None:
        self.upstream = Progress()
        self.client = Progress()
        self.reset = False
        self.full: list[tuple[bool, bool]] = []
        self.wake: list[int] = []
        self.callouts: list[Callout] = []
        self.cancelled: list[int] = []
        self.records: list[tuple[str, int, str]] = []
        self.stream, effects, self.body_follows = self.chain.open(
            self.client_address,
            ("127.0.0.1", 80),
            self.scheme,
            self.http_version,
            self.method,
            self.target,
            self.headers,
        )
        if effects is None:
            self.upstream.head = (self.target, self.headers)
            self.upstream.ended = not self.body_follows
        else:
            self._note(effects)

    def _note(self, effects: Effects) -> None:
        self.records += effects.logs
        self.wake += effects.wake
        self.callouts += effects.callouts
        self.cancelled += effects.cancelled
        self.reset |= effects.reset
        full = (effects.request_full, effects.response_full)
        if full != (self.full[-1] if self.full else (False, False)):
            self.full.append(full)
        if effects.forward:
            head = effects.request_head
            if head is None:
                self.upstream.head = (self.target, self.headers)
            else:
                self.upstream.head = (head.target, head.headers)
        self.upstream.body += effects.request_body or b""
        self.upstream.ended |= effects.request_end
        if effects.response_head is not None:
            status, fields = effects.response_head
            self.client.head = (str(status).encode(), fields)
        self.client.body += effects.response_body or b""
        self.client.ended |= effects.response_end
        if effects.response_trailers is not None:
            self.client.trailers = effects.response_trailers

    def request_body(self, chunk: bytes, *, end: bool = False) -> Request:
        """Feed a chunk of the request's body."""
        effects = self.stream.on_request_body(chunk, end)
        if effects is None:
            self.upstream.body += chunk
            self.upstream.ended |= end
        else:
            self._note(effects)
        return self

    def response(
        self, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = (), *, end: bool = False
    ) -> Request:
        """Feed the head of the response."""
        fields = list(headers)
        effects = self.stream.on_response_headers(status, fields, end)
        if effects is None:
            self.client.head = (str(status).encode(), fields)
            self.client.ended |= end
        else:
            self._note(effects)
        return self

    def response_body(self, chunk: bytes, *, end: bool = False) -> Request:
        """Feed a chunk of the response's body."""
        effects = self.stream.on_response_body(chunk, end)
        if effects is None:
            self.client.body += chunk
            self.client.ended |= end
        else:
            self._note(effects)
        return self

    def response_trailers(self, trailers: Fields) -> Request:
        """Feed the trailers of the response."""
        effects = self.stream.on_response_trailers(trailers)
        if effects is not None:
            self._note(effects)
        return self

    def resume(self) -> Request:
        """Perform what was asked from outside."""
        effects = self.stream.resume()
        if effects is not None:
            self._note(effects)
        return self

    def close(self) -> Request:
        """End the stream."""
        effects = self.stream.close()
        if effects is not None:
            self._note(effects)
        return self

    @property
    def status(self) -> int | None:
        """The status that the client gets, if any yet."""
        return None if self.client.head is None else int(self.client.head[0])

    @property
    def passed(self) -> bool:
        """The request's head went on."""
        return self.upstream.head is not None

    @property
    def said(self) -> list[str]:
        """The log lines so far."""
        return [message for _, _, message in self.records]
