"""Every place that takes the URL of an endpoint reads it with one parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.endpoint_urls import GOOD, REFUSED
from wasmgate import _native
from wasmgate.callouts.targets import fixed, target
from wasmgate.config.addresses import Endpoint
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = TypeAdapter(Endpoint)


def from_config(url: str) -> str:
    """Return what gateway.yaml makes of a URL."""
    return CONFIG.validate_python(url)


def from_callouts(url: str) -> str:
    """Return the endpoint of a cluster that a middleware was given."""
    return target("site", fixed({"site": url})).endpoint


def from_router(url: str) -> str | None:
    """Return the endpoint of a cluster of a router."""
    cluster = _native.Cluster(name="site", endpoints=[(url, 1)], lb_policy="round_robin")
    router = _native.Router(
        clusters=[cluster], routes=[], trusted_proxies=[], headers=1, header_bytes=1, body=None
    )
    return router.endpoint("site")


@pytest.mark.parametrize(("url", "expected"), GOOD.items())
def test_a_url_is_read_in_its_parts(url: str, expected: tuple[str, str, int, bool]) -> None:
    """Scheme and host have no case (RFC 3986 section 3.1), and the port may be left out."""
    assert _native.parse_endpoint(url) == expected


@pytest.mark.parametrize("read", [from_config, from_router])
@pytest.mark.parametrize(("url", "expected"), GOOD.items())
def test_a_url_is_the_same_behind_every_door(
    read: Callable[[str], str], url: str, expected: tuple[str, str, int, bool]
) -> None:
    """A pool is found by the URL that the configuration and the router give."""
    assert read(url) == expected[0]


@pytest.mark.parametrize(("url", "expected"), GOOD.items())
def test_a_callout_goes_to_the_endpoint(url: str, expected: tuple[str, str, int, bool]) -> None:
    """The client of callouts reads the URL again, and finds the same host and port."""
    assert _native.parse_endpoint(from_callouts(url))[1:] == expected[1:]


@pytest.mark.parametrize("read", [_native.parse_endpoint, from_config, from_callouts, from_router])
@pytest.mark.parametrize(("url", "problem"), REFUSED.items())
def test_another_text_is_refused_at_every_door(
    read: Callable[[str], object], url: str, problem: str
) -> None:
    """With the same reason."""
    with pytest.raises((ValueError, ValidationError, ConfigError), match=problem):
        read(url)
