"""A policy: its settings, and methods to load it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate.policy import loading
from wasmgate.policy.value import PolicyValue

if TYPE_CHECKING:
    from wasmgate._native import Host, Module, Plugin

__all__ = ["Policy"]


class Policy(PolicyValue):
    """A module and how to run it.

    Args:
        module: The name of a bundled policy ("jwt_auth") or a path: a `Path`, or a text that
            contains "/" or ends in ".wasm".
        name: The name for logs, metrics and errors; the stem of `module` if it is empty.
        root_id: The root context of the module, if it has several.
        configuration: Passed to the policy as bytes (`configuration_bytes`): text and bytes
            unchanged, another value as JSON.
        vm_configuration: Passed to `proxy_on_vm_start` in the same form.
        limits: Resource limits.
        capabilities: What the policy may use outside its own memory.
        failure_policy: What happens to a request when the policy fails.
        strip_request_headers: Headers that are removed from clients' requests before any policy
            runs, also when this one fails or is skipped.
        allow_on_headers_stop_iteration: Whether body callbacks run while the policy stops the
            headers, before these are forwarded; otherwise the body waits, too.
        vm_id: The namespace of its shared data and queues; `name` if it is empty. Policies with the
            same `vm_id`, module, `vm_configuration`, environment and `limits.memory` share a
            virtual machine on each thread.
        isolation: "tenant" gives each tenant a virtual machine of its own.
        tenants: The key of a tenant and the number of tenants; only with `isolation="tenant"`.
        origin: Where the policy is written, for its errors; None: in the call that makes it.

    Raises:
        ConfigError: An argument is invalid.

    Source:
        Envoy's `envoy.extensions.wasm.v3.PluginConfig` and `VmConfig`, for the names.
    """

    def read(self) -> bytes:
        """Return the module's bytes.

        Raises:
            ConfigError: The bundled policy does not exist, or the file cannot be read.
        """
        return loading.read(self)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that the policy may read, with their current values.

        Raises:
            ConfigError: Variables are not set; the message names all of them.
        """
        return loading.environment(self)

    def load(self, host: Host, *, previous: Plugin | None = None) -> Plugin:
        """Find the module in the cache or compile it, then start and configure it.

        The fast tier is compiled in a subprocess; optimised code follows in the background.

        Args:
            host: The host that will run the policy.
            previous: A plugin of an equal policy, which is returned if it runs the same module.

        Returns:
            The started plugin.

        Raises:
            ConfigError: A mistake was found without running the module.
            PolicyLoadError: The module cannot be compiled, started or configured.
        """
        return loading.load(self, host, previous=previous)

    def prepare(self, host: Host, wasm: bytes) -> Module:
        """Find the module in the cache or compile it, without starting it.

        Args:
            host: The host that will run the policy.
            wasm: The module's bytes.

        Returns:
            The compiled module.

        Raises:
            PolicyLoadError: The module cannot run here.
        """
        return loading.prepare(self, host, wasm)

    def start(self, host: Host, module: Module) -> Plugin:
        """Start and configure the module.

        Args:
            host: The host that will run the policy.
            module: The compiled module, of `prepare`.

        Returns:
            The started plugin.

        Raises:
            ConfigError: A mistake was found without running the module.
            PolicyLoadError: The module crashes, or refuses its configuration.
        """
        return loading.start(self, host, module)

    def join(self, plugin: Plugin) -> Plugin:
        """Configure the module of a plugin again, as another root context in the same VM.

        Only `configuration` and `strip_request_headers` of the policy are used.

        Args:
            plugin: A started plugin of the same module.

        Returns:
            The plugin with this policy's configuration.

        Raises:
            PolicyLoadError: The module refuses the configuration.
        """
        return loading.join(self, plugin)
