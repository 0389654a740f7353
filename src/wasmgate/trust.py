"""Trusted certificates: those of the system, or those that SSL_CERT_FILE and SSL_CERT_DIR name.

OpenSSL silently treats an unreadable file as an empty list; then each TLS connection fails later,
with a misleading error.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from wasmgate._native import parse_endpoint
from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["problem", "require"]


def problem() -> str | None:
    """Return what is wrong with the two variables; None: they are valid."""
    paths = ssl.get_default_verify_paths()
    file = os.environ.get(paths.openssl_cafile_env)
    if file is not None and (wrong := _of_file(file)) is not None:
        return f"{paths.openssl_cafile_env}={file!r} {wrong}"
    folders = os.environ.get(paths.openssl_capath_env)
    if folders is not None:
        for folder in folders.split(os.pathsep):
            if not Path(folder).is_dir():
                return f"{paths.openssl_capath_env}={folders!r}: there is no folder {folder!r}"
    return None


def require(urls: Iterable[str], *, where: str) -> None:
    """Raise ConfigError if an endpoint of `urls` uses TLS and no certificate can be trusted.

    Raises ValueError for a text that is not the URL of an endpoint.
    """
    over_tls = next((url for url in urls if parse_endpoint(url)[3]), None)
    if over_tls is not None and (wrong := problem()) is not None:
        raise ConfigError(
            f"{over_tls} could never be trusted: {wrong}",
            where=where,
            hint="name a file with certificates in PEM in SSL_CERT_FILE, or unset it for the"
            " system's",
        )


def _of_file(file: str) -> str | None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        return "has no certificate in PEM"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return None
