"""A route of gateway.yaml: which requests, which policies, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from wasmgate import _native
from wasmgate.config.actions import (
    HashBy,
    HeaderChanges,
    QueryRewrite,
    Redirect,
    RegexRewrite,
    Respond,
    Weight,
)
from wasmgate.config.addresses import Prefix
from wasmgate.config.base import Model
from wasmgate.config.invalid import invalid
from wasmgate.config.isolation import RoutePolicy
from wasmgate.config.matching import Match
from wasmgate.config.names import Text
from wasmgate.config.units import Duration
from wasmgate.config.websocket import WebSocketSettings

if TYPE_CHECKING:
    from wasmgate._native import Chain

__all__ = ["ACTIONS", "Route"]

ACTIONS = ("cluster", "clusters", "redirect", "respond")
"""What a route does: one of these keys."""

REWRITES = ("prefix_rewrite", "path_rewrite", "regex_rewrite")


def _some_weight(clusters: dict[str, int]) -> dict[str, int]:
    if not any(clusters.values()):
        text = "must have a cluster whose weight is more than 0"
        raise invalid("weights", text, "write { stable: 90, canary: 10 }")
    return clusters


class Route(Model):
    """Matching requests, their policies, and what becomes of them.

    One of `cluster`, `clusters`, `redirect` and `respond` says that.
    """

    match: Match
    """The requests of the route."""

    cluster: str | None = None
    """The cluster that requests are forwarded to."""

    clusters: Annotated[dict[str, Weight], AfterValidator(_some_weight)] | None = None
    """Clusters with weights: each gets its share of the requests."""

    redirect: Redirect | None = None
    """Sends the client elsewhere."""

    respond: Respond | None = None
    """Answers here."""

    policies: tuple[RoutePolicy, ...] | None = None
    """The policies of the requests, in order; `default_policies` if left out, none for `[]`.
    `{limit: {configuration: …}}` gives the policy another configuration on this route."""

    hash_by: HashBy | None = None
    """What keeps requests together: equal keys go to the same one of `clusters`."""

    prefix_rewrite: Prefix | None = None
    """Replaces the matched prefix in the forwarded request."""

    path_rewrite: Text | None = None
    """Replaces the whole path; `{id}` is a variable of the route's template, or a group of its
    regex."""

    regex_rewrite: RegexRewrite | None = None
    """Replaces what a regular expression matches in the path."""

    query_rewrite: QueryRewrite | None = None
    """Changes the query."""

    host_rewrite: Text | None = None
    """The host that the upstream sees: a name, maybe with a port, or `auto` for the endpoint's."""

    request_headers: HeaderChanges | None = None
    """Changes headers of the forwarded request, after its policies."""

    response_headers: HeaderChanges | None = None
    """Changes headers of every response, after its policies."""

    timeout: Duration | None = None
    """Time from the request's head to the last byte of the response; then 504.

    Of a WebSocket connection it is the time of the handshake."""

    websocket: WebSocketSettings = WebSocketSettings.model_construct()
    """Limits of WebSocket connections."""

    label: Text | None = Field(default=None, alias="name")
    """The name of the route for policies, logs and metrics; by default its host and path."""

    _route: _native.Route = PrivateAttr()

    @model_validator(mode="after")
    def _fits(self) -> Route:
        for keys, none in (
            (ACTIONS, "write cluster: site, or redirect or respond"),
            (REWRITES, ""),
        ):
            named = [key for key in keys if getattr(self, key) is not None]
            if len(named) > 1:
                text = f"has {' and '.join(named)}: one of them is possible"
                raise invalid("route", text, f"take {named[1]} out")
            if not named and none:
                raise invalid("route", f"must have one of {', '.join(keys)}", none)
        changes = [
            key for key in (*REWRITES, "query_rewrite", "host_rewrite") if getattr(self, key)
        ]
        if changes and self.cluster is None and self.clusters is None:
            text = f"has {changes[0]}, but forwards nothing"
            raise invalid("route", text, f"take {changes[0]} out; a redirect has keys of its own")
        self._route = self._checked()
        if (problem := self._route.problem) is not None:
            raise invalid("route", problem, "see routes in the reference of gateway.yaml")
        return self

    @property
    def name(self) -> str:
        """The name of the route for policies, logs and metrics: by default its host and path."""
        return self.label or ",".join(self.match.host) + self.match.pattern[1]

    @property
    def forwards_to(self) -> tuple[str, ...]:
        """The clusters that requests are forwarded to; none if it answers itself."""
        return (self.cluster,) if self.cluster is not None else tuple(self.clusters or ())

    def native(self, chain: Chain) -> _native.Route:
        """Return the route with its policies, for a router.

        Args:
            chain: The policies.
        """
        return self._route.with_chain(chain)

    def _checked(self) -> _native.Route:
        clusters = (
            [(self.cluster, 1)] if self.cluster is not None else [*(self.clusters or {}).items()]
        )
        return _native.Route(
            name=self.name,
            chain=_native.Chain([]),
            clusters=clusters,
            redirect=self.redirect.native() if self.redirect else None,
            response=self.respond.native() if self.respond else None,
            hash_by=self.hash_by.native() if self.hash_by else None,
            path_rewrite=self._path_rewrite(),
            query_rewrite=self.query_rewrite.native() if self.query_rewrite else None,
            host_rewrite=self.host_rewrite,
            request_headers=self.request_headers.native() if self.request_headers else None,
            response_headers=self.response_headers.native() if self.response_headers else None,
            timeout=self.timeout,
            websocket=(self.websocket.idle_timeout, self.websocket.message_size),
            **self.match.native(),
        )

    def _path_rewrite(self) -> tuple[str, str, str] | None:
        if self.prefix_rewrite is not None:
            return "prefix", self.prefix_rewrite, ""
        if self.path_rewrite is not None:
            return "path", self.path_rewrite, ""
        return self.regex_rewrite.native() if self.regex_rewrite else None

    def summary(self) -> dict[str, Any]:
        """Return what it does, for tables: the action and its value."""
        if self.redirect is not None:
            return {"redirect": self.redirect.status}
        if self.respond is not None:
            return {"respond": self.respond.status}
        return {"cluster": ", ".join(self.forwards_to)}
