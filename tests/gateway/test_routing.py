"""Which route takes a request, and what it does with it, in both forms of the gateway."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.gateway.scripted_upstream import ScriptedUpstream
from tests.gateway.serving import Client, both_forms, serve
from wasmgate import Gateway, GatewayConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.gateway.scripted_upstream import Peer, Script
    from tests.gateway.serving import Reply

pytestmark = both_forms


def named(name: bytes) -> Script:
    """Script: answer each request with a name, its request line and its host."""

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            host = b",".join(request.values(b"host"))
            await peer.answer(name + b" " + request.line + b" " + host)

    return script


async def sent(
    routes: Sequence[Mapping[str, Any]], *heads: bytes, **more: object
) -> list[tuple[int, str, Reply]]:
    """Send request heads to a gateway of two clusters, a and b; gives status, body and reply."""
    async with ScriptedUpstream(named(b"a")) as a, ScriptedUpstream(named(b"b")) as b:
        clusters = {"a": {"endpoints": [a.url]}, "b": {"endpoints": [b.url]}}
        config = {"clusters": clusters, "routes": list(routes)} | more
        got = []
        async with (
            serve(Gateway(GatewayConfig.model_validate(config))) as port,
            Client(port) as client,
        ):
            for head in heads:
                await client.send(head)
                reply = await client.reply(bodiless=head.startswith(b"HEAD"))
                got.append((reply.status, reply.body.decode(), reply))
        return got


def head(target: str, *fields: str, method: str = "GET", host: str = "gate.test") -> bytes:
    """Write a request without a body."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def to_b(**match: object) -> list[dict[str, Any]]:
    """Send what matches to b, and everything else to a."""
    return [{"match": match, "cluster": "b"}, {"match": {"prefix": "/"}, "cluster": "a"}]


@pytest.mark.parametrize(
    ("match", "request_", "taken"),
    [
        ({"path": "/x"}, head("/x?y"), True),
        ({"path": "/x"}, head("/x/"), False),
        ({"path": "/x"}, head("/%78"), True),
        ({"template": "/u/{id}"}, head("/u/7"), True),
        ({"template": "/u/{id}"}, head("/u/7/x"), False),
        ({"template": "/u/{rest:path}"}, head("/u/7/x"), True),
        ({"regex": "/v[0-9]+/.*"}, head("/v2/x"), True),
        ({"regex": "/v[0-9]+"}, head("/v2/x"), False),
        ({"host": "*.test"}, head("/"), True),
        ({"host": "*.other"}, head("/"), False),
        ({"host": ["x.test", "GATE.test"]}, head("/"), True),
        ({"host": "*"}, head("/"), True),
        ({"methods": ["POST", "PUT"]}, head("/", "content-length: 0", method="POST"), True),
        ({"methods": ["POST", "PUT"]}, head("/"), False),
        ({"methods": ["GET"]}, head("/", method="HEAD"), False),
        ({"headers": {"x-tier": "gold"}}, head("/", "X-Tier: gold"), True),
        ({"headers": {"x-tier": "gold"}}, head("/", "x-tier: gold", "x-tier: b"), False),
        ({"headers": {"x-tier": {"regex": "g.*"}}}, head("/", "x-tier: gold"), True),
        ({"headers": {"x-tier": {"present": False}}}, head("/"), True),
        ({"headers": {"x-tier": {"present": True}}}, head("/"), False),
        ({"query": {"v": "2"}}, head("/?a&v=2"), True),
        ({"query": {"v": {"prefix": "2"}}}, head("/?v=1"), False),
        ({"cookies": {"c": "1"}}, head("/", "cookie: b=0; c=1"), True),
        ({"cookies": {"c": {"contains": "x"}}}, head("/", "cookie: c=1"), False),
        (
            {"path": "/x", "methods": ["GET"], "headers": {"a": "1"}, "query": {"v": "1"}},
            head("/x?v=1", "a: 1"),
            True,
        ),
    ],
)
async def test_a_route_takes_what_matches(
    match: dict[str, Any], request_: bytes, *, taken: bool
) -> None:
    """Each kind of condition, met and not met."""
    ((status, body, reply),) = await sent(to_b(**match), request_)
    assert status == 200
    if not request_.startswith(b"HEAD"):
        assert body.startswith("b " if taken else "a ")
    else:
        length = len(b"a HEAD / HTTP/1.1 gate.test")
        assert reply.values(b"content-length") == [b"%d" % length]


async def test_the_more_specific_route_takes_a_request_wherever_it_stands() -> None:
    """Unless the order of the file is asked for."""
    routes = [
        {"match": {"prefix": "/"}, "cluster": "a"},
        {"match": {"path": "/x"}, "cluster": "b"},
    ]
    ((_, body, _),) = await sent(routes, head("/x"))
    assert body.startswith("b ")
    ((_, body, _),) = await sent(routes, head("/x"), route_order="file")
    assert body.startswith("a ")


