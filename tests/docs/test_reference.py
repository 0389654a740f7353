"""The reference names what there is: no more, no less."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

import wasmgate
from tests.docs.blocks import ROOT
from wasmgate import Limits, errors, policies
from wasmgate.cli.app import COMMANDS
from wasmgate.config import LB_POLICIES, json_schema
from wasmgate.config.bundled_schema import SCHEMAS
from wasmgate.config.units import size
from wasmgate.modules import bundled

REFERENCE = ROOT / "docs" / "reference"
HOST = ROOT / "rust" / "host" / "src"
TICKS = {"✓", "partly"}
# Emscripten's functions are made from their types alone.
WITHOUT_TABLE = {
    "emscripten_notify_memory_growth",
    "pthread_equal",
    "emscripten_get_now",
    "emscripten_date_now",
    "emscripten_get_now_res",
    "_emscripten_get_now_is_monotonic",
}


def section(page: str, title: str) -> str:
    """Return what stands under a title, up to the next one."""
    text = (REFERENCE / page).read_text("utf-8")
    return re.split(r"^#+ ", text.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(page: str, title: str) -> dict[str, list[str]]:
    """Return the cells of a section's tables by the names in their first cell."""
    found = {}
    for line in re.findall(r"^\|.*\|$", section(page, title), flags=re.MULTILINE):
        first, *cells = (cell.strip() for cell in line.strip("|").split(" | "))
        for name in re.findall(r"`([^`]+)`", first):
            found[name] = cells
    return found


def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of one model, or of the whole file."""
    whole = json_schema()
    return whole if name == "GatewayConfig" else dict(whole["$defs"][name])


MODELS = {
    "The file": "GatewayConfig",
    "policies": "PolicySettings",
    "tenants": "TenantSettings",
    "limits": "LimitSettings",
    "capabilities": "CapabilitySettings",
    "clusters": "Cluster",
    "health_check": "HealthCheck",
    "routes": "Route",
    "match": "Match",
    "Values": "ValueConditions",
    "hash_by": "HashBy",
    "regex_rewrite": "RegexRewrite",
    "query_rewrite": "QueryRewrite",
    "redirect": "Redirect",
    "respond": "Respond",
    "Headers of a route": "HeaderChanges",
    "websocket": "WebSocketSettings",
    "server": "Server",
    "callouts": "CalloutSettings",
    "shared limits": "SharedLimits",
}


@pytest.mark.parametrize(("title", "model"), MODELS.items())
def test_every_key_is_documented(title: str, model: str) -> None:
    """In the order of the model; of the clusters' second table the names are values."""
    documented = [name for name in rows("configuration.md", title) if name not in LB_POLICIES]
    assert documented == list(schema_of(model)["properties"])


def test_every_model_has_a_section() -> None:
    """So that no new one is forgotten."""
    documented = {name for name in MODELS.values() if name != "GatewayConfig"}
    defined = {name for name, its in json_schema()["$defs"].items() if "properties" in its}
    defined -= set(SCHEMAS)  # they have pages of their own
    assert documented == defined


@pytest.mark.parametrize(("title", "model"), MODELS.items())
def test_defaults_are_as_documented(title: str, model: str) -> None:
    """Where the page has one in code: `32MiB` is 33,554,432."""
    for name, its in schema_of(model)["properties"].items():
        shown = re.fullmatch(r"`(.+)`", rows("configuration.md", title)[name][0])
        default = its.get("default")
        if isinstance(default, bool) and shown:
            assert (name, shown[1]) == (name, str(default).lower())
        elif isinstance(default, int) and shown:
            assert (name, size(shown[1])) == (name, default)
        elif isinstance(default, str) and shown:
            assert (name, shown[1]) == (name, default)


