"""`wasmgate explain`."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

GATEWAY = """
    policies: {limit: {module: rate_limit, configuration: {limit: 100/minute}}}
    default_policies: [limit]
    clusters:
      orders: {endpoints: [http://127.0.0.1:9001]}
      site: {endpoints: [http://127.0.0.1:9003]}
    routes:
      - {match: {prefix: /}, cluster: site, policies: []}
      - {match: {prefix: /orders/, methods: [POST]}, cluster: site}
      - {match: {prefix: /orders/, headers: {x-tier: gold}}, cluster: site}
      - {match: {prefix: /orders/, query: {v: {present: true}}}, cluster: site}
      - {match: {prefix: /orders/, cookies: {c: {regex: "[0-9]+"}}}, cluster: site}
      - {match: {host: "*.old.example"}, redirect: {host: www.example, status: 301}}
      - {match: {prefix: /orders/}, prefix_rewrite: /v2/, cluster: orders, timeout: 5s}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Write the file."""
    path = tmp_path / "gateway.yaml"
    path.write_text(dedent(GATEWAY))
    return str(path)


def explained(wasmgate: Command, config: str, *arguments: str) -> dict[str, Any]:
    """Explain a request; gives the JSON."""
    result = wasmgate("explain", *arguments, "--config", config, "--json")
    assert result.returncode == 0
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_the_way_of_a_request_is_told(wasmgate: Command, config: str) -> None:
    """Route, policies, cluster, endpoint, and the request as the upstream gets it."""
    data = explained(wasmgate, config, "get", "https://api.example/orders/7?x=1")
    assert (data["policies"], data["timeout"]) == (["limit"], 5.0)
    assert data["forwarded"] == {
        "cluster": "orders",
        "endpoint": "http://127.0.0.1:9001",
        "method": "GET",
        "target": "/v2/7?x=1",
        "host": "api.example",
    }
    assert [(its["index"], its["reason"]) for its in data["routes"]] == [
        (5, "is for the host *.old.example"),
        (1, "is for POST"),
        (2, "is for the header x-tier with exact: gold"),
        (3, "is for requests with the parameter v"),
        (4, "is for the cookie c with regex: [0-9]+"),
        (6, "takes the request"),
        (0, "matches, but a route before it takes the request"),
    ]


def test_a_header_decides(wasmgate: Command, config: str) -> None:
    """As it does for a request."""
    data = explained(wasmgate, config, "GET", "/orders/7", "-H", "X-Tier: gold")
    assert [its["index"] for its in data["routes"] if its["taken"]] == [2]


def test_an_answer_of_a_route_is_told(wasmgate: Command, config: str) -> None:
    """With its status and where it leads."""
    data = explained(wasmgate, config, "GET", "http://app.old.example/x")
    assert data["answered"]["status"] == 301
    assert ["location", "http://www.example/x"] in data["answered"]["headers"]


def test_a_request_that_is_refused_has_no_route(wasmgate: Command, config: str) -> None:
    """Its answer is that of the gateway."""
    data = explained(wasmgate, config, "GET", "/a/../b")
    assert data["answered"]["status"] == 400


def test_people_get_tables(wasmgate: Command, config: str) -> None:
    """The way above, the other routes below."""
    result = wasmgate("explain", "GET", "http://app.old.example/x", "--config", config)
    assert "location: http://www.example/x" in result.stdout
    assert "routes[0]" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("GET", "api.example"), "is not a URL"),
        (("GET", "/", "-H", "x"), "is not 'name: value'"),
    ],
)
def test_mistakes_are_explained(
    wasmgate: Command, config: str, arguments: tuple[str, ...], said: str
) -> None:
    """With what to write."""
    result = wasmgate("explain", *arguments, "--config", config)
    assert result.returncode == 2
    assert said in " ".join(result.stderr.split())
