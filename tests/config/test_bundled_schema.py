"""What editors know of bundled policies is what the modules read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.docs.blocks import PAGES, blocks
from wasmgate import Policy, PolicyLoadError
from wasmgate._native import Host
from wasmgate.config import json_schema
from wasmgate.config.bundled_schema import SCHEMAS
from wasmgate.modules import bundled

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def host(artifacts: Path) -> Host:
    """Share compiled modules."""
    return Host(cache=str(artifacts), log_level=0)


def refusal(module: str, configuration: object, host: Host) -> str:
    """Return what a module says of a configuration."""
    text = json.dumps(configuration)
    with pytest.raises(PolicyLoadError) as caught:
        Policy(module, configuration=text).load(host)
    return caught.value.message


def test_every_bundled_module_has_a_schema() -> None:
    """And nothing else has one."""
    assert tuple(sorted(SCHEMAS)) == bundled()


ABSENT = "no such key"
PLACES = [
    ("jwt_auth", SCHEMAS["jwt_auth"], {ABSENT: 1}),
    ("rate_limit", SCHEMAS["rate_limit"], {ABSENT: 1}),
    ("rewrite", SCHEMAS["rewrite"], {ABSENT: 1}),
    (
        "rewrite",
        SCHEMAS["rewrite"]["properties"]["request_headers"],
        {"request_headers": {ABSENT: 1}},
    ),
    (
        "rewrite",
        SCHEMAS["rewrite"]["properties"]["path_regex"]["items"],
        {"path_regex": [{ABSENT: 1}]},
    ),
]


@pytest.mark.parametrize(("module", "schema", "wrong"), PLACES, ids=range(len(PLACES)))
def test_the_schema_has_the_keys_that_the_module_reads(
    module: str, schema: dict[str, Any], wrong: object, host: Host
) -> None:
    """The module names them when it gets another one."""
    said = refusal(module, wrong, host).partition("unknown key; expected ")[2]
    names = re.match(r"(?:one of )?(\w+(?:(?:, | or )\w+)*)", said)
    assert names is not None
    assert sorted(re.split(r", | or ", names[1])) == sorted(schema["properties"])


@pytest.mark.parametrize("module", SCHEMAS)
def test_required_keys_are_those_of_the_module(module: str, host: Host) -> None:
    """It asks for the first that is missing."""
    required = SCHEMAS[module].get("required", [])
    if required:
        assert f"{required[0]}: the key is required" in refusal(module, {}, host)
    else:
        Policy(module, configuration={}).load(host)


def mistakes(text: str) -> list[str]:
    """Return what an editor would underline."""
    found = Draft202012Validator(json_schema()).iter_errors(yaml.safe_load(text))
    return sorted("/".join(map(str, error.absolute_path)) for error in found)


FILE = """
policies: {{ p: {{ module: {module}, configuration: {configuration} }} }}
clusters: {{ s: {{ endpoints: ["http://127.0.0.1:9"] }} }}
routes: [ {{ match: {{ prefix: / }}, cluster: s }} ]
"""


@pytest.mark.parametrize(
    ("module", "configuration", "at"),
    [
        ("rate_limit", "{ limit: 1/day }", []),
        ("rate_limit", "{ limit: 5 }", ["policies/p/configuration/limit"]),
        ("rate_limit", "{ limit: 1/day, bursts: 5 }", ["policies/p/configuration"]),
        (
            "jwt_auth",
            "{ algorithms: [RS257], keys: { file: k.pem } }",
            ["policies/p/configuration/algorithms/0"],
        ),
        (
            "rewrite",
            "{ request_headers: { set: { x-a: true } } }",
            ["policies/p/configuration/request_headers/set/x-a"],
        ),
        ("./own.wasm", "{ whatever: [1] }", []),
    ],
)
def test_an_editor_underlines_what_the_module_would_refuse(
    module: str, configuration: str, at: list[str]
) -> None:
    """And lets the configurations of others alone."""
    assert mistakes(FILE.format(module=module, configuration=configuration)) == at


SHOWN = [
    pytest.param(block.text, id=f"{page.stem}-{block.line}")
    for page in PAGES
    for block in blocks(page)
    if block.language == "yaml" and not block.wrong and "routes:" in block.text
]


@pytest.mark.parametrize("text", SHOWN)
def test_what_the_pages_show_has_nothing_underlined(text: str) -> None:
    """Every gateway.yaml of the documentation that has routes."""
    data = yaml.safe_load(text)
    if "clusters" in data and "${" not in text:
        assert mistakes(text) == []
