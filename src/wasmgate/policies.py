"""The bundled policies, one typed factory each. Each returns a `Policy` for a chain.

    policies=[
        jwt_auth(algorithms=["RS256"], keys=Path("keys/issuer.pem"), audience="orders"),
        rate_limit(limit="100/minute", burst=20, key="user"),
        rewrite(path_prefix={"/v1/": "/"}, request_headers={"set": {"x-tier": "gold"}}),
    ]

The order matters: `rate_limit` knows the user only after `jwt_auth`. gateway.yaml has the same
arguments under `configuration`. The policy itself checks the values when it is loaded, and refuses
them with a PolicyLoadError that names the key and has a hint.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict, cast

from wasmgate.errors import ConfigError
from wasmgate.origins import Arguments
from wasmgate.origins.given import given_dict, given_list, given_pairs
from wasmgate.policy import FailurePolicy, Policy
from wasmgate.policy.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate.policy import Json

__all__ = ["FieldRules", "identity_headers", "jwt_auth", "rate_limit", "rewrite"]

Keys: TypeAlias = "Path | str | Mapping[str, Json | Path]"
Key: TypeAlias = "Literal['address', 'user'] | Mapping[Literal['header'], str]"

_USER_HEADER = "x-auth-user"


class FieldRules(TypedDict, total=False):
    """Changes to header fields, in the order of their application; names in any case."""

    remove: Sequence[str]
    """Removes every field of these names."""

    set: Mapping[str, str]
    """Replaces all fields of the name by one with this value."""

    add: Mapping[str, str]
    """Adds the field if no field has the name."""

    append: Mapping[str, str]
    """Adds the field, also beside others of the name."""


def jwt_auth(
    *,
    algorithms: Sequence[str],
    keys: Keys,
    issuer: str | Sequence[str] | None = None,
    audience: str | Sequence[str] | None = None,
    leeway: int = 0,
    user_claim: str = "sub",
    user_header: str = _USER_HEADER,
    claims_to_headers: Mapping[str, str] | None = None,
    forward: bool = True,
    realm: str | None = None,
    claims_encoding: Literal["utf8", "percent"] | None = None,
    name: str = "jwt_auth",
    limits: Limits | None = None,
    failure_policy: FailurePolicy = FailurePolicy.CLOSED,
) -> Policy:
    """Return a policy that allows only requests with a valid bearer token.

    Headers that the policy sets are removed from clients' requests, also when the policy fails.

    Args:
        algorithms: The JWA names of the algorithms that a token may use.
        keys: PEM text (keys or certificates), a JWK, a JWK Set or a mapping of kid to PEM text (as
            text or mapping), or `{"secret": ...}` for HMAC. The file of a `Path` is read now.
        issuer: The accepted values of the claim `iss`; None accepts every issuer.
        audience: The accepted values of the claim `aud`; None accepts only tokens without it.
        leeway: The tolerated clock skew in seconds, at most 3,600.
        user_claim: The claim with the user.
        user_header: The request header that carries the user to the upstream.
        claims_to_headers: Further request headers by name, each with the claim that it carries.
        forward: Whether the token is forwarded to the upstream.
        realm: The `realm` of challenges (`WWW-Authenticate`).
        claims_encoding: The encoding of the user and of claims in headers: "utf8" (default,
            unchanged), or "percent", with `%XX` for bytes that are not visible ASCII.
        name: The name of the policy: the namespace of its shared data, metrics and log lines.
        limits: Resource limits; the defaults of `Limits` if left out.
        failure_policy: What happens to a request when the policy fails.

    Raises:
        ConfigError: An argument has the wrong type, or a key file cannot be read.

    Source:
        RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 7518 (JWA), RFC 7517 (JWK).
    """
    origin = Arguments("jwt_auth")
    configuration: dict[str, Json] = {
        "algorithms": given_list(origin, "algorithms", algorithms, ["RS256"]),
        "keys": _keys(origin, keys),
        "leeway": leeway,
        "user_claim": user_claim,
        "user_header": user_header,
        "claims_to_headers": given_dict(
            origin, "claims_to_headers", claims_to_headers, {"x-tenant": "tenant"}
        ),
        "forward": forward,
    }
    optional = {"issuer": issuer, "audience": audience, "realm": realm}
    optional |= {"claims_encoding": claims_encoding}
    configuration |= {key: value for key, value in optional.items() if value is not None}
    return Policy(
        "jwt_auth",
        name=name,
        configuration=configuration,
        limits=limits or Limits(),
        failure_policy=failure_policy,
        strip_request_headers=identity_headers(configuration),
        origin=origin,
    )


def rate_limit(
    *,
    limit: str,
    burst: int | None = None,
    key: Key = "address",
    slots: int = 65_536,
    headers: bool = True,
    name: str = "rate_limit",
    limits: Limits | None = None,
    failure_policy: FailurePolicy = FailurePolicy.CLOSED,
) -> Policy:
    """Return a policy that limits the rate of requests of each address, user or header value.

    Args:
        limit: Requests for each period in the notation of the package `limits`: "100/minute",
            "5 per 30 seconds", at most 4 of them separated by ";".
        burst: The number of requests that may come at once; None: the amount of the limit.
        key: The key of a counter: "address", "user" (of `jwt_auth`; the address without a user), or
            `{"header": name}` (the address without the header).
        slots: The number of keys that are counted at the same time.
        headers: Whether forwarded responses get the `X-RateLimit` headers.
        name: The name of the policy: the namespace of its shared data, metrics and log lines.
        limits: Resource limits; the defaults of `Limits` if left out.
        failure_policy: What happens to a request when the policy fails.

    Raises:
        ConfigError: An argument has the wrong type.
    """
    configuration: dict[str, Json] = {"limit": limit, "key": cast("Json", key), "slots": slots}
    configuration |= {"headers": headers} | ({} if burst is None else {"burst": burst})
    return Policy(
        "rate_limit",
        name=name,
        configuration=configuration,
        limits=limits or Limits(),
        failure_policy=failure_policy,
        origin=Arguments("rate_limit"),
    )


def rewrite(
    *,
    path_prefix: Mapping[str, str] | None = None,
    path_regex: Sequence[tuple[str, str]] = (),
    host: str | None = None,
    request_headers: FieldRules | None = None,
    response_headers: FieldRules | None = None,
    name: str = "rewrite",
    limits: Limits | None = None,
    failure_policy: FailurePolicy = FailurePolicy.CLOSED,
) -> Policy:
    """Return a policy that changes the path, the host and header fields.

    The query is not changed.

    Args:
        path_prefix: Replacements by prefix; the longest matching prefix is applied.
        path_regex: Pairs of a pattern and its replacement ("${1}" for a group); the first pattern
            that matches is applied, after the prefix.
        host: The host of the forwarded request; None: unchanged.
        request_headers: Changes to the header fields of requests.
        response_headers: Changes to the header fields of responses.
        name: The name of the policy: the namespace of its shared data, metrics and log lines.
        limits: Resource limits; the defaults of `Limits` if left out.
        failure_policy: What happens to a request when the policy fails.

    Raises:
        ConfigError: An argument has the wrong type.
    """
    origin = Arguments("rewrite")
    rules = {"set": {"x-tier": "gold"}}
    configuration: dict[str, Json] = {
        "path_prefix": given_dict(origin, "path_prefix", path_prefix, {"/v1/": "/"}),
        "path_regex": [
            {"pattern": pattern, "replacement": replacement}
            for pattern, replacement in given_pairs(
                origin, "path_regex", path_regex, [("^/v1/(.*)$", "/$1")]
            )
        ],
        "request_headers": given_dict(origin, "request_headers", request_headers, rules),
        "response_headers": given_dict(origin, "response_headers", response_headers, rules),
    }
    configuration |= {} if host is None else {"host": host}
    return Policy(
        "rewrite",
        name=name,
        configuration=configuration,
        limits=limits or Limits(),
        failure_policy=failure_policy,
        origin=origin,
    )


def identity_headers(configuration: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the request headers that `jwt_auth` sets with this configuration, in lower case.

    A client must not set them itself: `strip_request_headers` of the policy should name them.

    Args:
        configuration: The configuration of the policy, as in gateway.yaml.

    Source:
        RFC 9110 section 5.1: field names are case-insensitive.
    """
    user = configuration.get("user_header", _USER_HEADER)
    claims = configuration.get("claims_to_headers") or {}
    names = [user, *claims] if isinstance(claims, dict) else [user]
    # Names are case-insensitive (RFC 9110 §5.1); the policy writes them in lower case.
    return tuple(name.lower() for name in names if isinstance(name, str))