async def test_requests_are_split_by_weights() -> None:
    """The first twenty already are, nearly."""
    route = {"match": {"prefix": "/"}, "clusters": {"a": 75, "b": 25}}
    got = await sent([route], *[head(f"/{n}") for n in range(20)])
    assert Counter(body[0] for _, body, _ in got)["b"] in range(4, 7)


@pytest.mark.parametrize(
    "hash_by", [{"cookie": "session"}, {"header": "x-user"}, {"query": "u"}, {"path": True}]
)
async def test_equal_keys_go_to_one_cluster(hash_by: dict[str, Any]) -> None:
    """And different ones to both."""
    route = {"match": {"prefix": "/"}, "clusters": {"a": 1, "b": 1}, "hash_by": hash_by}
    heads = [
        head(f"/{key}?u={key}", f"cookie: session={key}", f"x-user: {key}") for key in range(16)
    ]
    got = await sent([route], *heads, *heads)
    taken = [body[0] for _, body, _ in got]
    assert taken[:16] == taken[16:]
    assert set(taken) == {"a", "b"}


async def test_the_address_of_the_client_is_a_key() -> None:
    """Behind a proxy that is trusted, that of the client of the proxy."""
    route = {
        "match": {"prefix": "/"},
        "clusters": {"a": 1, "b": 1},
        "hash_by": {"client_address": True},
    }
    heads = [head("/", f"x-forwarded-for: 192.0.2.{n}") for n in range(16)]
    got = await sent([route], *heads, *heads, trusted_proxies=["127.0.0.1"])
    taken = [body[0] for _, body, _ in got]
    assert taken[:16] == taken[16:]
    assert set(taken) == {"a", "b"}
    got = await sent([route], *heads)
    assert len({body[0] for _, body, _ in got}) == 1


@pytest.mark.parametrize(
    ("route", "target", "expected"),
    [
        ({"match": {"prefix": "/v1/"}, "prefix_rewrite": "/"}, "/v1/x?y", "/x?y"),
        (
            {"match": {"template": "/u/{id}"}, "path_rewrite": "/v2/people/{id}"},
            "/u/a%2Fb?y",
            "/v2/people/a%2Fb?y",
        ),
        (
            {"match": {"regex": "/u/(?<id>[0-9]+)"}, "path_rewrite": "/p/{id}"},
            "/u/7",
            "/p/7",
        ),
        (
            {
                "match": {"prefix": "/"},
                "regex_rewrite": {"pattern": "^/v1/(.*)$", "substitution": "/$1"},
            },
            "/v1/x?y",
            "/x?y",
        ),
        (
            {"match": {"prefix": "/"}, "query_rewrite": {"set": {"a": "1 2"}, "remove": ["b"]}},
            "/x?b=1&c=2&a=0",
            "/x?c=2&a=1%202",
        ),
    ],
)
async def test_the_target_is_rewritten(route: dict[str, Any], target: str, expected: str) -> None:
    """For the upstream; byte for byte where nothing is changed."""
    ((_, body, _),) = await sent([route | {"cluster": "a"}], head(target))
    assert body == f"a GET {expected} HTTP/1.1 gate.test"


async def test_a_rewrite_to_what_is_no_path_is_refused() -> None:
    """Dots that an expression makes would leave the path of the upstream."""
    route = {
        "match": {"prefix": "/"},
        "cluster": "a",
        "regex_rewrite": {"pattern": "^/x/", "substitution": "/../"},
    }
    got = await sent([route], head("/x/y"), head("/y"))
    assert [status for status, _, _ in got] == [500, 200]


async def test_the_host_is_rewritten() -> None:
    """To a name, or to that of the endpoint."""
    for host, expected in (("api.internal", "api.internal"), ("api:81", "api:81")):
        route = {"match": {"prefix": "/"}, "cluster": "a", "host_rewrite": host}
        ((_, body, _),) = await sent([route], head("/"))
        assert body.endswith(f" {expected}")
    route = {"match": {"prefix": "/"}, "cluster": "a", "host_rewrite": "auto"}
    ((_, body, _),) = await sent([route], head("/"))
    assert " 127.0.0.1:" in body


