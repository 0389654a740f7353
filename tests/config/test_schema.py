"""The JSON Schema of gateway.yaml."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wasmgate.config import json_schema
from wasmgate.config.bundled_schema import SCHEMAS
from wasmgate.config.problems import EXAMPLES

COPY = Path(__file__).parents[2] / "docs" / "reference" / "gateway.schema.json"


def test_the_copy_in_the_documentation_is_current() -> None:
    """Renew it with `wasmgate check --schema > docs/reference/gateway.schema.json`."""
    assert json.loads(COPY.read_text("utf-8")) == json_schema()


def test_every_key_is_described() -> None:
    """Editors show it."""
    schema = json_schema()
    models = [schema, *(part for part in schema["$defs"].values() if "properties" in part)]
    silent = [
        f"{model['title']}.{key}"
        for model in models
        for key, field in model["properties"].items()
        if "description" not in field
    ]
    assert silent == []


@pytest.mark.parametrize(("text", "fits"), [("5s", True), ("250ms", True), ("5", False)])
def test_a_duration_has_the_pattern_of_its_units(text: str, *, fits: bool) -> None:
    """The editor and the gateway agree."""
    pattern = json_schema()["$defs"]["Cluster"]["properties"]["read_timeout"]["pattern"]
    assert (re.search(pattern, text) is not None) == fits


def test_defaults_are_written_as_in_the_file() -> None:
    """With their units, not as the models hold them."""
    schema = json_schema()
    found = (
        schema["$defs"]["Cluster"]["properties"]["read_timeout"]["default"],
        schema["properties"]["listen"]["default"],
    )
    assert found == ("60s", "127.0.0.1:8080")


def test_every_required_key_has_an_example() -> None:
    """For the hint where it is missing."""
    models = {"": json_schema(), **json_schema()["$defs"]}
    required = {key for model in models.values() for key in model.get("required", ())}
    bundled = {key for name in SCHEMAS for key in models[name].get("required", ())}
    assert required - bundled - set(EXAMPLES) == set()