@pytest.mark.parametrize(("title", "model"), MODELS.items())
def test_required_keys_are_marked(title: str, model: str) -> None:
    """As such, and no others."""
    documented = {
        k for k, cells in rows("configuration.md", title).items() if cells[0] == "required"
    }
    assert documented == set(schema_of(model).get("required", []))


def test_every_balancing_algorithm_is_documented() -> None:
    """In the table of `lb_policy`."""
    assert set(LB_POLICIES) <= set(rows("configuration.md", "clusters"))


def test_default_limits_are_those_of_the_host() -> None:
    """Compared with the rows of the host, which counts a share in millionths."""
    source = (HOST / "types" / "limits.rs").read_text("utf-8").split("\nlimits! {", 1)[1]
    rows = re.findall(r"^ +(\w+): \w+ = ([\d_]+)(?: << (\d+))?;$", source, flags=re.MULTILINE)
    defaults: dict[str, float] = {
        name: int(number) << int(shift or 0) for name, number, shift in rows
    }
    defaults["background_share"] /= 1_000_000
    assert defaults == dataclasses.asdict(Limits())


def test_hostcalls_are_those_of_the_host() -> None:
    """Compared with the table from which the host makes them."""
    source = (HOST / "abi" / "hostcalls.rs").read_text("utf-8")
    body = source.split("macro_rules! proxy_hostcalls", 1)[1].split("\n}\n", 1)[0]
    implemented = re.findall(r'^ +"(\w+)" => ', body, flags=re.MULTILINE)
    assert set(rows("abi.md", "Hostcalls")) - WITHOUT_TABLE == set(implemented)


def test_callbacks_are_those_that_the_host_looks_for() -> None:
    """Compared with the names that it looks for among a module's exports."""
    source = (HOST / "guest" / "exports.rs").read_text("utf-8")
    looked_for = set(re.findall(r'(?:source|callbacks)\.(?:find|headers)\("(\w+)"\)', source))
    answers = (HOST / "abi" / "answers.rs").read_text("utf-8")
    looked_for |= set(re.findall(r'^ +\w+\("(\w+)"\)\(', answers, flags=re.MULTILINE))
    documented = rows("abi.md", "Callbacks")
    assert {name for name, cells in documented.items() if cells[0] in TICKS} == looked_for


def test_hostcalls_that_only_say_that_they_are_absent_have_no_tick() -> None:
    """Compared with the files that answer so."""
    files = (HOST / "hostcalls").glob("*.rs")
    source = "".join(file.read_text("utf-8") for file in files)
    absent = set(re.findall(r'absent\(guest, "(\w+)"', source))
    documented = rows("abi.md", "Hostcalls")
    assert {name for name, cells in documented.items() if cells[0] not in TICKS} == absent


def test_every_error_is_documented() -> None:
    """In the order of the tree."""
    documented = set(rows("errors.md", "Errors"))
    assert documented >= set(errors.__all__)
    assert all(hasattr(wasmgate, name) for name in errors.__all__)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    """With its `--help`."""
    assert f"Usage: wasmgate {command} " in section("cli.md", f"wasmgate {command}")


def test_every_bundled_policy_has_a_page_and_a_factory() -> None:
    """By the same name."""
    pages = {page.stem for page in (ROOT / "docs" / "policies").glob("*.md")}
    assert pages == set(bundled())
    assert all(callable(getattr(policies, name)) for name in bundled())


def test_every_decision_is_listed() -> None:
    """On the page of decisions."""
    folder = ROOT / "docs" / "contributing" / "decisions"
    listed = re.findall(r"\]\((\d+-[\w-]+\.md)\)", (folder / "index.md").read_text("utf-8"))
    assert listed == sorted(page.name for page in folder.glob("[0-9]*.md"))


def test_every_public_name_is_documented() -> None:
    """On the page of Python, or as an error."""
    titles = ("In an app", "A policy", "A gateway")
    documented = {name for title in titles for name in rows("python.md", title)}
    assert set(wasmgate.__all__) - set(errors.__all__) <= documented