@pytest.mark.parametrize(
    ("redirect", "target", "status", "location"),
    [
        ({"scheme": "https"}, "/x?y", 302, "https://gate.test/x?y"),
        ({"scheme": "https", "port": 8443, "status": 308}, "/", 308, "https://gate.test:8443/"),
        ({"host": "b.test", "status": 301}, "/x", 301, "http://b.test/x"),
        ({"prefix": "/new/"}, "/old/x?y", 302, "http://gate.test/new/x?y"),
        ({"path": "/moved", "strip_query": True}, "/old/x?y", 302, "http://gate.test/moved"),
    ],
)
async def test_a_client_is_sent_elsewhere(
    redirect: dict[str, Any], target: str, status: int, location: str
) -> None:
    """With what the route leaves as it is."""
    match = {"prefix": "/old/" if "prefix" in redirect else "/"}
    ((found, body, reply),) = await sent([{"match": match, "redirect": redirect}], head(target))
    assert (found, body) == (status, "")
    assert reply.values(b"location") == [location.encode()]


async def test_a_route_answers_itself() -> None:
    """After its policies; a HEAD gets the length of the body."""
    respond = {"status": 418, "headers": {"X-A": "1"}, "body": "teapot"}
    route = {"match": {"prefix": "/"}, "respond": respond}
    got = await sent([route], head("/"), head("/", method="HEAD"), head("/"))
    assert [(status, body) for status, body, _ in got] == [
        (418, "teapot"),
        (418, ""),
        (418, "teapot"),
    ]
    assert [reply.values(b"content-length") for _, _, reply in got] == [[b"6"]] * 3
    assert got[0][2].values(b"x-a") == [b"1"]


async def test_policies_come_before_the_answer_of_a_route() -> None:
    """A request that they refuse is not redirected."""
    policies = {
        "auth": {
            "module": "jwt_auth",
            "configuration": {"algorithms": ["HS256"], "keys": {"secret": "s" * 32}},
        }
    }
    routes = [
        {"match": {"prefix": "/"}, "redirect": {"scheme": "https"}, "policies": ["auth"]},
        {"match": {"path": "/open"}, "respond": {"body": "open"}, "policies": []},
    ]
    got = await sent(routes, head("/"), head("/open"), policies=policies)
    assert [status for status, _, _ in got] == [401, 200]


async def test_fields_of_requests_and_responses_are_changed() -> None:
    """With values of the request; a client's own copies are replaced."""

    async def told(peer: Peer) -> None:
        while True:
            request = await peer.request()
            fields = [f"{name.decode()}={value.decode()}" for name, value in request.fields]
            body = "\n".join(fields).encode()
            await peer.answer(body, fields=b"server: secret\r\nvary: accept\r\n")

    route = {
        "match": {"template": "/u/{id}"},
        "cluster": "a",
        "request_headers": {
            "set": {"X-User": "%{path.id}", "x-client": "%{client_address} via %{route}"},
            "add": {"x-more": "100%%"},
            "remove": ["x-debug"],
        },
        "response_headers": {
            "set": {"x-cluster": "%{cluster}"},
            "remove": ["Server"],
            "add": {"vary": "x"},
        },
    }
    async with ScriptedUpstream(told) as upstream:
        config = {"clusters": {"a": {"endpoints": [upstream.url]}}, "routes": [route]}
        async with (
            serve(Gateway(GatewayConfig.model_validate(config))) as port,
            Client(port) as client,
        ):
            await client.send(head("/u/7", "x-user: 1", "x-debug: 1", "x-more: a"))
            reply = await client.reply()
    got = reply.body.decode().split("\n")
    assert [line for line in got if line.startswith("x-u")] == ["x-user=7"]
    assert [line for line in got if line.startswith("x-c")] == ["x-client=127.0.0.1 via /u/{id}"]
    assert [line for line in got if line.startswith("x-more")] == ["x-more=a", "x-more=100%"]
    assert not [line for line in got if line.startswith("x-debug")]
    assert reply.values(b"x-cluster") == [b"a"]
    assert reply.values(b"vary") == [b"accept", b"x"]
    assert not reply.values(b"server")


async def test_fields_of_own_answers_are_changed_too() -> None:
    """Those of a route, and those of its policies and of the gateway on it."""
    hsts = {"response_headers": {"set": {"strict-transport-security": "max-age=60"}}}
    routes: list[dict[str, Any]] = [
        {"match": {"path": "/r"}, "redirect": {"scheme": "https"}} | hsts,
        {"match": {"path": "/o"}, "respond": {"body": "x"}} | hsts,
        {"match": {"path": "/d"}, "cluster": "down"} | hsts,
    ]
    down = {"down": {"endpoints": ["http://127.0.0.1:9"]}}
    got = await sent(routes, head("/r"), head("/o"), head("/d"), head("/no"), clusters=down)
    assert [status for status, _, _ in got] == [302, 200, 502, 404]
    field = b"strict-transport-security"
    assert [len(reply.values(field)) for _, _, reply in got] == [1, 1, 1, 0]
