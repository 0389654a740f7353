"""Rules are written against the path below the mount, in each place and under each server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from tests.asgi.placed import PLACES, ask, place
from tests.middleware.apps import echo
from wasmgate import PolicyMiddleware, policies

if TYPE_CHECKING:
    from wasmgate._asgi import ASGIApp

# root_path, raw_path, what a policy sees as :path
SEEN = {
    "no mount": ("", "/a%2Fb", "/a%2Fb"),
    "a server that has the mount in the path": ("/api", "/api/a%2Fb", "/a%2Fb"),
    "a server that does not": ("/api", "/a%2Fb", "/a%2Fb"),
    "the mount itself": ("/api", "/api", "/"),
    "with a slash": ("/api/", "/api/x", "/x"),
    "encoded otherwise": ("/api", "/%61pi/x", "/x"),
    "not ASCII": ("/caf\u00e9", "/caf%C3%A9/x", "/x"),
    "a longer segment": ("/api", "/apis/x", "/apis/x"),
    "two mounts": ("/a/b", "/a/b/c", "/c"),
}


def paths(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the policy said that the path is."""
    start = "request_headers: get request :path = "
    lines = [record.getMessage() for record in caplog.records]
    return [line.removeprefix(start) for line in lines if line.startswith(start)]


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(("root", "raw", "expected"), SEEN.values(), ids=SEEN)
async def test_policies_see_the_path_below_the_mount(
    where: str, root: str, raw: str, expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    """With the query."""
    caplog.set_level("INFO", "wasmgate.policy")
    app = place(where, "request_headers: get request :path")
    assert (await ask(app, raw + "?q=1", root_path=root, path=unquote(raw))).status == 200
    assert paths(caplog) == [expected + "?q=1"]


def below(app: ASGIApp) -> dict[str, ASGIApp]:
    """Put an app at /api in each way that there is."""
    return {"starlette": Starlette(routes=[Mount("/api", app)]), "root_path": app}


@pytest.mark.parametrize("way", ["starlette", "root_path"])
async def test_a_rewritten_path_stays_below_the_mount(way: str) -> None:
    """The app's path begins with the mount, if the server's did."""
    own = PolicyMiddleware(echo, policies=[policies.rewrite(path_prefix={"/old/": "/new/"})])
    more: dict[str, Any] = {"root_path": "/api"} if way == "root_path" else {}
    app = below(own)[way]
    seen = json.loads((await ask(app, "/api/old/a%2Fb", path="/api/old/a/b", **more)).body)
    assert (seen["raw_path"], seen["path"]) == ("/api/new/a%2Fb", "/api/new/a/b")


async def test_a_server_without_the_mount_in_the_path_gets_none() -> None:
    """What policies see is all of the path there."""
    app = PolicyMiddleware(echo, policies=[policies.rewrite(path_prefix={"/old/": "/new/"})])
    seen = json.loads((await ask(app, "/old/a", root_path="/api")).body)
    assert (seen["raw_path"], seen["path"]) == ("/new/a", "/new/a")


async def test_the_path_counts_when_middleware_changed_it_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What the app will route by is what policies judge."""
    caplog.set_level("INFO", "wasmgate.policy")
    app = place("middleware", "request_headers: get request :path")
    await ask(app, "/public", path="/admin")
    assert paths(caplog) == ["/admin"]


async def test_a_path_that_no_policy_changes_stays_as_it_came() -> None:
    """Also where it is the mount itself, and where the header fields change."""
    app = place("middleware", "request_headers: add request x-a 1")
    seen = json.loads((await ask(app, "/api", root_path="/api")).body)
    assert (seen["raw_path"], seen["path"]) == ("/api", "/api")
