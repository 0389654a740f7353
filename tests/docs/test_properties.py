"""Every row of the page of properties is asked for, in an app and in a gateway."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.blocks import ROOT
from tests.native.chain_request import Request
from tests.native.scripted import chain, outcomes
from wasmgate._native import Cluster, Host, Route, Router

if TYPE_CHECKING:
    from wasmgate._native import Effects

ROW = re.compile(r"^\| `([\w.]+)` \| (\w+) \| (\S+) \| (\S+) \|", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "reference" / "properties.md").read_text("utf-8"))
NAMES = [name for name, *_ in ROWS]
PROGRAM = [f"{phase}: property {name}" for phase in ("request_headers", "log") for name in NAMES]
FIELDS = [
    (b"host", b"shop.example"),
    (b"x-request-id", b"17"),
    (b"referer", b"here"),
    (b"user-agent", b"test"),
]
# In these the test has nothing to know: a certificate, TLS, a counted connection, another policy,
# an app's name for its route.
ABSENT_HERE = {
    "connection.id",
    "connection_id",
    "connection.tls_version",
    "connection.subject_peer_certificate",
    "connection.sha256_peer_certificate_digest",
    "wasmgate.user",
    "route_name",
}
LENGTHS = {"number": 8, "time": 8, "duration": 8, "flag": 1}


def in_app() -> list[str]:
    """Return what the guest got in a request to an app, in the order of `PROGRAM`."""
    host = Host(log_level=0)
    request = Request(chain(host, *PROGRAM, log_bytes=1 << 20, fuel=1 << 30), headers=FIELDS)
    return outcomes(request.response(200, end=True).close())


def in_gateway() -> list[str]:
    """Return the same in an exchange of a gateway."""
    policies = chain(Host(log_level=0), *PROGRAM, log_bytes=1 << 20, fuel=1 << 30)
    cluster = Cluster(
        name="site", endpoints=[("http://127.0.0.1:9001", 1)], lb_policy="round_robin"
    )
    route = Route(
        name="all",
        path=("prefix", "/"),
        chain=policies,
        clusters=[("site", 1)],
    )
    router = Router(
        clusters=[cluster],
        routes=[route],
        trusted_proxies=[],
        headers=128,
        header_bytes=65536,
        body=None,
    )
    told: list[Effects | None] = []
    ends = ("192.0.2.1", 4711), ("127.0.0.1", 80)
    exchange, opened = router.open(*ends, "http", "1.1", "GET", b"/a?b", FIELDS)
    told += [opened, exchange.on_response_headers(200, [], end=True), exchange.close()]
    logs = [log for effects in told if effects is not None for log in effects.logs]
    return [text.split(": ", 1)[1] for _, level, text in logs if level == 2]


def decoded(outcome: str) -> bytes | None:
    """Return the bytes of a value; an absent one, and an empty one, are None for the guest."""
    shown = outcome.split(" = ", 1)[1]
    return None if shown == "None" else shown.encode().decode("unicode_escape").encode("latin-1")


@pytest.mark.parametrize(("place", "column"), [(in_app, 0), (in_gateway, 1)])
def test_every_property_is_known_where_the_page_says(place: object, column: int) -> None:
    """Known at once, once there is something to know, or nowhere; in the encoding it has."""
    got = place()  # type: ignore[operator]
    assert len(got) == 2 * len(NAMES)
    early, late = got[: len(NAMES)], got[len(NAMES) :]
    for (name, encoding, *places), first, last in zip(ROWS, early, late, strict=True):
        values = decoded(first), decoded(last)
        match places[column]:
            case "\N{EN DASH}":
                assert (name, values) == (name, (None, None))
            case "set" if name not in ABSENT_HERE:
                assert (name, values[0]) == (name, None)
        for value in values:
            if value is not None and encoding in LENGTHS:
                assert (name, len(value)) == (name, LENGTHS[encoding])
            if value is not None and encoding == "map":
                assert (name, len(value) >= 4) == (name, True)
        # The SDK shows an empty value as none.
        empty = encoding == "message" or name.endswith(
            (
                "node.id",
                "node.cluster",
                "filter_chain_name",
                "requested_server_name",
                "root_id",
                "query",
            )
        )
        known = places[column] == "yes" or (places[column] == "set" and name not in ABSENT_HERE)
        if known and not empty:
            assert (name, values[1] is not None) == (name, True)
