"""What a request would meet: its route and why, its policies, endpoint and rewritten head.

No policy runs and nothing is sent: a policy may still answer, or change the request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasmgate._native import Chain
from wasmgate.gateway.routing import router_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate.config import GatewayConfig, Route
    from wasmgate.config.matching import Match

__all__ = ["Answered", "Explanation", "Forwarded", "RouteVerdict", "explain"]


@dataclass(frozen=True)
class RouteVerdict:
    """What one route says to the request."""

    index: int
    """The route's place in the file."""

    name: str
    """The route's name."""

    taken: bool
    """Whether it takes the request."""

    reason: str
    """Why, in words."""


@dataclass(frozen=True)
class Forwarded:
    """The request as an upstream would get it."""

    cluster: str
    endpoint: str
    method: str
    target: str
    host: str


@dataclass(frozen=True)
class Answered:
    """The response of the gateway itself."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True)
class Explanation:
    """The way of a request through the gateway."""

    routes: tuple[RouteVerdict, ...]
    """All routes, in the order in which they are tried."""

    policies: tuple[str, ...]
    """The policies of the route that takes the request, in order."""

    timeout: float | None
    """The time of that route, in seconds."""

    outcome: Forwarded | Answered
    """What becomes of the request, unless a policy decides otherwise."""


def explain(
    config: GatewayConfig,
    method: str,
    authority: str,
    target: str,
    headers: Sequence[tuple[str, str]] = (),
    *,
    scheme: str = "http",
) -> Explanation:
    """Return the way of a request through the gateway, without policies and without sending it.

    Args:
        config: The configuration.
        method: The method.
        authority: The host that the client names, maybe with a port.
        target: Path and query as they are on the wire.
        headers: Further fields.
        scheme: "http" or "https", as the client came.

    Raises:
        ConfigError: A route or a cluster is invalid.
    """
    chain = Chain([])
    router = router_of(config, [chain] * len(config.routes))
    lower = [(name.lower(), value) for name, value in headers]
    fields = [("host", authority), *lower]
    raw = [(name.encode(), value.encode()) for name, value in fields]
    client, server = ("127.0.0.1", 0), ("127.0.0.1", 0)
    exchange, effects = router.open(client, server, scheme, "1.1", method, target.encode(), raw)
    verdicts = router.explain(method, authority, target, lower)
    routes = tuple(_verdict(config.routes[at], at, *said) for at, *said in verdicts)
    taken = next((config.routes[its.index] for its in routes if its.taken), None)
    upstream = exchange.upstream
    outcome: Forwarded | Answered
    if upstream is not None:
        host = next(value for name, value in upstream.headers if name == b"host")
        outcome = Forwarded(
            cluster=upstream.cluster,
            endpoint=upstream.endpoint,
            method=upstream.method,
            target=upstream.target.decode(),
            host=host.decode(),
        )
    else:
        head = effects.response_head if effects is not None else None
        status, given = head if head is not None else (500, [])
        body = (effects.response_body or b"") if effects is not None else b""
        shown = tuple((name.decode(), value.decode("latin-1")) for name, value in given)
        outcome = Answered(status=status, headers=shown, body=body.decode("utf-8", "replace"))
    exchange.close()
    return Explanation(
        routes=routes,
        policies=config.policies_of(taken) if taken is not None else (),
        timeout=taken.timeout if taken is not None else None,
        outcome=outcome,
    )


def _verdict(route: Route, at: int, word: str, name: str) -> RouteVerdict:
    return RouteVerdict(
        at, route.name, taken=word == "taken", reason=_reason(route.match, word, name)
    )


def _reason(match: Match, word: str, name: str) -> str:
    fixed = {
        "taken": "takes the request",
        "later": "matches, but a route before it takes the request",
        "host": f"is for the host {' or '.join(match.host)}",
        "path": f"is for the {match.pattern[0]} {match.pattern[1]}",
        "method": f"is for {', '.join(match.methods)}",
    }
    return fixed[word] if word in fixed else _unmet(match, word, name)


def _unmet(match: Match, word: str, name: str) -> str:
    values = {"header": match.headers, "query": match.query, "cookie": match.cookies}[word]
    # The native route keeps names of headers in lower case.
    written = next(key for key in values if key == name or key.lower() == name)
    kind, text = values[written].condition()
    thing = "parameter" if word == "query" else word
    if kind in {"present", "absent"}:
        return f"is for requests {'with' if kind == 'present' else 'without'} the {thing} {written}"
    return f"is for the {thing} {written} with {kind}: {text}"
