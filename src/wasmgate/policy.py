"""What a user says about a policy: a module with its name, configuration, limits and capabilities.

These are values: making one reads no file but checks every argument. `Policy.load` compiles and
starts it. In gateway.yaml the same words are used, with units (see `wasmgate.config`).
"""

from __future__ import annotations

import copy
import json
import logging
import os
import re
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from wasmgate.capabilities import Capabilities, names
from wasmgate.errors import ConfigError, PolicyLoadError
from wasmgate.isolation import Isolation, Tenants, contradiction
from wasmgate.limits import Limits
from wasmgate.modules import locate, symbols
from wasmgate.origins import Arguments, Origin
from wasmgate.origins.paths import unwritable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wasmgate._native import Host, Module, Plugin

__all__ = ["LONGEST_NAME", "FailurePolicy", "Policy"]

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"

_LOGGER = logging.getLogger("wasmgate.policy")
LONGEST_NAME = 64
_NAME = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{LONGEST_NAME - 1}}}")
# RFC 9110 section 5.1: a field name is a token.
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class FailurePolicy(StrEnum):
    """What a request gets when a policy fails: traps, runs out of fuel or of memory."""

    CLOSED = "closed"
    """It is answered 503."""

    OPEN = "open"
    """It goes on without that policy."""


# What each argument must be, and how one is written.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "name": ((str,), "a str"),
    "root_id": ((str,), "a str"),
    "vm_id": ((str,), "a str"),
    "limits": ((Limits,), "wasmgate.Limits(…)"),
    "capabilities": ((Capabilities,), "wasmgate.Capabilities(…)"),
    "tenants": ((Tenants, type(None)), "wasmgate.Tenants(…)"),
    "allow_on_headers_stop_iteration": ((bool,), "True or False"),
}


