"""The JSON Schema of gateway.yaml, for editors.

`wasmgate check --schema > docs/reference/gateway.schema.json` updates the copy in the docs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from wasmgate.config.bundled_schema import with_bundled
from wasmgate.config.models import GatewayConfig

if TYPE_CHECKING:
    from pydantic_core.core_schema import WithDefaultSchema

__all__ = ["json_schema"]

TITLE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "gateway.yaml",
}


class _AsWritten(GenerateJsonSchema):
    """Writes defaults with the units of the file: the models hold shares, seconds, addresses."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        written = super().default_schema(schema)
        match written.get("default"):
            case float() as share if "anyOf" in written:
                written["default"] = f"{share * 100:g}%"
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
