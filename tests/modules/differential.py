"""What Envoy and wasmgate are compared with: chains of policies, requests, and upstreams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.middleware.guests import guest
from tests.modules.building import built
from tests.modules.wire import Fields, Message
from wasmgate import Capabilities, Limits, Policy, policies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.policies.issuer import Issuer

# What a host says about itself and about connections, which are each host's own.
OF_THE_HOST = {
    "connection",
    "content-length",  # of one body, that is compared: a host may know it or send chunks
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
    "via",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-request-id",
}


def compared(message: Message) -> tuple[str, Fields, bytes, Fields]:
    """Return what must be equal: the line without its reason, fields by name, body, trailers."""
    fields = sorted(pair for pair in message.fields if pair[0] not in OF_THE_HOST)
    response = message.line.startswith("HTTP/")
    line = message.line.split(" ")[1] if response else message.line
    return line, fields, message.body, sorted(message.trailers)


@dataclass(frozen=True)
class Ask:
    """A request of the differential test."""

    method: str = "GET"
    target: str = "/plain"
    fields: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    chunked: bool = False
    trailers: tuple[tuple[str, str], ...] = ()

    def written(self, chain: str) -> bytes:
        """Return its bytes, for the host of a chain."""
        line = f"{self.method} {self.target} HTTP/1.1"
        fields = [("host", f"{chain}.test"), *self.fields]
        message = Message(line, fields, self.body, list(self.trailers))
        if self.method in {"GET", "HEAD"} and not self.body:
            return message.written().replace(b"content-length: 0\r\n", b"")
        return message.written(chunked=self.chunked)


REQUESTS = {
    "get": Ask(fields=(("accept", "text/plain"), ("x-twice", "1"), ("x-twice", "2"))),
    "hello": Ask(target="/hello"),
    "query": Ask(target="/v1/orders/42?expand=items&empty=&plus=a+b%20c"),
    "head": Ask("HEAD"),
    "post": Ask("POST", "/echo", (("content-type", "text/plain"),), b"one\ntwo\nthree\n"),
    "chunked": Ask("POST", "/echo", (), b"one\ntwo\nthree\n", chunked=True),
    "large": Ask("PUT", "/echo", (), b"0123456789abcde\n" * 6000),
    "secret": Ask(target="/secret"),
    "cards": Ask(target="/cards"),
    "empty": Ask(target="/empty"),
    "no-content": Ask(target="/no-content"),
    "unchanged": Ask(target="/unchanged"),
    "failing": Ask(target="/failing"),
    "moved": Ask(target="/moved"),
    "known": Ask(fields=(("x-api-key", "known"), ("x-plan", "forged"))),
    "known-cards": Ask(target="/cards", fields=(("x-api-key", "known"),)),
    "stranger": Ask(fields=(("x-api-key", "stranger"),)),
    "options": Ask("OPTIONS", "/plain"),
    "grpc": Ask(
        "POST", "/echo", (("content-type", "application/grpc"), ("te", "trailers")), b"12345"
    ),
    "trailers-sent": Ask(
        "POST", "/echo", (), b"aaa\nbbb\n", chunked=True, trailers=(("x-sum", "2"),)
    ),
    "trailers-got": Ask(target="/trailers"),
}

_TEXT = ("content-type", "text/plain")
_ANSWERS = {
    "/secret": Message("HTTP/1.1 200 OK", [_TEXT], b"this is\nsecret\n"),
    "/cards": Message("HTTP/1.1 200 OK", [_TEXT], b"paid with 41111111\n4242, 5500005555555559\n"),
    "/empty": Message("HTTP/1.1 200 OK", [_TEXT]),
    "/no-content": Message("HTTP/1.1 204 No Content", [("x-made", "yes")]),
    "/unchanged": Message("HTTP/1.1 304 Not Modified", [("etag", '"1"')]),
    "/failing": Message("HTTP/1.1 500 Internal Server Error", [_TEXT], b"it failed\n"),
    "/moved": Message("HTTP/1.1 302 Found", [("location", "http://api.example/plain")]),
    "/large": Message("HTTP/1.1 200 OK", [], b"x" * (1024**2 + 1)),
    "/trailers": Message("HTTP/1.1 200 OK", [_TEXT], b"aaa\nbbb\n", [("x-sum", "2")]),
}


def upstream(request: Message) -> bytes:
    """Answer by path, or with the body of the request."""
    target = request.target.partition("?")[0]
    answer = _ANSWERS.get(target)
    if answer is None:
        cookies = [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("server", "upstream")]
        answer = Message("HTTP/1.1 200 OK", cookies, request.body or b"plain\n")
    if request.line.startswith("HEAD "):
        return replace(answer, body=b"").written()
    if answer.line.split(" ")[1] in {"204", "304"}:
        return answer.written().replace(b"content-length: 0\r\n", b"")
    return answer.written(chunked=target in {"/secret", "/cards", "/trailers"})


def plans(request: Message) -> bytes:
    """Know one key; for the SDK's example, the random byte is even for GET /bytes/1."""
    if request.target == "/bytes/1":
        return Message("HTTP/1.1 200 OK", [], b"\x02").written()
    if dict(request.fields).get("x-api-key") == "known":
        return Message("HTTP/1.1 200 OK", [], b"gold").written()
    return Message("HTTP/1.1 404 Not Found", [], b"who?").written()


def odd(_: Message) -> bytes:
    """Answer an odd byte: the SDK's example refuses."""
    return Message("HTTP/1.1 200 OK", [], b"\x03").written()


