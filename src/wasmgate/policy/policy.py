"""A policy, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.policy import loading
from wasmgate.policy.value import PolicyValue

if TYPE_CHECKING:
    from wasmgate._native import Host, Module, Plugin

__all__ = ["Policy"]


class Policy(PolicyValue):
    """A module and how to run it.

    `module` is the name of a bundled policy ("jwt_auth") or a path: a `Path`, or text that has a
    "/" in it or ends in ".wasm". `configuration` reaches the policy as bytes: text and bytes as
    they are, anything else as JSON (`configuration_bytes`). `strip_request_headers` are removed
    from what clients send before any policy runs, also when this one fails or is skipped.
    `allow_on_headers_stop_iteration`, Envoy's name, lets a policy stop the headers alone: its body
    callbacks run before the headers go on. Otherwise such a stop holds everything.

    `vm_id` names its shared data and queues (empty: `name` does); policies that also have module,
    `vm_configuration`, environment and `limits.memory` in common share a virtual machine on each
    thread. `isolation="tenant"` gives each tenant one of its own.

    Raises ConfigError for an argument that cannot be used.
    """

    def read(self) -> bytes:
        """Return the module's bytes.

        Raises ConfigError when there is no such bundled policy, or the file cannot be read.
        """
        return loading.read(self)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that the policy may read, as they are now.

        Raises ConfigError that names every one that is not set.
        """
        return loading.environment(self)

    def load(self, host: Host, *, previous: Plugin | None = None) -> Plugin:
        """Take the module from the cache, or compile it, then start and configure it.

        Compiling is fast at first, in a process of its own; better code follows in the background.
        `previous`, a plugin of an equal policy, is returned if it runs the same module.

        Raises ConfigError for what can be told without running it, PolicyLoadError for the rest.
        """
        return loading.load(self, host, previous=previous)

    def prepare(self, host: Host, wasm: bytes) -> Module:
        """Take the module from the cache, or compile it; it is not started.

        Raises PolicyLoadError for a module that cannot run here.
        """
        return loading.prepare(self, host, wasm)

    def start(self, host: Host, module: Module) -> Plugin:
        """Start and configure the module.

        Raises ConfigError for what can be told without running it, PolicyLoadError when it crashes
        or refuses its configuration.
        """
        return loading.start(self, host, module)

    def join(self, plugin: Plugin) -> Plugin:
        """Configure the module of `plugin` once more, in the same virtual machine.

        Only `configuration` and `strip_request_headers` are this policy's own. Raises
        PolicyLoadError when the module refuses the configuration.
        """
        return loading.join(self, plugin)
