"""Hosts, endpoints, prefixes and networks, as text that was checked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from wasmgate._native import parse_endpoint
from wasmgate.callouts import storages
from wasmgate.config.invalid import invalid

__all__ = [
    "Address",
    "Endpoint",
    "Host",
    "HostPattern",
    "Network",
    "Prefix",
    "Storage",
    "endpoint_url",
    "host_pattern",
]

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*\.?")
_HIGHEST_PORT = 65535
_PORT = "write a port from 1 to 65535"
# RFC 3986 section 3.3: what a path may be written with, on the wire.
# A segment such as *, ** or {id}: other gateways match any segment with it.
_PATTERN = re.compile(r"(?<=/)(?:\*\*?|\{[^/]*\}|<[^/]*>)(?=/|$)")
_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")


@dataclass(frozen=True)
class Address:
    """A listening address."""

    host: str
    """A host name or an IP address."""

    port: int
    """The port; with 0 the system chooses a free one."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, value: object) -> Address:
        """Return the address of a text.

        Args:
            value: "host:port" or "[IPv6]:port"; an `Address` is returned as it is.

        Raises:
            PydanticCustomError: The text is not an address; it is a ValueError.
        """
        if isinstance(value, cls):
            return value
        match = re.fullmatch(r"(?:\[(.+)\]|([^:\s]+)):([0-9]{1,5})", str(value))
        if match is None or not _is_host(match[1] or match[2], six=match[1] is not None):
            raise invalid(
                "address",
                "must be host:port, such as 127.0.0.1:8080 or [::1]:8080",
                "write listen: 127.0.0.1:8080, or 0.0.0.0:8080 for every address of this machine",
            )
        if int(match[3]) > _HIGHEST_PORT:
            raise invalid("address", "the port must be at most 65535", _PORT)
        return cls(match[1] or match[2], int(match[3]))


def _is_host(host: str, *, six: bool) -> bool:
    try:
        version = ipaddress.ip_address(host).version
    except ValueError:
        return not six and _DNS_NAME.fullmatch(host.lower()) is not None
    return six == (version == 6)  # noqa: PLR2004 (IPv6)


def _host(value: str) -> str:
    if re.fullmatch(r".+:[0-9]+", value) and not value.startswith("["):
        text = "must be without a port: hosts match on every port"
        raise invalid("host", text, "write the name alone, such as host: api.example")
    if "*" in value:
        text = "must be one name, without a pattern"
        raise invalid("host", text, "write host: api.example")
    lower = value.lower().removesuffix(".")
    six = lower.startswith("[") and lower.endswith("]")
    if not _is_host(lower[1:-1] if six else lower, six=six):
        raise invalid(
            "host",
            "must be a host name or an IP address (other scripts as xn--…)",
            "write host: api.example, without scheme and path: a path goes to prefix",
        )
    return lower


def host_pattern(value: str) -> str:
    """Return a host of a route in lower case: a name, `*.` and a name, or `*`.

    Raises PydanticCustomError, a ValueError, for anything else.
    """
    if value == "*":
        return value
    name = value.removeprefix("*.")
    if "*" in name:
        text = "must be a name, or '*.' and a name: an asterisk stands for whole labels in front"
        raise invalid("host", text, "write host: '*.example', or a list of names")
    return value[: len(value) - len(name)] + _host(name)


def endpoint_url(value: str) -> str:
    """Return the URL of an endpoint as it is written at its shortest.

    Raises PydanticCustomError, a ValueError, for anything else.
    """
    try:
        return parse_endpoint(value)[0]
    except ValueError as error:
        problem, hint = error.args
        raise invalid("endpoint", problem, hint) from None


def _prefix(value: str) -> str:
    if _PATTERN.search(value):
        raise invalid(
            "prefix",
            "must be the beginning of a path, which matches everything below it: not a pattern",
            "write template: /users/{id} for one segment"
            if "{" in value
            else f"write prefix: {_PATTERN.split(value)[0] or '/'}",
        )
    if not _PATH.fullmatch(value):
        raise invalid(
            "prefix",
            "must be the beginning of a path as it is on the wire: '/' and more, no '?'",
            "write prefix: /orders/, and other characters than letters as %C3%A4",
        )
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise invalid(
            "network",
            "must be an IP address, or a network such as 10.0.0.0/8 (not 10.0.0.1/8)",
            "write the address of the proxy, or its network with the last bits 0",
        ) from None


def _storage(value: str) -> str:
    if problem := storages.url_problem(value):
        raise invalid("storage", problem, "write storage: redis://127.0.0.1:6379")
    return value


ListenAddress = Annotated[
    Address,
    BeforeValidator(Address.parse),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8080", "[::1]:8080"]}),
]
Storage = Annotated[
    str, AfterValidator(_storage), Field(json_schema_extra={"pattern": storages.PATTERN})
]
Host = Annotated[str, AfterValidator(_host)]
HostPattern = Annotated[str, AfterValidator(host_pattern)]
Endpoint = Annotated[str, AfterValidator(endpoint_url)]
Prefix = Annotated[str, AfterValidator(_prefix)]
Network = Annotated[str, AfterValidator(_network)]
