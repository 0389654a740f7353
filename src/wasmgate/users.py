"""Warns about rate limits by user in a chain where no policy sets a user."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasmgate.policy import Policy

__all__ = ["counted_by_address"]

_LIMIT, _NAMES_USERS = "rate_limit", "jwt_auth"
# These modules do not set a user; an unknown module may.
_NAMELESS = {_LIMIT, "rewrite"}


def counted_by_address(chain: Sequence[Policy]) -> list[str]:
    """Return a warning for each limit with `key: user` and no policy before it that sets a user."""
    found = []
    modules = [PurePath(policy.module).stem for policy in chain]
    for place, (policy, module) in enumerate(zip(chain, modules, strict=True)):
        if module != _LIMIT or not _counts_users(policy) or set(modules[:place]) - _NAMELESS:
            continue
        later = [other.name for other in chain[place:] if other.module == _NAMES_USERS]
        advice = (
            f"put {later[0]!r} before it"
            if later
            else f"put {_NAMES_USERS} before it, or write key: address or a header"
        )
        found.append(
            f"policy {policy.name!r} counts by user (key: user), and no policy before it names "
            f"one, so clients are counted by address; {advice}"
        )
    return found


def _counts_users(policy: Policy) -> bool:
    try:
        configuration = json.loads(policy.configuration_bytes)
    except ValueError:
        return False
    return isinstance(configuration, dict) and configuration.get("key") == "user"
