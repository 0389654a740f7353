"""gateway.yaml as frozen models. Times are in seconds, sizes in bytes.

The models check single values; `wasmgate.config.references` checks references by name. Defaults
that are models are made by `model_construct`, which needs no validator.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    JsonValue,
    PrivateAttr,
    model_validator,
)

from wasmgate import trust
from wasmgate._native import LB_POLICIES
from wasmgate.callouts import storages
from wasmgate.config.addresses import Address, ListenAddress, Network
from wasmgate.config.base import Model
from wasmgate.config.callouts import CalloutSettings, SharedLimits
from wasmgate.config.capabilities import CapabilitySettings
from wasmgate.config.clusters import NOT_EMPTY, Cluster
from wasmgate.config.file_origin import FileOrigin
from wasmgate.config.invalid import invalid
from wasmgate.config.isolation import TenantSettings
from wasmgate.config.matching import Match
from wasmgate.config.names import FieldName, Name, Text
from wasmgate.config.references import dangling
from wasmgate.config.routes import Route
from wasmgate.config.units import Count, Share, Size
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


class LimitSettings(Model):
    """Resources of one policy; see `wasmgate.Limits`."""

    fuel: Count = Limits.fuel
    """Fuel of one callback; a unit is about one instruction, about 1 ns."""

    start_fuel: Count = Limits.start_fuel
    """Fuel for starting and configuring an instance."""

    memory: Size = Limits.memory
    """Linear memory of one instance."""

    body: Size = Limits.body
    """Bytes of a buffered body; more is answered 413, or not read until the policy continues."""

    headers: Count = Limits.headers
    """Fields in one header map; more is answered 431."""

    header_bytes: Size = Limits.header_bytes
    """Names and values of one header map; more is answered 431."""

    log_bytes: Size = Limits.log_bytes
    """Log text that one callback may write."""

    step_callbacks: Count = Limits.step_callbacks
    """Callbacks of queues and after `proxy_done` that one step may cause; the rest is deferred."""

    step_fuel: Count = Limits.step_fuel
    """Fuel of all these callbacks together; one of them may always run."""

    background_share: Share = Limits.background_share
    """The share of a core's time for ticks, queues, and callouts of no request."""

    def to_limits(self) -> Limits:
        """Return the settings as `Limits`."""
        return Limits(**self.model_dump())


class PolicySettings(Model):
    """A module with its configuration, limits and capabilities; see `wasmgate.Policy`."""

    module: Text
    """The name of a bundled policy, or a path (with '/' or ending in '.wasm')."""

    root_id: str = ""
    """The root context in the module, if it has several."""

    configuration: JsonValue = Field(default=None, repr=False)
    """Passed to the policy as JSON, a text unchanged. `{file: path}` becomes the file's text."""

    vm_configuration: JsonValue = Field(default=None, repr=False)
    """The configuration of the virtual machine (`proxy_on_vm_start`), in the same form."""

    limits: LimitSettings = LimitSettings.model_construct()
    """Resources that the policy may use."""

    capabilities: CapabilitySettings = CapabilitySettings.model_construct()
    """What the policy may use outside its own memory."""

    failure_policy: FailurePolicy = FailurePolicy.CLOSED
    """When the policy fails: a request is answered 503 (`closed`) or skips it (`open`)."""

    strip_request_headers: tuple[FieldName, ...] = ()
    """Request headers whose client copies are removed before any policy runs."""

    allow_on_headers_stop_iteration: bool = False
    """Whether a stopped head waits without its body, so that body callbacks run before it."""

    vm_id: str = ""
    """The name of its shared data and queues; policies of one `vm_id` can share a VM."""

    isolation: Isolation = Isolation.POLICY
    """`tenant`: each tenant has its own virtual machine, shared data and limits."""

    tenants: TenantSettings | None = None
    """The key of a tenant (default: the host of the request) and their number."""

    @model_validator(mode="after")
    def _isolation_fits(self) -> PolicySettings:
        text = contradiction(self.isolation, self.vm_id, tenants=self.tenants is not None)
        if text is not None:
            raise invalid("isolation", text, "take one of the two keys out")
        return self

    def to_policy(self, name: str, origin: Origin | None = None) -> Policy:
        """Return the settings as a `Policy`.

        Args:
            name: The name of the policy.
            origin: Where the policy is written, for its errors.

        Raises:
            ConfigError: A setting is invalid.
        """
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
        """Return the settings with another configuration.

        Args:
            configuration: The configuration, in place of the one in the settings.
        """
        return self.model_copy(update={"configuration": configuration})

    def _stripped(self) -> tuple[str, ...]:
        """Return the named headers, and those that the bundled `jwt_auth` sets."""
        if self.module != "jwt_auth" or not isinstance(self.configuration, dict):
            return self.strip_request_headers
        written = identity_headers(self.configuration)
        return tuple(dict.fromkeys((*self.strip_request_headers, *written)))


