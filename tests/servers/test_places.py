"""Policies around an app and in the gateway, under every server and test client that we know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.app import LONGER

if TYPE_CHECKING:
    from tests.servers.conftest import Ask


def fields(seen: dict[str, Any], name: str) -> list[str]:
    """Return the values of a field that the app saw."""
    return [value for known, value in seen["headers"] if known == name]


def test_policies_around_an_app_see_and_change_both_heads(ask: Ask) -> None:
    """The app gets path and query as the client sent them."""
    response = ask("GET", "/marks/a%2Fb?q=%20")
    seen = response.json()
    assert (response.status_code, response.headers["x-p"]) == (200, "1")
    assert (seen["raw_path"], seen["path"], seen["query"]) == (
        "/marks/a%2Fb",
        "/marks/a/b",
        "q=%20",
    )
    assert fields(seen, "x-seen") == ["yes"]


def test_bodies_of_all_sizes_pass_as_they_are(ask: Ask) -> None:
    """In one part or in many."""
    for body in ("abcd", "x" * 300_000):
        assert ask("POST", "/marks/", content=body).json()["body"] == body


def test_a_changed_body_has_its_own_length(ask: Ask) -> None:
    """In both directions: neither the app nor the client is told the old one."""
    response = ask("POST", "/bodies/", content=b"short")
    assert response.status_code == 200
    text = response.text.removeprefix(LONGER)
    assert int(response.headers["content-length"]) == len(response.content)
    assert f'"content-length", "{len(LONGER)}"' in text
    assert f'"body": "{LONGER}"' in text


def test_parts_that_are_like_bytes_reach_the_client(ask: Ask) -> None:
    """bytearray, memoryview, and one of every other byte."""
    assert ask("GET", "/parts/").text == "abcdef"


def test_a_policy_answers_instead_of_the_app(ask: Ask) -> None:
    """With its status and body; nothing but the head for HEAD."""
    assert [ask(method, "/deny/").status_code for method in ("GET", "HEAD", "GET")] == [403] * 3
    assert ask("GET", "/deny/").text == "no"


def test_a_limit_counts_by_address(ask: Ask) -> None:
    """However the server writes the client's address."""
    assert [ask("GET", "/once/").status_code for _ in range(2)] == [200, 429]


def test_rules_are_written_against_the_path_below_the_mount(ask: Ask) -> None:
    """The app keeps the mount in its path."""
    seen = ask("GET", "/below/old/a%2Fb").json()
    assert (seen["raw_path"], seen["path"]) == ("/below/new/a%2Fb", "/below/new/a/b")


@pytest.mark.parametrize("name", ["x_user", "content_length"])
def test_names_that_wsgi_reads_as_others_are_dropped(ask: Ask, name: str) -> None:
    """Around an app and in the gateway."""
    for path in ("/marks/", "/gate/site/"):
        assert fields(ask("GET", path, headers={name: "1"}).json(), name) == []


def test_the_gateway_forwards_below_its_mount(ask: Ask) -> None:
    """With the policies of its route."""
    response = ask("POST", "/gate/site/a%2Fb?q", content=b"abc")
    seen = response.json()
    assert (seen["raw_path"], seen["query"], seen["body"]) == ("/site/a%2Fb", "q", "abc")
    assert fields(seen, "x-seen") == ["yes"]
