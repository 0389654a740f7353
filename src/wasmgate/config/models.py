"""gateway.yaml as frozen models. Times are seconds and sizes bytes once they are read.

The models check one value at a time; `wasmgate.config.references` checks that names meet.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    PrivateAttr,
    model_validator,
)

from wasmgate import trust
from wasmgate._native import LB_POLICIES
from wasmgate.callouts import storages
from wasmgate.config.addresses import Address, Endpoint, Host, ListenAddress, Network, Prefix
from wasmgate.config.base import Model
from wasmgate.config.callouts import CalloutSettings, SharedLimits
from wasmgate.config.capabilities import CapabilitySettings
from wasmgate.config.isolation import RoutePolicy, TenantSettings
from wasmgate.config.names import FieldName, Name, Text
from wasmgate.config.references import dangling
from wasmgate.config.units import Count, Duration, Share, Size
from wasmgate.config.written import InFile
from wasmgate.config.wrong import wrong
from wasmgate.origins import Origin, key_path
from wasmgate.policies import identity_headers
from wasmgate.policy import FailurePolicy, Policy
from wasmgate.policy.isolation import Isolation, contradiction
from wasmgate.policy.limits import Limits

__all__ = [
    "LB_POLICIES",
    "CalloutSettings",
    "CapabilitySettings",
    "Cluster",
    "GatewayConfig",
    "LimitSettings",
    "Match",
    "PolicySettings",
    "Route",
    "Server",
    "SharedLimits",
]


def _not_empty(values: tuple[object, ...]) -> tuple[object, ...]:
    if not values:
        text = "must have at least one entry"
        raise wrong("empty", text, "write one, such as [http://127.0.0.1:9001] for endpoints")
    return values


# Not `min_length`: pydantic counts the valid entries only, and would call a list of mistakes empty.
NOT_EMPTY = (AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1}))


def _lb_policy(name: str) -> str:
    if name not in LB_POLICIES:
        known = " or ".join(map(repr, LB_POLICIES))
        raise wrong("lb_policy", f"must be {known}", f"write {known}")
    return name


class LimitSettings(Model):
    """What one policy may use; see `wasmgate.Limits`."""

    fuel: Count = Limits.fuel
    """Fuel for one callback, about 1 ns each."""

    start_fuel: Count = Limits.start_fuel
    """Fuel for starting and configuring an instance."""

    memory: Size = Limits.memory
    """Linear memory of one instance."""

    body: Size = Limits.body
    """Body bytes held while the policy pauses; more is answered 413, or waits to be read."""

    headers: Count = Limits.headers
    """Fields in one header map; more is answered 431."""

    header_bytes: Size = Limits.header_bytes
    """Names and values of one header map; more is answered 431."""

    log_bytes: Size = Limits.log_bytes
    """Log text that one callback may write."""

    step_callbacks: Count = Limits.step_callbacks
    """Callbacks of queues and after `proxy_done` that one step may cause; the rest waits a turn."""

    step_fuel: Count = Limits.step_fuel
    """Fuel of all these callbacks together; one of them may always run."""

    background_share: Share = Limits.background_share
    """The share of a core's time for ticks, queues, and callouts of no request."""

    def to_limits(self) -> Limits:
        """Return the same as `Limits`."""
        return Limits(**self.model_dump())


class PolicySettings(Model):
    """A module with its configuration, limits and capabilities; see `wasmgate.Policy`."""

    module: Text
    """The name of a bundled policy, or a path (with '/' or ending in '.wasm')."""

    root_id: str = ""
    """Chooses one of several root contexts in a module."""

    configuration: JsonValue = Field(default=None, repr=False)
    """Reaches the policy as JSON, text as it is. `{file: path}` in it becomes the file's text."""

    vm_configuration: JsonValue = Field(default=None, repr=False)
    """The same for the virtual machine (`proxy_on_vm_start`)."""

    limits: LimitSettings = LimitSettings()
    """What it may use."""

    capabilities: CapabilitySettings = CapabilitySettings()
    """What it may touch."""

    failure_policy: FailurePolicy = FailurePolicy.CLOSED
    """What a request gets when the policy fails: a 503 (`closed`), or it goes on (`open`)."""

    strip_request_headers: tuple[FieldName, ...] = ()
    """Request headers whose client copies are removed before any policy runs."""

    allow_on_headers_stop_iteration: bool = False
    """Whether it may stop the headers alone, so that its body callbacks run before they go on."""

    vm_id: str = ""
    """Names its shared data and queues, and lets policies of one `vm_id` share a VM."""

    isolation: Isolation = Isolation.POLICY
    """`tenant` gives each tenant a virtual machine, shared data and limits of its own."""

    tenants: TenantSettings | None = None
    """What names a tenant (the request's host when it is left out), and how many there are."""

    @model_validator(mode="after")
    def _isolation_fits(self) -> PolicySettings:
        text = contradiction(self.isolation, self.vm_id, tenants=self.tenants is not None)
        if text is not None:
            raise wrong("isolation", text, "take one of the two keys out")
        return self

    def to_policy(self, name: str, origin: Origin | None = None) -> Policy:
        """Return the same as a `Policy`, under the name it has in the file."""
        return Policy(
            self.module,
            name=name,
            root_id=self.root_id,
            configuration=self.configuration,
            vm_configuration=self.vm_configuration,
            limits=self.limits.to_limits(),
            capabilities=self.capabilities.to_capabilities(),
            failure_policy=self.failure_policy,
            strip_request_headers=self._stripped(),
            allow_on_headers_stop_iteration=self.allow_on_headers_stop_iteration,
            vm_id=self.vm_id,
            isolation=self.isolation,
            tenants=self.tenants.to_tenants() if self.tenants else None,
            origin=origin,
        )

    def configured(self, configuration: JsonValue) -> PolicySettings:
        """Return the same with another configuration."""
        return self.model_copy(update={"configuration": configuration})

    def _stripped(self) -> tuple[str, ...]:
        """Return what is named, and what the bundled `jwt_auth` says about the client."""
        if self.module != "jwt_auth" or not isinstance(self.configuration, dict):
            return self.strip_request_headers
        written = identity_headers(self.configuration)
        return tuple(dict.fromkeys((*self.strip_request_headers, *written)))