@dataclass(frozen=True)
class Policy:
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

    module: str | Path
    _: KW_ONLY
    name: str = ""
    root_id: str = ""
    # Configurations hold keys and passwords: neither is shown by repr().
    configuration: Json | bytes = field(default=None, repr=False, compare=False)
    vm_configuration: Json | bytes = field(default=None, repr=False, compare=False)
    limits: Limits = field(default_factory=Limits)
    capabilities: Capabilities = field(default_factory=Capabilities)
    failure_policy: FailurePolicy = FailurePolicy.CLOSED
    strip_request_headers: tuple[str, ...] = ()
    allow_on_headers_stop_iteration: bool = False
    vm_id: str = ""
    isolation: Isolation = Isolation.POLICY
    tenants: Tenants | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)
    """Where it is written, when that is not here: what its errors name."""
    configuration_bytes: bytes = field(init=False, repr=False)
    vm_configuration_bytes: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        self._check_module()
        self._check_kinds()
        set_field(self, "name", self.name or Path(self.module).stem)
        if not _NAME.fullmatch(self.name):
            hint = "give name= with at most 64 letters, digits, '_', '.' and '-'"
            raise self._wrong("name", f"{self.name!r} cannot name a policy", hint)
        for name, kind in (("failure_policy", FailurePolicy), ("isolation", Isolation)):
            set_field(self, name, self._choice(name, kind))
        set_field(self, "strip_request_headers", self._stripped_headers())
        self._check_isolation()
        # Encoded now: a later edit of the caller's dictionary must not change a policy.
        for name in ("configuration", "vm_configuration"):
            set_field(self, f"{name}_bytes", self._encoded(name))

    def _wrong(self, argument: str, text: str, hint: str) -> ConfigError:
        return ConfigError(text, where=self._origin().place((argument,)), hint=hint)

    def _origin(self) -> Origin:
        return self.origin or Arguments("Policy", configured_by="configuration")

    def _check_module(self) -> None:
        module: object = self.module
        if not isinstance(module, (str, Path)) or not str(module).strip():
            text = f"the module must be a name or a path, not {module!r}"
            raise self._wrong("module", text, "write Policy('own.wasm'), or Policy('rate_limit')")

    def _choice(self, argument: str, kind: type[StrEnum]) -> StrEnum:
        value = getattr(self, argument)
        try:
            return kind(value)
        except ValueError:
            choices = " or ".join(repr(str(one)) for one in kind)
            text = f"{argument} must be {choices}, not {value!r}"
            raise self._wrong(
                argument, text, f"write {argument}={str(next(iter(kind)))!r}"
            ) from None

    def _stripped_headers(self) -> tuple[str, ...]:
        where = self._origin().place(("strip_request_headers",))
        argument = "strip_request_headers"
        stripped = names(getattr(self, argument), argument, where=where, example="x-user")
        for name in stripped:
            if not _FIELD_NAME.fullmatch(name):
                hint = "write the name alone, such as 'x-user'"
                raise self._wrong(argument, f"{name!r} is no header name", hint)
        return tuple(name.lower() for name in stripped)

    def _check_kinds(self) -> None:
        """Refuse a dictionary, say, at once and not when the policy is loaded."""
        for name, (kinds, written) in _KINDS.items():
            if not isinstance(value := getattr(self, name), kinds):
                text = f"{name} must be {written}, not {type(value).__name__}"
                raise self._wrong(name, text, f"write {name}={written}")

    def _check_isolation(self) -> None:
        wrong = contradiction(self.isolation, self.vm_id, tenants=self.tenants is not None)
        if wrong is not None:
            raise self._wrong("isolation", wrong, "take one of the two arguments out")

    def _encoded(self, name: str) -> bytes:
        value = getattr(self, name)
        try:
            match value:
                case None:
                    return b""
                case bytes():
                    return value
                case str():
                    return value.encode()
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            path, kind = unwritable(value)
            place = self._origin().place((name, *path))
            hint = "use dict, list, str, int, float, bool and None; or give bytes"
            raise ConfigError(
                f"{place}: {kind} in the {name} of policy {self.name!r} cannot be written as JSON",
                where=place,
                hint=hint,
            ) from error

    def named(self, name: str) -> Policy:
        """Return the same under another name."""
        renamed = copy.copy(self)  # all was checked, and what was encoded then stays
        object.__setattr__(renamed, "name", name)
        return renamed

    def read(self) -> bytes:
        """Return the module's bytes.

        Raises ConfigError when there is no such bundled policy, or the file cannot be read.
        """
        path = locate(self.module)
        try:
            return path.read_bytes()
        except OSError as error:
            text = f"policy {self.name!r}: {path} cannot be read: {error.strerror}"
            raise self._wrong("module", text, "name a file that this user may read") from error

    def environment(self) -> dict[str, str]:
        """Return the environment variables that the policy may read, as they are now.

        Raises ConfigError that names every one that is not set.
        """
        missing = [name for name in self.capabilities.env if name not in os.environ]
        if missing:
            text = f"policy {self.name!r} asks for environment variables that are not set: "
            raise ConfigError(
                text + ", ".join(missing),
                where=self._origin().place(("capabilities", "env")),
                hint="set them, or take them out of capabilities.env",
            )
        return {name: os.environ[name] for name in self.capabilities.env}

    def load(self, host: Host, *, previous: Plugin | None = None) -> Plugin:
        """Take the module from the cache, or compile it, then start and configure it.

        Compiling is fast at first, in a process of its own; better code follows in the background.
        `previous`, a plugin of an equal policy, is returned if it runs the same module.

        Raises ConfigError for what can be told without running it, PolicyLoadError for the rest.
        """
        wasm = self.read()
        if previous is not None and previous.runs(wasm):
            return previous
        self._require_packages(wasm)
        plugin = self.start(host, self.prepare(host, wasm))
        if plugin.tier == "fast" and host.cache is not None:
            from wasmgate.compiler import OPTIMIZER  # noqa: PLC0415 (seldom needed)

            OPTIMIZER.add(plugin, wasm, host.cache)
        return plugin

    def _require_packages(self, wasm: bytes) -> None:
        """Refuse what could not be done at the first call. Raises ConfigError."""
        if not self.capabilities.net:
            return
        calls = b"proxy_http_call" in wasm or b"proxy_redis_" in wasm
        if calls and not find_spec("httptools"):
            text = f"policy {self.name!r} may call others, and the package httptools is missing"
            raise ConfigError(
                text,
                where=self._origin().place(("capabilities", "net")),
                hint="pip install 'wasmgate[callouts]', or take the entry out",
            )
        if b"proxy_grpc_" in wasm and not find_spec("grpc"):
            _LOGGER.warning(
                "policy %r may call gRPC services, and the package grpcio is missing:"
                " pip install 'wasmgate[grpc]'",
                self.name,
            )

    def prepare(self, host: Host, wasm: bytes) -> Module:
        """Take the module from the cache, or compile it; it is not started.

        Raises PolicyLoadError for a module that cannot run here.
        """
        from wasmgate._native import Module  # noqa: PLC0415 (describing a policy is cheap)

        try:
            module = Module.find(host, wasm, policy=self.name, memory=self.limits.memory)
            if module is None:
                module = self._compiled(host, wasm)
        except PolicyLoadError as error:
            raise self._located(error) from error
        return module

    def start(self, host: Host, module: Module) -> Plugin:
        """Start and configure the module.

        Raises ConfigError for what can be told without running it, PolicyLoadError when it crashes
        or refuses its configuration.
        """
        from wasmgate._native import Plugin  # noqa: PLC0415 (describing a policy is cheap)

        environment = self.environment()
        try:
            return Plugin(
                host,
                name=self.name,
                module=module,
                root_id=self.root_id,
                configuration=self.configuration_bytes,
                vm_configuration=self.vm_configuration_bytes,
                environment=environment,
                fail_open=self.failure_policy is FailurePolicy.OPEN,
                allow_on_headers_stop_iteration=self.allow_on_headers_stop_iteration,
                strip_request_headers=list(self.strip_request_headers),
                net=self.capabilities.net,
                read=self.capabilities.mounts(),
                foreign_functions=self.capabilities.foreign_functions,
                metrics=self.capabilities.metrics,
                shared_data=self.capabilities.shared_data,
                vm_id=self.vm_id,
                tenants=self._tenants(),
                symbols=symbols(self.module),
                limits=self.limits,
            )
        except PolicyLoadError as error:
            raise self._located(error) from error

    def join(self, plugin: Plugin) -> Plugin:
        """Configure the module of `plugin` once more, in the same virtual machine.

        Only `configuration` and `strip_request_headers` are this policy's own. Raises
        PolicyLoadError when the module refuses the configuration.
        """
        stripped = list(self.strip_request_headers)
        try:
            return plugin.with_configuration(self.configuration_bytes, stripped)
        except PolicyLoadError as error:
            raise self._located(error) from error

    def _located(self, error: PolicyLoadError) -> PolicyLoadError:
        from wasmgate.origins.located import Refused, located  # noqa: PLC0415 (seldom needed)

        written = {name: getattr(self, name) for name in ("configuration", "vm_configuration")}
        return located(
            error,
            Refused(
                name=self.name,
                module=self.module,
                origin=self._origin(),
                configuration=self.configuration_bytes,
                vm_configuration=self.vm_configuration_bytes,
                as_text=frozenset(k for k, its in written.items() if isinstance(its, (str, bytes))),
            ),
        )

    def _tenants(self) -> tuple[Literal["host", "header", "property"], str, int, float] | None:
        if self.isolation is not Isolation.TENANT:
            return None
        tenants = self.tenants or Tenants()
        return *tenants.key(), tenants.max, tenants.idle

    def _compiled(self, host: Host, wasm: bytes) -> Module:
        from wasmgate.compiler import CompilerFailed, compiled  # noqa: PLC0415 (seldom needed)

        try:
            return compiled(host, wasm, policy=self.name, memory=self.limits.memory)
        except CompilerFailed as error:
            text = f"policy {self.name!r}: {error}"
            hint = f"`wasmgate inspect {self.module}` shows what the module is"
            raise PolicyLoadError(text, policy=self.name, hint=hint) from error