class Server(Model):
    """Limits of clients and of their requests."""

    connections: Count | None = None
    """Clients of one process of `wasmgate run` at once; further ones wait until one leaves.

    By default as many as the process may have descriptors for, less those of upstreams.
    """

    headers: Count = 128
    """Fields in a request's head; more is answered 431."""

    header_bytes: Size = 64 * 1024
    """Names and values of a request's fields; more is answered 431."""

    body: Size | None = None
    """Bytes of a request body; more is answered 413. Bodies are streamed: no limit by default."""

    headers_with_underscores_action: Literal["drop_header", "allow"] = "drop_header"
    """What happens to fields with an underscore in their name, which CGI and WSGI confuse."""


class GatewayConfig(Model):
    """The whole of gateway.yaml."""

    listen: ListenAddress = Address("127.0.0.1", 8080)
    """The address on which `wasmgate run` listens."""

    policies: dict[Name, PolicySettings] = Field(default_factory=dict)
    """Policies by name. A policy's name is also the namespace of its shared data."""

    clusters: dict[Name, Cluster]
    """Clusters by name."""

    default_policies: tuple[str, ...] = ()
    """The policies of routes without the key `policies`."""

    background: tuple[str, ...] = ()
    """Policies outside of routes: they have ticks, listen to queues and make callouts."""

    routes: Annotated[tuple[Route, ...], *NOT_EMPTY]
    """Routes: a request takes the first that matches, in the order of `route_order`."""

    route_order: Literal["specificity", "file"] = "specificity"
    """The order in which routes are tried: the most specific one first, or as in the file."""

    trusted_proxies: tuple[Network, ...] = ()
    """Proxies whose X-Forwarded-* headers are kept; those of other peers are replaced."""

    server: Server = Server.model_construct()
    """Limits of requests as clients send them."""

    callouts: CalloutSettings = CalloutSettings.model_construct()
    """Limits of callouts."""

    limits: SharedLimits = SharedLimits.model_construct()
    """Rate limits that workers and machines share."""

    _file: FileOrigin | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _names_meet(self) -> GatewayConfig:
        lines = [f"{key_path(one.path)}: {one.text}" for one in dangling(self._raw())]
        if lines:
            raise invalid("references", "; ".join(lines), "name what is defined in the file")
        return self

    def _raw(self) -> dict[str, Any]:
        names = {"policies", "clusters", "default_policies", "background", "routes"}
        return self.model_dump(include=names)

    def to_policies(self) -> dict[str, Policy]:
        """Return all policies by name.

        Raises:
            ConfigError: A setting of a policy is invalid.
        """
        return {
            name: settings.to_policy(name, self._below("policies", name))
            for name, settings in self.policies.items()
        }

    def read_from(self, file: FileOrigin) -> GatewayConfig:
        """Set the file that errors of the policies name, and return the configuration.

        Args:
            file: The file with the places of its values.
        """
        self._file = file
        return self

    def _below(self, *path: str | int) -> FileOrigin | None:
        return None if self._file is None else self._file.below(*path)

    def require_storage(self) -> None:
        """Check that the packages that shared limits need are installed.

        Raises:
            ConfigError: A package is missing.
        """
        capabilities = (policy.capabilities for policy in self.to_policies().values())
        storages.require(self.limits.storage, capabilities, where="limits.storage")

    def require_trust(self) -> None:
        """Check that certificate authorities are there if an endpoint uses TLS.

        Raises:
            ConfigError: An endpoint uses TLS, and this process trusts no certificate authority.
        """
        for name, cluster in self.clusters.items():
            trust.require(cluster.urls, where=f"clusters.{name}.endpoints")

    def policies_of(self, route: Route) -> tuple[str, ...]:
        """Return the names of a route's policies, in order.

        Args:
            route: One of `routes`.
        """
        if route.policies is None:
            return self.default_policies
        return tuple(name for policy in route.policies for name in policy)

    def configured_by(self, route: Route) -> dict[str, Policy]:
        """Return the policies with a configuration of their own on a route, by name.

        Args:
            route: One of `routes`.

        Raises:
            ConfigError: A setting of a policy is invalid.
        """
        at = next((at for at, one in enumerate(self.routes) if one is route), 0)
        return {
            name: self.policies[name]
            .configured(own.configuration)
            .to_policy(name, self._below("routes", at, "policies", index, name))
            for index, policy in enumerate(route.policies or ())
            for name, own in policy.items()
            if own is not None
        }
