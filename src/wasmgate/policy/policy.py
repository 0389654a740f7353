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

    `module` is the name of a bundled policy ("jwt_auth") or a path: a `Path`, or a text that
    contains "/" or ends in ".wasm". `configuration` is passed to the policy as bytes: text and
    bytes unchanged, another value as JSON (`configuration_bytes`). `strip_request_headers` are
    removed from clients' requests before any policy runs, also when this one fails or is skipped.
    `allow_on_headers_stop_iteration` is as in Envoy: when the policy stops at the headers, its body
    callbacks run before the headers are forwarded; otherwise the body waits, too.

    `vm_id` is the namespace of its shared data and queues (empty: `name`). Policies with the same
    `vm_id`, module, `vm_configuration`, environment and `limits.memory` share a virtual machine on
    each thread. With `isolation="tenant"` each tenant has its own virtual machine.

    Raises ConfigError for an invalid argument.
    """

    def read(self) -> bytes:
        """Return the module's bytes.

        Raises ConfigError when there is no such bundled policy, or the file cannot be read.
        """
        return loading.read(self)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that the policy may read, with their current values.

        Raises ConfigError, which names all variables that are not set.
        """
        return loading.environment(self)

    def load(self, host: Host, *, previous: Plugin | None = None) -> Plugin:
        """Find the module in the cache or compile it, then start and configure it.

        The fast tier is compiled in a subprocess; optimised code follows in the background.
        `previous`, a plugin of an equal policy, is returned if it runs the same module.

        Raises ConfigError for mistakes that are found without running the module, PolicyLoadError
        for a module that cannot be compiled, started or configured.
        """
        return loading.load(self, host, previous=previous)

    def prepare(self, host: Host, wasm: bytes) -> Module:
        """Find the module in the cache or compile it, without starting it.

        Raises PolicyLoadError for a module that cannot run here.
        """
        return loading.prepare(self, host, wasm)

    def start(self, host: Host, module: Module) -> Plugin:
        """Start and configure the module.

        Raises ConfigError for mistakes that are found without running the module, PolicyLoadError
        if it crashes or refuses its configuration.
        """
        return loading.start(self, host, module)

    def join(self, plugin: Plugin) -> Plugin:
        """Configure the module of `plugin` again, as another root context in the same VM.

        Only `configuration` and `strip_request_headers` of the policy are used. Raises
        PolicyLoadError if the module refuses the configuration.
        """
        return loading.join(self, plugin)
