"""Resolves references to the outside: modules, text files, environment variables.

Paths are relative to the folder of the YAML file, not to the current folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wasmgate.config.names import VARIABLE
from wasmgate.config.references import Mistake
from wasmgate.errors import ConfigError
from wasmgate.modules import is_path, locate
from wasmgate.policy.capabilities import Mount

if TYPE_CHECKING:
    from pathlib import Path

    from wasmgate.origins import Key

__all__ = ["MAX_FILE", "MAX_FILES", "ReferenceResolver"]

MAX_FILE = 1024 * 1024
# All files together; a file counts each time it is named.
MAX_FILES = 16 * MAX_FILE


class ReferenceResolver:
    """Replaces references in plain data; `problems` has those that could not be resolved."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = 0
        self.problems: list[Mistake] = []

    def resolve(self, data: Any) -> Any:  # noqa: ANN401 (unchecked data)
        """Return the data with full paths of modules and with the texts of files."""
        if not isinstance(data, Mapping):
            return data
        resolved = dict(data)
        if isinstance(policies := data.get("policies"), Mapping):
            resolved["policies"] = {
                name: self._policy(policy, ("policies", name))
                if isinstance(policy, Mapping)
                else policy
                for name, policy in policies.items()
            }
        if isinstance(routes := data.get("routes"), list):
            resolved["routes"] = self._routes(routes)
        return resolved

    def _routes(self, routes: list[Any]) -> list[Any]:
        return [
            self._route(route, ("routes", at)) if isinstance(route, Mapping) else route
            for at, route in enumerate(routes)
        ]

    def _route(self, route: Mapping[str, Any], path: Key) -> dict[str, Any]:
        resolved = dict(route)
        if isinstance(named := route.get("policies"), list):
            resolved["policies"] = [
                self._named(policy, (*path, "policies", index))
                for index, policy in enumerate(named)
            ]
        if isinstance(respond := route.get("respond"), Mapping) and "body" in respond:
            body = self._with_files(respond["body"], (*path, "respond", "body"))
            resolved["respond"] = {**respond, "body": body}
        return resolved

    def _named(self, policy: Any, path: Key) -> Any:  # noqa: ANN401 (any YAML value)
        if not isinstance(policy, Mapping):
            return policy
        return {
            name: {**its, "configuration": self._with_files(its["configuration"], at)}
            if isinstance(its, Mapping) and "configuration" in its
            else its
            for name, its in policy.items()
            for at in [(*path, name, "configuration")]
        }

    def _policy(self, policy: Mapping[str, Any], path: Key) -> dict[str, Any]:
        resolved = dict(policy)
        module = policy.get("module")
        if isinstance(module, str) and module:
            resolved["module"] = self._module(module, (*path, "module"))
        for key in ("configuration", "vm_configuration"):
            if key in policy:
                resolved[key] = self._with_files(policy[key], (*path, key))
        capabilities = policy.get("capabilities")
        if isinstance(capabilities, Mapping) and isinstance(capabilities.get("read"), list):
            resolved["capabilities"] = {**capabilities, "read": self._paths(capabilities["read"])}
        for name, at in _variables(policy, path):
            if name not in os.environ:
                hint = f"set {name} where the gateway starts, or take it out of capabilities.env"
                said = f"the environment variable {name} is not set"
                self.problems.append(Mistake(at, said, hint))
        return resolved

    def _paths(self, paths: list[Any]) -> list[Any]:
        return [
            Mount(self._folder / path, at=path) if isinstance(path, str) and path else path
            for path in paths
        ]

    def _module(self, module: str, path: Key) -> str:
        full = str(self._folder / module) if is_path(module) else module
        try:
            # Another text than a path, such as a URL, is checked as it is written.
            locate(module if "://" in module else full)
        except ConfigError as error:
            self.problems.append(Mistake(path, error.message, error.hint))
        return full

    def _with_files(self, value: Any, path: Key) -> Any:  # noqa: ANN401 (any YAML value)
        match value:
            case {"file": str(name)} if len(value) == 1:
                return self._text(name, (*path, "file"))
            case dict():
                return {key: self._with_files(item, (*path, key)) for key, item in value.items()}
            case list():
                return [self._with_files(item, (*path, at)) for at, item in enumerate(value)]
        return value

    def _text(self, name: str, path: Key) -> str:
        file = self._folder / name
        try:
            with file.open("rb") as stream:
                content = stream.read(MAX_FILE + 1)
        except (OSError, ValueError) as error:
            said = error.strerror if isinstance(error, OSError) else "not a file name"
            hint = "a path is relative to the folder of the YAML file; name a file of text"
            return self._unread(path, f"{file} cannot be read: {said}", hint)
        self._read += len(content)
        if len(content) > MAX_FILE:
            hint = "name a file of keys or settings; a policy reads large ones by capabilities.read"
            return self._unread(path, f"{file} is larger than 1 MiB", hint)
        if self._read > MAX_FILES:
            hint = "name fewer files; a policy reads them by itself with capabilities.read"
            return self._unread(path, "the files that are named have more than 16 MiB", hint)
        try:
            return content.decode()
        except UnicodeDecodeError:
            hint = "name a file of text; what is binary must be written as base64"
            return self._unread(path, f"{file} is not UTF-8 text", hint)

    def _unread(self, path: Key, text: str, hint: str) -> str:
        self.problems.append(Mistake(path, text, hint))
        return ""


def _variables(policy: Mapping[str, Any], path: Key) -> Iterator[tuple[str, Key]]:
    capabilities = policy.get("capabilities")
    names = capabilities.get("env") if isinstance(capabilities, Mapping) else None
    for at, name in enumerate(names if isinstance(names, list) else []):
        # The models refuse a name of another form.
        if isinstance(name, str) and re.match(VARIABLE, name):
            yield name, (*path, "capabilities", "env", at)
