"""The exceptions of wasmgate.

    WasmgateError              .diagnostics() says what happened, where, and what to try
    ├── ConfigError            gateway.yaml or arguments; .problems has one line a problem
    ├── PolicyError            .policy is its name
    │   ├── PolicyLoadError    not Wasm, another ABI, an unknown import, a refused configuration
    │   └── PolicyTrap         crashed on a request
    │       ├── OutOfFuel      used more than `Limits.fuel`
    │       └── OutOfMemory    needed more than `Limits.memory`
    ├── AsgiError              a server or an app sent what the ASGI specification does not allow
    ├── WrongThread            a stream was used on a thread that did not open it
    └── UpstreamError          .endpoint, .retryable
        ├── NoHealthyEndpoint  a cluster has no healthy endpoint
        ├── ConnectError       the connection failed
        └── UpstreamTimeout    connected, but no response in time

The native extension raises these classes by import. Their messages are for operators and logs: the
gateway never copies one into a response, because it may name files, hosts or configuration.
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

E = TypeVar("E", bound="WasmgateError")

__all__ = [
    "AsgiError",
    "ConfigError",
    "ConnectError",
    "NoHealthyEndpoint",
    "OutOfFuel",
    "OutOfMemory",
    "PolicyError",
    "PolicyLoadError",
    "PolicyTrap",
    "UpstreamError",
    "UpstreamTimeout",
    "WasmgateError",
    "WrongThread",
]


class WasmgateError(Exception):
    """The base class of all exceptions of wasmgate.

    The arguments are kept as attributes of the same names.

    Args:
        message: What happened.
        where: The file, key, policy or endpoint.
        hint: What to try; if it is empty, the advice of the class.
    """

    advice: ClassVar[str] = ""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint or self.advice
        for line in self._details():
            self.add_note(line)  # a traceback shows it below the message (PEP 678)

    def diagnostics(self) -> str:
        """Return what happened, where, and what to try: a line each, unknown parts left out."""
        return "\n".join([self.message, *self._details()])

    def _details(self) -> list[str]:
        where = [f"  where: {self.where}"] if self.where else []
        return [*where, f"  try:   {self.hint}"] if self.hint else where

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions pickle by calling the class with `args`, which leaves keyword arguments out.
        return _revive, (type(self), self.args, self.__dict__)


def _revive(cls: type[E], args: tuple[object, ...], state: dict[str, object]) -> E:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class ConfigError(WasmgateError):
    """The configuration, a file or arguments, is invalid.

    Args:
        message: What is invalid.
        where: The file, key or argument.
        hint: What to write instead.
        problems: One line for each mistake, with its place: a file is checked to its end.
    """

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", problems: tuple[str, ...] = ()
    ) -> None:
        super().__init__("\n".join([message, *problems]), where=where, hint=hint)
        self.problems = problems


class PolicyError(WasmgateError):
    """A policy failed.

    Args:
        message: What happened.
        policy: The name of the policy.
        hint: What to try.
    """

    def __init__(self, message: str, *, policy: str, hint: str = "") -> None:
        super().__init__(message, where=f"policy {policy!r}", hint=hint)
        self.policy = policy


class PolicyLoadError(PolicyError):
    """A policy could not be compiled, started or configured; it does not run."""

    advice = "mend what the message names; `wasmgate inspect` shows what a module is"


class PolicyTrap(PolicyError):
    """A policy crashed on a request; its failure policy was applied and its instance replaced."""

    advice = "the policy's own log lines around this time usually name the cause"


class OutOfFuel(PolicyTrap):
    """A callback used more fuel than `Limits.fuel` allows; a unit is about 1 ns."""

    advice = "look for a loop that depends on the request, or raise `limits.fuel`"


class OutOfMemory(PolicyTrap):
    """A policy needed more memory than `Limits.memory` allows, in bytes."""

    advice = "look for state that grows with every request, or raise `limits.memory`"


class WrongThread(WasmgateError):
    """A stream was used on a thread that did not open it: a policy's instance has one thread."""

    advice = "open and drive a stream on one event loop; open another on the other thread"


class AsgiError(WasmgateError, TypeError):
    """A server or an app violated the ASGI specification; the message names field and value."""

    advice = "see the field in the ASGI specification, HTTP & WebSocket protocol 2.5"


class UpstreamError(WasmgateError):
    """An upstream did not respond.

    Args:
        message: What happened.
        endpoint: The URL of the endpoint.
        retryable: Whether the request may be sent to another endpoint: the upstream cannot have
            processed it (RFC 9110 section 9.2.2).
        hint: What to try.
    """

    def __init__(
        self, message: str, *, endpoint: str, retryable: bool = False, hint: str = ""
    ) -> None:
        super().__init__(message, where=f"endpoint {endpoint}" if endpoint else "", hint=hint)
        self.endpoint = endpoint
        self.retryable = retryable


class NoHealthyEndpoint(UpstreamError):
    """A cluster has no healthy endpoint; `endpoint` is the cluster's name."""

    advice = "check that the cluster's endpoints run and that its health checks can pass"


class ConnectError(UpstreamError):
    """The connection to the endpoint failed."""

    advice = "check that the endpoint listens and that this machine reaches it"


class UpstreamTimeout(UpstreamError):
    """The endpoint did not respond in time."""

    advice = "raise the cluster's `read_timeout` or the route's `timeout`, or see why it is slow"