class Cluster(Model):
    """Endpoints that serve the same, and how requests are spread over them."""

    endpoints: Annotated[tuple[Endpoint, ...], *NOT_EMPTY]
    """URLs of scheme, host and port."""

    lb_policy: Annotated[
        str, AfterValidator(_lb_policy), Field(json_schema_extra={"enum": [*LB_POLICIES]})
    ] = "round_robin"
    """How the next endpoint is chosen."""

    connections: Count = 256
    """Open connections to one endpoint, at most."""

    connect_timeout: Duration = 5.0
    """To get a connection: a free place in the pool, DNS, TCP and TLS together."""

    read_timeout: Duration = 60.0
    """Between two signs of life of an endpoint that owes an answer."""


class Match(Model):
    """Which requests a route is for. What is left out matches every request."""

    host: Host | None = None
    """The host that the client asked for, without case and port."""

    prefix: Prefix = "/"
    """The beginning of the path."""


class Route(Model):
    """Where matching requests go and which policies they pass."""

    match: Match
    """Which requests."""

    cluster: str
    """Where they go."""

    policies: tuple[RoutePolicy, ...] | None = None
    """The policies they pass, in order; `default_policies` when it is left out, none for `[]`.
    `{limit: {configuration: …}}` gives a policy another configuration here."""

    prefix_rewrite: Prefix | None = None
    """What stands in place of the matched prefix on the way to the cluster."""

    timeout: Duration | None = None
    """From the request's head to the last byte of the response; then 504."""

    @property
    def name(self) -> str:
        """How policies, logs and metrics call this route: its host and prefix."""
        return (self.match.host or "") + self.match.prefix


class Server(Model):
    """What a client's request may be."""

    headers: Count = 128
    """Fields in a request's head; more is answered 431."""

    header_bytes: Size = 64 * 1024
    """Names and values of a request's fields; more is answered 431."""

    body: Size | None = None
    """Bytes of a request body; more is answered 413. Bodies are streamed: no limit by default."""

    headers_with_underscores_action: Literal["drop_header", "allow"] = "drop_header"
    """What is done with a request's fields whose names WSGI and CGI cannot tell from others."""


class GatewayConfig(Model):
    """The whole of gateway.yaml."""

    listen: ListenAddress = Address("127.0.0.1", 8080)
    """Where `wasmgate run` listens."""

    policies: dict[Name, PolicySettings] = Field(default_factory=dict)
    """Policies by name. A name is also the policy's own space in shared data."""

    clusters: dict[Name, Cluster]
    """Clusters by name."""

    default_policies: tuple[str, ...] = ()
    """The policies of every route that names none."""

    background: tuple[str, ...] = ()
    """Policies that run beside the requests: they tick, listen to queues and make callouts."""

    routes: Annotated[tuple[Route, ...], *NOT_EMPTY]
    """The first that matches, in the order of the file, is taken."""

    trusted_proxies: tuple[Network, ...] = ()
    """Peers whose X-Forwarded-* headers are believed; from others they are replaced."""

    server: Server = Server()
    """Bounds on what clients send."""

    callouts: CalloutSettings = CalloutSettings()
    """Bounds on what policies ask of others."""

    limits: SharedLimits = SharedLimits()
    """Limits that workers and machines share."""

    _file: InFile | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _names_meet(self) -> GatewayConfig:
        lines = [f"{key_path(one.path)}: {one.text}" for one in dangling(self._raw())]
        if lines:
            raise wrong("references", "; ".join(lines), "name what is there")
        return self

    def _raw(self) -> dict[str, Any]:
        names = {"policies", "clusters", "default_policies", "background", "routes"}
        return self.model_dump(include=names)

    def to_policies(self) -> dict[str, Policy]:
        """Return every policy by name, ready to be loaded."""
        return {
            name: settings.to_policy(name, self._below("policies", name))
            for name, settings in self.policies.items()
        }

    def read_from(self, file: InFile) -> GatewayConfig:
        """Return the same, with the file that errors of its policies name."""
        self._file = file
        return self

    def _below(self, *path: str | int) -> InFile | None:
        return None if self._file is None else self._file.below(*path)

    def require_storage(self) -> None:
        """Raise ConfigError if a package that shared limits need is missing."""
        capabilities = (policy.capabilities for policy in self.to_policies().values())
        storages.require(self.limits.storage, capabilities, where="limits.storage")

    def require_trust(self) -> None:
        """Raise ConfigError if an endpoint speaks TLS and no certificate could be trusted."""
        for name, cluster in self.clusters.items():
            trust.require(cluster.endpoints, where=f"clusters.{name}.endpoints")

    def policies_of(self, route: Route) -> tuple[str, ...]:
        """Return the names of the policies that a route's requests pass, in order."""
        if route.policies is None:
            return self.default_policies
        return tuple(name for policy in route.policies for name in policy)

    def configured_by(self, route: Route) -> dict[str, Policy]:
        """Return the policies that a route gives a configuration of its own, by name."""
        at = next((at for at, one in enumerate(self.routes) if one is route), 0)
        return {
            name: self.policies[name]
            .configured(own.configuration)
            .to_policy(name, self._below("routes", at, "policies", index, name))
            for index, policy in enumerate(route.policies or ())
            for name, own in policy.items()
            if own is not None
        }
