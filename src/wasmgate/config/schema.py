"""The JSON Schema of gateway.yaml, for editors.

`wasmgate check --schema > docs/reference/gateway.schema.json` updates the copy in the docs.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from wasmgate.config.bundled_schema import with_bundled
from wasmgate.config.models import GatewayConfig

if TYPE_CHECKING:
    from pydantic_core.core_schema import ModelSchema, WithDefaultSchema

__all__ = ["json_schema"]

TITLE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "gateway.yaml",
}


class _AsWritten(GenerateJsonSchema):
    """Describes keys, and writes defaults with the units of the file.

    The models hold shares, seconds, addresses. A key's description is the docstring of its field.
    """

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        written = super().model_schema(schema)
        fields = schema["cls"].model_fields
        for field, text in _docstrings(schema["cls"]).items():
            name = fields[field].alias or field if field in fields else field
            if name in written["properties"]:
                written["properties"][name].setdefault("description", text)
        return written

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        written = super().default_schema(schema)
        match written.get("default"):
            case float() as share if "anyOf" in written:
                written["default"] = f"{share * 100:g}%"
            case int() as percent if written.get("pattern", "").endswith("%$"):
                written["default"] = f"{percent}%"
            case float() as seconds:
                written["default"] = f"{seconds:g}s"
            case {"host": host, "port": port}:
                written["default"] = f"{host}:{port}"
        return written


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of gateway.yaml."""
    extensions: dict[str, Any] = {"patternProperties": {"^x-": {}}}
    written = GatewayConfig.model_json_schema(schema_generator=_AsWritten)
    return with_bundled(written) | extensions | TITLE


def _docstrings(model: type) -> dict[str, str]:
    """Return the texts below the attributes of a class, by attribute."""
    source = ast.parse(inspect.getsource(sys.modules[model.__module__]))
    bodies = (
        node.body
        for node in source.body
        if isinstance(node, ast.ClassDef) and node.name == model.__name__
    )
    return {
        field.target.id: inspect.cleandoc(text)
        for body in bodies
        for field, below in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(text := below.value.value, str)
    }
