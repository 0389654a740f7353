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
    algorithm: Annotated[Algorithm, typer.Option(help="How to sign.")] = Algorithm.RS256,
    key: Annotated[
        Path | None, typer.Option(help="A file: a private key in PEM, or the secret for HS.")
    ] = None,
    secret: Annotated[
        str | None, typer.Option(help="The secret for HS, instead of a file.")
    ] = None,
    generate_key: Annotated[
        bool,
        typer.Option(
            "--generate-key",
            help="First make a new key in the file --key, public part in .pub.pem.",
        ),
    ] = False,
    claim: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A claim; the value is JSON, or text. Repeatable."),
    ] = None,
    audience: Annotated[str | None, typer.Option(help="The claim aud.")] = None,
    issuer: Annotated[str | None, typer.Option(help="The claim iss.")] = None,
    subject: Annotated[str | None, typer.Option(help="The claim sub.")] = None,
    expires_in: Annotated[str, typer.Option(help="From now to exp, such as 5m, 1h or 30d.")] = "1h",
    key_id: Annotated[str | None, typer.Option(help="The header kid.")] = None,
) -> None:
    """Mint a token for development.

    It alone goes to stdout, so that $(wasmgate token …) works.
    `--claim` is applied last: `--claim exp=1` gives a token that has expired.
    """
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
