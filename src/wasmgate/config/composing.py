"""The nodes of a document, by the faster of two parsers."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import yaml

from wasmgate.config.yaml_loader import PythonLoader

if TYPE_CHECKING:
    from wasmgate.config.yaml_loader import Loader

__all__ = ["composed"]

# Tags, complex keys, directives, marks of documents, a comment right behind the sign of a block,
# and what stands between white space and text: tabs, byte order marks, line ends other than LF.
_READ_DIFFERENTLY = re.compile(
    r"[!?\t\r\x85\u2028\u2029\ufeff]|[|>][-+0-9]*#|^(?:---|\.\.\.|%)", re.MULTILINE
)


def composed(text: str) -> tuple[Loader, yaml.Node | None]:
    """Return the root node of a document, nothing if it is empty, and the loader that composed it.

    libyaml, where PyYAML was built with it, takes a tenth of the time. It does not read texts with
    what both read differently; a text that it refuses is parsed again in Python, which says why.

    Raises yaml.YAMLError, RecursionError.
    """
    if yaml.__with_libyaml__ and _READ_DIFFERENTLY.search(text) is None:
        from wasmgate.config.libyaml import LibyamlLoader  # noqa: PLC0415 (where it is there)

        with contextlib.suppress(yaml.YAMLError):
            native = LibyamlLoader(text)
            return native, native.get_single_node()
    loader = PythonLoader(text)
    return loader, loader.get_single_node()
