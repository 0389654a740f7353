"""The JSON Schema of gateway.yaml, for editors.

`python -m wasmgate.config.schema > docs/reference/gateway.schema.json` renews the copy in the docs.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from wasmgate.config.models import GatewayConfig

__all__ = ["json_schema"]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of gateway.yaml."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gateway.yaml",
        **{k: v for k, v in GatewayConfig.model_json_schema().items() if k != "title"},
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
