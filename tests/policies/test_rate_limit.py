"""The module rate_limit.wasm: who is counted, what passes, and what is told."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

from tests.native.chain_request import Request
from tests.policies.issuer import bearer
from wasmgate._native import Chain, Host
from wasmgate.policies import jwt_auth, rate_limit

if TYPE_CHECKING:
    from tests.policies.issuer import Issuer
    from wasmgate import Policy


def chain(host: Host, policy: Policy) -> Chain:
    """Load a policy alone."""
    return Chain([policy.load(host)])


def told(request: Request) -> dict[bytes, bytes]:
    """Return what the client is told about the limit, without the time that passes."""
    assert request.client.head is not None
    fields = dict(request.client.head[1])
    return {name: value for name, value in fields.items() if name.startswith(b"x-ratelimit")}


def test_a_burst_passes_and_no_more(host: Host) -> None:
    """As many requests as the bucket has tokens."""
    own = chain(host, rate_limit(limit="2/hour"))
    assert [Request(own).passed for _ in range(3)] == [True, True, False]


def test_a_passing_request_is_told_what_remains(host: Host) -> None:
    """A token comes back in half an hour."""
    request = Request(chain(host, rate_limit(limit="2/hour"))).response(200)
    assert told(request) == {
        b"x-ratelimit-limit": b"2",
        b"x-ratelimit-remaining": b"1",
        b"x-ratelimit-reset": b"1800",
    }


def test_nothing_is_told_if_headers_are_off(host: Host) -> None:
    """Then the response stays as it is."""
    request = Request(chain(host, rate_limit(limit="2/hour", headers=False))).response(200)
    assert told(request) == {}


def test_a_refused_request_is_told_when_to_come_back(host: Host) -> None:
    """429 with the seconds until a token is there (RFC 6585, RFC 9110 section 10.2.3)."""
    own = chain(host, rate_limit(limit="1/minute"))
    Request(own)
    request = Request(own)
    assert request.client.head is not None
    assert (request.status, dict(request.client.head[1])[b"retry-after"]) == (429, b"60")
    assert told(request)[b"x-ratelimit-remaining"] == b"0"
    assert json.loads(request.client.body)["status"] == 429


def test_addresses_are_counted_apart(host: Host) -> None:
    """From any port."""
    own = chain(host, rate_limit(limit="1/hour"))
    clients = [("192.0.2.1", 1), ("192.0.2.1", 2), ("192.0.2.2", 1)]
    passed = [Request(own, client_address=client).passed for client in clients]
    assert passed == [True, False, True]


def test_an_ipv6_network_is_one_client(host: Host) -> None:
    """One subscriber has all its addresses."""
    own = chain(host, rate_limit(limit="1/hour"))
    clients = [("2001:db8::1", 1), ("2001:db8::2", 1), ("2001:db8:0:1::1", 1)]
    passed = [Request(own, client_address=client).passed for client in clients]
    assert passed == [True, False, True]


def test_header_values_are_counted_apart(host: Host) -> None:
    """Without the header it is the address."""
    own = chain(host, rate_limit(limit="1/hour", key={"header": "x-api-key"}))
    keys: list[bytes | None] = [b"a", b"b", b"a", None, None]
    sent = [[(b"x-api-key", key)] if key else [] for key in keys]
    passed = [Request(own, headers=fields).passed for fields in sent]
    assert passed == [True, True, False, True, False]


def test_users_are_counted_apart_wherever_they_come_from(host: Host, issuer: Issuer) -> None:
    """The user is the one that jwt_auth found, not the one that a client claims to be."""
    auth = jwt_auth(algorithms=["RS256"], keys=issuer.public).load(host)
    own = Chain([auth, rate_limit(limit="1/hour", key="user").load(host)])
    tokens = {user: bearer(issuer.token(sub=user)) for user in ("ada", "bob")}
    passed = [
        Request(own, headers=tokens[user], client_address=(address, 1)).passed
        for user, address in [("ada", "192.0.2.1"), ("ada", "192.0.2.2"), ("bob", "192.0.2.1")]
    ]
    assert passed == [True, False, True]


def test_without_a_user_the_address_is_counted(host: Host) -> None:
    """A header that names one is no user."""
    own = chain(host, rate_limit(limit="1/hour", key="user"))
    claimed = [[(b"x-auth-user", user)] for user in (b"a", b"b")]
    assert [Request(own, headers=fields).passed for fields in claimed] == [True, False]


def test_all_of_several_limits_hold(host: Host) -> None:
    """The one with the fewest tokens is told."""
    own = chain(host, rate_limit(limit="3/hour; 2/minute"))
    requests = [Request(own).response(200) for _ in range(2)]
    assert told(requests[0])[b"x-ratelimit-limit"] == b"2"
    assert not Request(own).passed


def test_threads_share_the_buckets(host: Host) -> None:
    """Each thread has an instance of its own; no request is counted twice or not at all."""
    own = chain(host, rate_limit(limit="100/hour"))
    passed: list[bool] = []

    def send() -> None:
        for _ in range(60):
            request = Request(own)
            passed.append(request.passed)
            request.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed.count(True) == 100


def test_more_clients_than_slots_take_each_others_place(host: Host) -> None:
    """Memory is bounded: the fullest bucket is given up, which is the oldest here."""
    own = chain(host, rate_limit(limit="1/hour", slots=4))
    clients = [(f"192.0.2.{number}", 1) for number in (1, 2, 3, 4, 5)]
    for client in clients:
        assert Request(own, client_address=client).passed
    assert not Request(own, client_address=clients[4]).passed
    assert Request(own, client_address=clients[0]).passed
