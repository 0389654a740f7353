"""`wasmgate token`: tokens to try a gateway with: development only."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from wasmgate.cli.console import err
from wasmgate.errors import ConfigError

__all__ = ["token"]

LONGEST = "3650d"


class Algorithm(StrEnum):
    """What `jwt_auth` verifies (RFC 7518 section 3.1, RFC 8037, RFC 9864)."""

    HS256 = "HS256"
    HS384 = "HS384"
    HS512 = "HS512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    PS256 = "PS256"
    PS384 = "PS384"
    PS512 = "PS512"
    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    EdDSA = "EdDSA"
    Ed25519 = "Ed25519"


def token(
    *,
    algorithm: Annotated[
        Algorithm, typer.Option(help="Signature algorithm, the header alg (RFC 7518).")
    ] = Algorithm.RS256,
    key: Annotated[
        Path | None,
        typer.Option(help="A file with a private key (PEM), or with the secret for HS algorithms."),
    ] = None,
    secret: Annotated[
        str | None, typer.Option(help="The secret for HS algorithms, in place of a file.")
    ] = None,
    generate_key: Annotated[
        bool,
        typer.Option(
            "--generate-key",
            help="Write a new key to the file --key first, and its public key to *.pub.pem beside "
            "it. No file is overwritten.",
        ),
    ] = False,
    claim: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Any claim, such as admin=true; the value is JSON, else text. Repeatable; "
            "replaces the other options' claims.",
        ),
    ] = None,
    audience: Annotated[str | None, typer.Option(help="The claim aud. Default: absent.")] = None,
    issuer: Annotated[str | None, typer.Option(help="The claim iss. Default: absent.")] = None,
    subject: Annotated[str | None, typer.Option(help="The claim sub. Default: absent.")] = None,
    expires_in: Annotated[
        str, typer.Option(help="Lifetime, from iat to exp, such as 30s, 5m, 1h or 30d.")
    ] = "1h",
    key_id: Annotated[str | None, typer.Option(help="The header kid. Default: absent.")] = None,
) -> None:
    """Sign a JSON Web Token for development.

    Only the token goes to stdout, for use as $(wasmgate token …). The last example makes an expired
    token.

    \b
    wasmgate token --generate-key --key issuer.pem --subject alice --audience orders
    wasmgate token --key issuer.pem --claim 'roles=["admin"]' --expires-in 5m
    wasmgate token --key issuer.pem --claim exp=1
    """  # noqa: D301 (click keeps lines after this character)
    _require_cryptography()
    from wasmgate.cli.token_signing import UnfitKey, sign

    material = _material(algorithm, key, secret, generate=generate_key)
    named = {"aud": audience, "iss": issuer, "sub": subject}
    claims = {name: value for name, value in named.items() if value is not None}
    claims |= _times(expires_in) | dict(_claim(text) for text in claim or [])
    header = {"alg": algorithm.value, "typ": "JWT"} | ({"kid": key_id} if key_id else {})
    try:
        minted = sign(header, claims, material.encode())
    except UnfitKey as error:
        raise ConfigError(
            f"nothing can be signed with this key and {algorithm}",
            where=str(key) if key else "--secret",
            hint="HS needs a secret, RS and PS an RSA private key, ES a private key on its own"
            " curve, EdDSA one of Ed25519; --generate-key makes one",
        ) from error
    err().print("for development only:", style="yellow", highlight=False)
    typer.echo(minted)


def _require_cryptography() -> None:
    from importlib.util import find_spec

    if find_spec("cryptography") is None:
        raise ConfigError(
            "`wasmgate token` needs the package cryptography, which is not installed",
            hint="python -m pip install 'wasmgate[dev]'",
        )


def _material(algorithm: Algorithm, key: Path | None, secret: str | None, *, generate: bool) -> str:
    if secret is not None and (key is not None or not algorithm.startswith("HS") or generate):
        raise typer.BadParameter("--secret is for HS algorithms and stands alone")
    if secret is not None:
        return secret
    if key is None:
        raise typer.BadParameter("name a key with --key FILE (or --secret for HS algorithms)")
    if generate:
        from wasmgate.cli.token_keys import generate_key

        generate_key(algorithm.value, key)
    try:
        return key.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"the key {key} cannot be read: {said}",
            where=str(key.absolute()),
            hint="--generate-key makes one there",
        ) from error


def _times(expires_in: str) -> dict[str, int]:
    from wasmgate.config.units import duration

    now = int(time.time())
    try:
        return {"iat": now, "exp": now + round(duration(expires_in, longest=LONGEST))}
    except ValueError as error:
        raise typer.BadParameter(f"--expires-in {error}") from error


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"--claim {text!r} must be NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
