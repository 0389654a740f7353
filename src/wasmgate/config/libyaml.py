"""The loader that parses by libyaml; only where PyYAML was built with it."""

from __future__ import annotations

from yaml.cyaml import CParser  # type: ignore[attr-defined]

from wasmgate.config.yaml_loader import Loader

__all__ = ["LibyamlLoader"]


class LibyamlLoader(Loader, CParser):
    """Composes nodes as `Loader` does, from the events of libyaml."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        Loader.__init__(self)