PROGRAMS = {
    "edits": [
        "request_headers: add request x-added one",
        "request_headers: set request x-twice once",
        "request_headers: remove request accept",
        "request_headers: set request :path /plain?from=guest",
        "request_headers: set request :authority other.example",
        "response_headers: add response x-added one",
        "response_headers: set response set-cookie c=3",
        "response_headers: set response :status 203",
        "response_headers: remove response content-type",
    ],
    # Bodies come in other parts to each host, so what is done to them waits for their end.
    "bodies": [
        "request_headers: remove request content-length",
        "request_body: pause_until_end",
        "request_body: set_body request 0 3 new",
        "response_headers: remove response content-length",
        "response_body: pause_until_end",
        "response_body: set_body response 0 3 NEW",
    ],
    "answers": ["request_headers: respond 418 teapot x-kind=pot"],
    "answers-late": ["response_headers: respond 502 replaced x-late=yes"],
    "answers-nothing": ["request_headers: respond 403 "],
    "answers-typed": ["request_headers: respond 403 {} content-type=application/json"],
    "answers-body-late": ["response_body: respond 502 broken"],
    "trailers": [
        "request_trailers: add request_trailers x-more 1",
        "request_trailers: get request_trailers x-sum",
        "response_trailers: set response_trailers x-sum 3",
        "response_trailers: add response_trailers x-more 1",
    ],
    "repeated": [
        "request_headers: add request x-twice 3",
        "response_headers: add response set-cookie c=3",
        "response_headers: remove response x-absent",
    ],
    "host": [
        "request_headers: set request host other.example",
        "request_headers: get request :authority",
        "request_headers: property request.headers.host",
    ],
    "host-anew": [
        "request_headers: remove request host",
        "request_headers: add request Host other.example",
    ],
    "response-host": [
        "response_headers: add response host other.example",
        "response_headers: remove response :authority",
    ],
    "path-added": ["request_headers: add request :path /more"],
    "statuses": ["response_headers: set response :status 299"],
    "method": ["request_headers: set request :method PUT"],
}


def own_chains(issuer: Issuer) -> dict[str, Sequence[Policy]]:
    """Return the chains that need no compiler: our three policies, and programs of the guest."""
    programs = {name: [guest(*program, name=name)] for name, program in PROGRAMS.items()}
    rewrite = policies.rewrite(
        path_prefix={"/v1/": "/"},
        request_headers={"set": {"x-tier": "gold"}, "remove": ["accept"]},
        response_headers={"set": {"x-served": "yes"}, "add": {"set-cookie": "c=3"}},
    )
    auth = policies.jwt_auth(algorithms=["RS256"], keys=issuer.public, audience="orders")
    return {
        "none": [],
        "jwt": [auth],
        "limit": [policies.rate_limit(limit="3/hour", key={"header": "x-client"})],
        "answers-body": [guest("request_body: respond 413 enough", name="answers-body")],
        "rewrite": [rewrite],
        "edits-and-rewrite": [*programs["edits"], rewrite],
        "bodies-and-trailers": [*programs["bodies"], *programs["trailers"]],
        **programs,
    }


BUILT = {
    **{
        f"{sdk}-{example}": (sdk, example)
        for sdk in ("sdk-0.1.4", "sdk-0.2.0")
        for example in ("http_headers", "http_body", "http_config", "http_auth_random")
    },
    "go": ("go", "plan_lookup"),
    "assemblyscript": ("assemblyscript", "plan_lookup"),
}
"""Chains of one module that tools/build_guests.py builds: its guest and its file."""


def built_chains() -> dict[str, Sequence[Policy]]:
    """Return those that this machine has compilers for."""
    folders = {chain: built(guest) for chain, (guest, _) in BUILT.items()}
    return {
        chain: [_policy(folder / f"{BUILT[chain][1]}.wasm", chain)]
        for chain, folder in folders.items()
        if isinstance(folder, Path)
    }


def _policy(module: Path, name: str) -> Policy:
    return Policy(
        module,
        name=name,
        configuration="plans",
        capabilities=Capabilities(net=("plans", "httpbin"), metrics=("*",)),
        limits=Limits(memory=64 * 1024**2, fuel=100_000_000),
    )


def gateway(
    chains: Mapping[str, Sequence[Policy]], clusters: Mapping[str, int]
) -> dict[str, object]:
    """Return the same chains for gateway.yaml: each is the route of a host of its name."""
    named = {f"{chain}.{p.name}": p for chain, members in chains.items() for p in members}
    routes = [
        {
            "match": {"host": f"{chain}.test"},
            "cluster": "upstream",
            "policies": [f"{chain}.{p.name}" for p in members],
        }
        for chain, members in chains.items()
    ]
    return {
        "listen": "127.0.0.1:0",
        "policies": {name: _settings(policy) for name, policy in named.items()},
        "clusters": {
            name: {"endpoints": [f"http://127.0.0.1:{port}"]} for name, port in clusters.items()
        },
        "routes": routes,
    }


def _settings(policy: Policy) -> dict[str, object]:
    return {
        "module": str(policy.module),
        "configuration": policy.configuration,
        "capabilities": {
            "net": list(policy.capabilities.net),
            "metrics": list(policy.capabilities.metrics),
        },
        "limits": {"memory": policy.limits.memory, "fuel": policy.limits.fuel},
        "failure_policy": policy.failure_policy.value,
        "vm_id": policy.vm_id,
    }
