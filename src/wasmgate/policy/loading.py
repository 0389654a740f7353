"""Loads a policy: reads its module, compiles it or finds it in the cache, and starts it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TypeAlias

from wasmgate.errors import ConfigError, PolicyLoadError
from wasmgate.modules import locate, symbols
from wasmgate.policy.isolation import Isolation, Tenants
from wasmgate.policy.value import FailurePolicy

if TYPE_CHECKING:
    from wasmgate._native import Host, Module, Plugin
    from wasmgate.policy.value import PolicyValue

__all__ = ["environment", "join", "load", "prepare", "read", "start"]

_TenantSettings: TypeAlias = tuple[Literal["host", "header", "property"], str, int, float]


def read(policy: PolicyValue) -> bytes:
    """Return the module's bytes.

    Raises ConfigError when there is no such bundled policy, or the file cannot be read.
    """
    path = locate(policy.module)
    try:
        return path.read_bytes()
    except OSError as error:
        text = f"policy {policy.name!r}: {path} cannot be read: {error.strerror}"
        raise policy.wrong("module", text, "name a file that this user may read") from error


def environment(policy: PolicyValue) -> dict[str, str]:
    """Return the environment variables that the policy may read, with their current values.

    Raises ConfigError, which names all variables that are not set.
    """
    missing = [name for name in policy.capabilities.env if name not in os.environ]
    if missing:
        text = f"policy {policy.name!r} asks for environment variables that are not set: "
        raise ConfigError(
            text + ", ".join(missing),
            where=policy.written_at().place(("capabilities", "env")),
            hint="set them, or take them out of capabilities.env",
        )
    return {name: os.environ[name] for name in policy.capabilities.env}


def load(policy: PolicyValue, host: Host, *, previous: Plugin | None = None) -> Plugin:
    """Find the module in the cache or compile it, then start and configure it.

    The fast tier is compiled in a subprocess; optimised code follows in the background.
    `previous`, a plugin of an equal policy, is returned if it runs the same module.

    Raises ConfigError for mistakes that are found without running the module, PolicyLoadError for a
    module that cannot be compiled, started or configured.
    """
    wasm = read(policy)
    if previous is not None and previous.runs(wasm):
        return previous
    plugin = start(policy, host, prepare(policy, host, wasm))
    if plugin.tier == "fast" and host.cache is not None:
        from wasmgate.policy.compiler import OPTIMIZER  # noqa: PLC0415 (seldom needed)

        OPTIMIZER.add(plugin, wasm, host.cache)
    return plugin


def prepare(policy: PolicyValue, host: Host, wasm: bytes) -> Module:
    """Find the module in the cache or compile it, without starting it.

    Raises PolicyLoadError for a module that cannot run here.
    """
    from wasmgate._native import Module  # noqa: PLC0415 (describing a policy is cheap)

    try:
        module = Module.find(host, wasm, policy=policy.name, memory=policy.limits.memory)
        if module is None:
            module = _compiled(policy, host, wasm)
    except PolicyLoadError as error:
        raise _located(policy, error) from error
    return module


def start(policy: PolicyValue, host: Host, module: Module) -> Plugin:
    """Start and configure the module.

    Raises ConfigError for mistakes that are found without running the module, PolicyLoadError if it
    crashes or refuses its configuration.
    """
    from wasmgate._native import Plugin  # noqa: PLC0415 (describing a policy is cheap)

    variables = environment(policy)
    try:
        return Plugin(
            host,
            name=policy.name,
            module=module,
            root_id=policy.root_id,
            configuration=policy.configuration_bytes,
            vm_configuration=policy.vm_configuration_bytes,
            environment=variables,
            fail_open=policy.failure_policy is FailurePolicy.OPEN,
            allow_on_headers_stop_iteration=policy.allow_on_headers_stop_iteration,
            strip_request_headers=list(policy.strip_request_headers),
            capabilities=policy.capabilities,
            vm_id=policy.vm_id,
            tenants=_tenants(policy),
            symbols=symbols(policy.module),
            limits=policy.limits,
        )
    except PolicyLoadError as error:
        raise _located(policy, error) from error


def join(policy: PolicyValue, plugin: Plugin) -> Plugin:
    """Configure the module of `plugin` again, as another root context in the same VM.

    Only `configuration` and `strip_request_headers` of the policy are used. Raises PolicyLoadError
    if the module refuses the configuration.
    """
    stripped = list(policy.strip_request_headers)
    try:
        return plugin.with_configuration(policy.configuration_bytes, stripped)
    except PolicyLoadError as error:
        raise _located(policy, error) from error


def _located(policy: PolicyValue, error: PolicyLoadError) -> PolicyLoadError:
    from wasmgate.origins.located import Refused, located  # noqa: PLC0415 (seldom needed)

    written = {name: getattr(policy, name) for name in ("configuration", "vm_configuration")}
    return located(
        error,
        Refused(
            name=policy.name,
            module=policy.module,
            origin=policy.written_at(),
            configuration=policy.configuration_bytes,
            vm_configuration=policy.vm_configuration_bytes,
            limits=policy.limits.changed(),
            as_text=frozenset(k for k, its in written.items() if isinstance(its, (str, bytes))),
        ),
    )


def _tenants(policy: PolicyValue) -> _TenantSettings | None:
    if policy.isolation is not Isolation.TENANT:
        return None
    tenants = policy.tenants or Tenants()
    return *tenants.key(), tenants.max, tenants.idle


def _compiled(policy: PolicyValue, host: Host, wasm: bytes) -> Module:
    from wasmgate.policy.compiler import CompilerFailed, compiled  # noqa: PLC0415 (seldom needed)

    try:
        return compiled(host, wasm, policy=policy.name, memory=policy.limits.memory)
    except CompilerFailed as error:
        text = f"policy {policy.name!r}: {error}"
        hint = f"`wasmgate inspect {policy.module}` shows what the module is"
        raise PolicyLoadError(text, policy=policy.name, hint=hint) from error
