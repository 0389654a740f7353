"""Whose certificates are trusted: the system's, or what SSL_CERT_FILE and SSL_CERT_DIR name.

OpenSSL takes what it cannot read there for an empty list, in silence; then every connection over
TLS fails, later and for another reason.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from wasmgate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["problem", "require"]


def problem() -> str | None:
    """Say what is wrong with the two variables; None: nothing."""
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
    """Raise ConfigError if a server of `urls` is spoken to over TLS and none could be trusted."""
    over_tls = next((url for url in urls if url.startswith("https:")), None)
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
