"""The certificate that `wasmgate run` shows to clients: read and checked before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmgate._native import check_certificate
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["checked", "read"]

_LARGEST = 1 << 20  # bytes of a file: a chain of certificates has a few thousand
_OPTIONS = {"chain": "--tls-certificate", "key": "--tls-key"}


def read(chain: Path, key: Path) -> tuple[bytes, bytes]:
    """Return the bytes of a certificate chain and of its private key, both in PEM.

    Raises:
        ConfigError: One of the files cannot be read or used; it names the file.
    """
    return checked(chain, key)[0]


def checked(chain: Path, key: Path) -> tuple[tuple[bytes, bytes], list[str]]:
    """Return the same, and warnings about certificates that are out of their time.

    Raises:
        ConfigError: As `read`.
    """
    pem = _bytes("chain", chain), _bytes("key", key)
    problem, warnings = check_certificate(*pem)
    if problem is not None:
        kind, text, hint = problem
        path = {"chain": chain, "key": key}[kind]
        other = f" (the certificate is {chain})" if "the certificate" in text else ""
        raise ConfigError(
            f"{path}: {text}{other}", where=_OPTIONS[kind], hint=hint.replace("FILE", str(path))
        )
    return pem, [f"{chain}: {warning}" for warning in warnings]


def _bytes(kind: str, path: Path) -> bytes:
    try:
        # A device or a pipe may have no end.
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"{path}: it cannot be read: {error.strerror or error}",
            where=_OPTIONS[kind],
            hint="name a file that is there and that this user may read",
        ) from error
    if len(content) > _LARGEST:
        raise ConfigError(
            f"{path}: it has more than {_LARGEST} bytes",
            where=_OPTIONS[kind],
            hint="name a file with nothing but certificates, or a key, in PEM",
        )
    return content
