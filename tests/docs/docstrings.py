"""The public names of the package, and the sections of their docstrings."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import re
import textwrap
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FunctionType

__all__ = ["PUBLIC", "Documented", "documented_fields", "public", "sections"]

PUBLIC = (
    "wasmgate",
    "wasmgate.policies",
    "wasmgate.testing",
    "wasmgate.gateway",
    "wasmgate.errors",
    "wasmgate.config",
)
_TITLES = ("Args", "Returns", "Raises", "Source")
_ENTRY = re.compile(r"^ {4}\*{0,2}(\w+): \S", re.MULTILINE)


def sections(docstring: str) -> dict[str, str]:
    """Return the texts of a docstring's sections by title; "" is the text above them."""
    parts = re.split(rf"^({'|'.join(_TITLES)}):\n", inspect.cleandoc(docstring), flags=re.MULTILINE)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


@dataclass(frozen=True)
class Documented:
    """A public class, function, method or property."""

    name: str
    value: Any
    body: Any
    """The function that runs: a class's constructor, a property's getter; None for none."""

    owner: Any = None
    """The class of a method."""

    @cached_property
    def parts(self) -> dict[str, str]:
        """The sections of the docstring."""
        return sections(self.value.__doc__ or "")

    def entries(self, title: str) -> list[str]:
        """Return the names that a section explains, in its order."""
        return _ENTRY.findall(self.parts.get(title, ""))

    def parameters(self) -> list[str]:
        """Return the names of the parameters, without `self` and `cls`."""
        if self.body is None or isinstance(self.value, property):
            return []
        return [name for name in inspect.signature(self.body).parameters if name != "self"]

    def raised(self) -> set[str]:
        """Return the names of the exceptions that the body itself raises."""
        also = vars(self.value).get("__post_init__") if self.is_class else None
        bodies = [getattr(body, "__func__", body) for body in (self.body, also)]
        return {name for body in bodies if inspect.isfunction(body) for name in self._raises(body)}

    @property
    def is_class(self) -> bool:
        """Whether it is a class."""
        return inspect.isclass(self.value)

    def _raises(self, body: FunctionType) -> Iterator[str]:
        names = {**vars(builtins), **body.__globals__}
        names["self"] = names["cls"] = self.value if self.is_class else self.owner
        for node in ast.walk(ast.parse(textwrap.dedent(_source(body)))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                called = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                found = _resolved(called, names)
                if inspect.isclass(found):
                    yield found.__name__
                elif inspect.isfunction(found):
                    yield str(found.__annotations__["return"])


def _resolved(expression: ast.expr, names: Mapping[str, object]) -> object:
    """Return what a name or an attribute stands for, or None: a variable is no class."""
    if isinstance(expression, ast.Name):
        return names.get(expression.id)
    if isinstance(expression, ast.Attribute):
        return getattr(_resolved(expression.value, names), expression.attr, None)
    return None


def _source(function: FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except OSError:  # a dataclass makes its constructor without a file
        return ""


def documented_fields(kind: type) -> set[str]:
    """Return the fields and members of a class with a docstring below their line."""
    found = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("wasmgate"):
            continue
        [tree] = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for line, below in zip(tree.body, tree.body[1:], strict=False):
            target = line.targets[0] if isinstance(line, ast.Assign) else None
            target = line.target if isinstance(line, ast.AnnAssign) else target
            text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
            if isinstance(target, ast.Name) and text:
                found.add(target.id)
    return found


def public() -> Iterator[Documented]:
    """Return every public class and function, and the public members of the classes."""
    seen = set()
    for module in map(importlib.import_module, PUBLIC):
        for name in module.__all__:
            value = getattr(module, name)
            if not getattr(value, "__module__", "").startswith("wasmgate") or value in seen:
                continue
            seen.add(value)
            full = f"{value.__module__}.{name}"
            if inspect.isclass(value):
                yield Documented(full, value, vars(value).get("__init__"))
                yield from _members(full, value)
            else:
                yield Documented(full, value, value)


def _members(full: str, kind: type) -> Iterator[Documented]:
    own = [base for base in kind.__mro__ if base.__module__.startswith("wasmgate")]
    names = {name: value for base in reversed(own) for name, value in vars(base).items()}
    for name, value in names.items():
        if name.startswith("_") and name != "__call__":
            continue
        function = getattr(value, "__func__", value)
        if isinstance(value, property):
            yield Documented(f"{full}.{name}", value, value.fget, kind)
        elif inspect.isfunction(function) and function.__module__.startswith("wasmgate"):
            bound = getattr(kind, name) if function is not value else function
            yield Documented(f"{full}.{name}", bound, bound, kind)
