"""A recording: one JSON file with a request, all inputs of its policies, and the outcome.

A recording does not contain the policies: it names the module with its configuration, or the
gateway.yaml, and has their digests. Secrets of the request are masked unless `--secrets` is given;
a policy that reads a masked secret may answer differently in a replay.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasmgate.config import load
from wasmgate.errors import ConfigError
from wasmgate.modules import is_path
from wasmgate.origins import Options
from wasmgate.policy import Policy
from wasmgate.policy.capabilities import KINDS, Capabilities
from wasmgate.trace.messages import Response, read_request, read_response, to_json
from wasmgate.trace.runner import Inputs
from wasmgate.trace.sources import GatewayPolicies, ModulePolicies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wasmgate.trace.messages import Request
    from wasmgate.trace.runner import Outcome
    from wasmgate.trace.sources import Policies

__all__ = ["Recording", "Source"]

VERSION = 1
_MOST = 64 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source of the policies: `gateway`, or `module` with its settings."""

    gateway: str | None = None
    module: str | None = None
    name: str = ""
    configuration: str | None = None
    root_id: str = ""
    capabilities: Mapping[str, list[str]] | None = None
    allow_on_headers_stop_iteration: bool = False

    def policies(self, folder: Path, module: str | None = None) -> Policies:
        """Return the policies.

        Paths are relative to `folder`; `module` replaces the recorded module. Raises ConfigError.
        """
        if self.gateway is not None:
            if module is not None:
                raise ConfigError(
                    "a recording of a gateway names its modules itself",
                    hint="change gateway.yaml, or record one module",
                )
            return GatewayPolicies(load(folder / self.gateway))
        own = self.module or ""
        path = module or (str(folder / own) if is_path(own) else own)
        policy = Policy(
            path,
            name=self.name,
            configuration=_content(folder, self.configuration),
            root_id=self.root_id,
            capabilities=_capabilities(self.capabilities or {}, folder),
            allow_on_headers_stop_iteration=self.allow_on_headers_stop_iteration,
            origin=Options(self.configuration),
        )
        return ModulePolicies([policy])

    def seen_from(self, folder: Path) -> Source:
        """Return the source with paths relative to `folder`, for a recording in it."""

        def moved(path: str | None) -> str | None:
            return path and Path(os.path.relpath(path, folder)).as_posix()

        module = self.module
        capabilities = dict(self.capabilities or {})
        if "read" in capabilities:
            capabilities["read"] = [moved(path) or path for path in capabilities["read"]]
        return replace(
            self,
            gateway=moved(self.gateway),
            module=_as_path(moved(module)) if module and is_path(module) else module,
            configuration=moved(self.configuration),
            capabilities=capabilities,
        )


def _as_path(module: str | None) -> str | None:
    return module if module is None or is_path(module) else f"./{module}"


def _capabilities(entries: Mapping[str, list[str]], folder: Path) -> Capabilities:
    read = [str(folder / path) for path in entries.get("read", [])]
    return Capabilities(**{**entries, **({"read": read} if read else {})})  # type: ignore[arg-type]


def _content(folder: Path, configuration: str | None) -> bytes:
    if configuration is None:
        return b""
    try:
        return (folder / configuration).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{configuration} cannot be read: {error.strerror}",
            where="--configuration",
            hint="name a file with the policy's configuration, as JSON or text",
        ) from error


def digests(policies: Policies) -> dict[str, dict[str, str]]:
    """Return SHA-256 of module and configuration of each policy."""
    return {
        policy.name: {
            "module": hashlib.sha256(policy.read()).hexdigest(),
            "configuration": hashlib.sha256(policy.configuration_bytes).hexdigest(),
        }
        for policy in policies.used
    }


# It may repeat in any place what is secret: it is not shown by repr().
@dataclass(frozen=True, kw_only=True, repr=False)
class Recording:
    """The inputs and the outcome of a run."""

    source: Source
    digests: Mapping[str, Mapping[str, str]]
    inputs: Inputs
    upstream: Request | None
    client: Response | None
    reset: bool
    steps: list[tuple[str, str, str]]
    masked: bool = False
    """Whether secrets of the inputs are masked."""

    @classmethod
    def of(
        cls,
        source: Source,
        policies: Policies,
        inputs: Inputs,
        outcome: Outcome,
        *,
        secrets: bool = False,
    ) -> Recording:
        """Make the recording of a run; `secrets`: keep secrets unmasked."""
        shown = outcome if secrets else outcome.masked()
        kept = inputs if secrets else inputs.masked(outcome.hide)
        if source.module is not None:
            # The policy keeps its name, though another module has another file name.
            source = replace(source, name=policies.used[0].name)
        return cls(
            source=source,
            digests=digests(policies),
            inputs=kept,
            upstream=shown.upstream,
            client=shown.client,
            reset=shown.reset,
            steps=shown.steps,
            masked=kept != inputs,
        )

    def write(self, path: Path) -> None:
        """Write the file. Raises ConfigError when it cannot be written."""
        inputs = self.inputs
        source = {key: value for key, value in vars(self.source).items() if value}
        data = {
            "wasmgate_recording": VERSION,
            "source": source,
            "digests": self.digests,
            "clock": inputs.clock,
            "seed": inputs.seed,
            "masked": self.masked,
            "request": to_json(inputs.request),
            "response": to_json(inputs.response),
            "answers": {
                name: [to_json(one) for one in its] for name, its in inputs.answers.items()
            },
            "seen": {
                "upstream": self.upstream and to_json(self.upstream),
                "client": self.client and to_json(self.client),
                "reset": self.reset,
                "steps": self.steps,
            },
        }
        try:
            path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")
        except OSError as error:
            hint = "name a file in a folder that is there and may be written"
            said = f"{path} cannot be written: {error.strerror}"
            raise ConfigError(said, where="--record", hint=hint) from error

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read the file. Raises ConfigError for a file that is not a recording."""
        try:
            with path.open("rb") as stream:
                data = json.loads(stream.read(_MOST))
            return _read(data)
        except OSError as error:
            hint = "name a file that `wasmgate trace --record` wrote"
            raise ConfigError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(
                f"{path} is not a recording of this version: {_said(error)}",
                where=str(path),
                hint="make one with `wasmgate trace … --record FILE`",
            ) from error


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"{error} is missing"
    return str(error) if isinstance(error, ValueError) else "its values are of other kinds"


def _read(data: dict[str, Any]) -> Recording:
    if data["wasmgate_recording"] != VERSION:
        raise ValueError(f"wasmgate_recording is {data['wasmgate_recording']!r}, not {VERSION}")
    unknown = set(data["source"].get("capabilities", {})) - set(KINDS)
    if unknown:
        raise ValueError(f"unknown capabilities {sorted(unknown)}")
    seen = data["seen"]
    answers = {name: [read_response(one) for one in its] for name, its in data["answers"].items()}
    return Recording(
        source=Source(**data["source"]),
        digests=data["digests"],
        inputs=Inputs(
            request=read_request(data["request"]),
            response=read_response(data["response"]),
            answers=answers,
            clock=int(data["clock"]),
            seed=int(data["seed"]),
        ),
        upstream=seen["upstream"] and read_request(seen["upstream"]),
        client=seen["client"] and read_response(seen["client"]),
        reset=bool(seen["reset"]),
        steps=[(policy, name, outcome) for policy, name, outcome in seen["steps"]],
        masked=bool(data.get("masked", False)),
    )
