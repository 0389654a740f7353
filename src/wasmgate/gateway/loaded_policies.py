"""Policies in use: those of a configuration, and the same as its routes configure them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wasmgate.errors import PolicyLoadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wasmgate._native import Host, Plugin
    from wasmgate.config import GatewayConfig
    from wasmgate.config.models import Route
    from wasmgate.policy import Policy

__all__ = ["ConfiguredPolicies", "LoadedPolicy", "configure"]


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy in use, and the settings that it was loaded with."""

    policy: Policy
    environment: Mapping[str, str]
    plugin: Plugin

    @classmethod
    def of(cls, policy: Policy, host: Host, previous: LoadedPolicy | None) -> LoadedPolicy:
        """Load a policy, or keep a previous one that is equal and runs the same module."""
        environment = policy.environment()
        equal = (
            previous is not None
            and replace(previous.policy, module=policy.module) == policy
            and previous.environment == environment
        )
        plugin = policy.load(host, previous=previous.plugin if previous and equal else None)
        return cls(policy, environment, plugin)


def configure(policy: Policy, plugin: Plugin, route: Route) -> Plugin:
    """Configure a policy for a route, beside `plugin`.

    Raises PolicyLoadError that names the route.
    """
    try:
        return policy.join(plugin)
    except PolicyLoadError as error:
        if policy.origin is not None:  # the place in the file names the route
            raise
        # There is no file to name, so the route is the place.
        _, policy_says, said = error.message.partition("policy ")
        text = f"route {route.name!r}: {policy_says}{said}"
        raise PolicyLoadError(text, policy=policy.name, hint=error.hint) from error


class ConfiguredPolicies:
    """What routes configure themselves. Equal configurations are one root context.

    Those of `previous` go on if their policy does. Raises PolicyLoadError.
    """

    def __init__(
        self,
        config: GatewayConfig,
        loaded: Mapping[str, LoadedPolicy],
        previous: ConfiguredPolicies | None,
    ) -> None:
        self._config = config
        self._loaded = loaded
        # By name and configuration: the policy's own plugin, and the one beside it.
        self._plugins: dict[tuple[str, bytes], tuple[Plugin, Plugin]] = {}
        before = previous._plugins if previous is not None else {}  # noqa: SLF001 (it is this class)
        for route in config.routes:
            for name, policy in config.configured_by(route).items():
                key, own = (name, policy.configuration_bytes), loaded[name].plugin
                if key in self._plugins:
                    continue
                kept = before.get(key)
                if kept is None or kept[0] is not own:
                    kept = own, configure(policy, own, route)
                self._plugins[key] = kept

    def plugins(self) -> Iterator[Plugin]:
        """Yield each of them once."""
        return (beside for _, beside in self._plugins.values())

    def of(self, route: Route) -> tuple[Plugin, ...]:
        """Return the plugins that a route's requests pass, in order."""
        configured = self._config.configured_by(route)
        return tuple(
            self._plugins[name, configured[name].configuration_bytes][1]
            if name in configured
            else self._loaded[name].plugin
            for name in self._config.policies_of(route)
        )