def _keys(origin: Arguments, keys: Keys) -> Json:
    """Replace paths by the texts of their files."""
    if isinstance(keys, Path):
        return _text(keys)
    if isinstance(keys, str):
        if keys.lower().startswith(("http://", "https://")):
            place = origin.place(("keys",))
            raise ConfigError(
                f"{place}: {keys!r} is a URL, and keys are not fetched",
                where=place,
                hint="save the JWK Set as a file and write keys=Path('keys/jwks.json')",
            )
        if _is_path(keys):
            place = origin.place(("keys",))
            raise ConfigError(
                f"{place}: {keys!r} is text that names a file, and keys is the text of keys",
                where=place,
                hint=f"write keys=Path({keys!r})",
            )
        return keys
    if not isinstance(keys, Mapping):
        place = origin.place(("keys",))
        raise ConfigError(
            f"{place}: keys must be a Path, text or a dict, not a {type(keys).__name__}",
            where=place,
            hint="write keys=Path('keys/issuer.pub.pem'), or keys={'secret': …}",
        )
    return {
        name: _text(value) if isinstance(value, Path) else value for name, value in keys.items()
    }


def _is_path(text: str) -> bool:
    """Return whether a text is the name of a file, and not PEM or JSON."""
    one_word = re.fullmatch(r"[^\s{}\[\]\"]{1,255}", text) is not None
    return one_word and (text.lower().endswith(_KEY_FILES) or Path(text).is_file())


_KEY_FILES = (".pem", ".pub", ".key", ".crt", ".cer", ".json", ".jwk", ".jwks", ".txt")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the key file {path} is binary and no text",
            where="jwt_auth(keys=…)",
            hint="write a key in DER as PEM: openssl pkey -pubin -inform DER -in key.der, "
            "a certificate: openssl x509 -inform DER -in cert.der",
        ) from error
    except OSError as error:
        raise ConfigError(
            f"the key file {path} cannot be read: {error.strerror or error}",
            where="jwt_auth(keys=…)",
            hint="name a PEM or JWK file in UTF-8; a relative path begins at the working folder; "
            "`wasmgate token --generate-key --key FILE` makes a pair of keys for development",
        ) from error
