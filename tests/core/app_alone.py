"""Policies in an app, with what the package alone requires: a program, not a test.

    python tests/core/app_alone.py

`nox -s core` runs it where nothing else is installed, and `test_app_alone.py` where imports of
everything else fail. It needs no server: it is the server. Exits with 0 when all is right.
"""

import asyncio
import importlib.abc
import importlib.metadata
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

REQUIRED = {
    "annotated_types",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "typing_inspection",
}


class Only(importlib.abc.MetaPathFinder):
    """Finds the standard library, this package and what it requires."""

    def __init__(self) -> None:
        """Stand in front of the finders that are there."""
        self._finders = list(sys.meta_path)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module, or nothing: the rest is as if it were not installed."""
        top = name.partition(".")[0]
        known = top in sys.stdlib_module_names | REQUIRED | {"wasmgate"}
        if not known and not top.startswith("_sysconfigdata"):
            return None
        found = (finder.find_spec(name, path, target) for finder in self._finders)
        return next((spec for spec in found if spec is not None), None)


async def hello(_scope: object, _receive: object, send: object) -> None:
    """Answer."""
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"hello"})  # type: ignore[operator]


async def status_of(app: object) -> int:
    """Send one request without a server."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"app")],
        "client": ("192.0.2.1", 4711),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    await app(scope, receive, send)  # type: ignore[operator]
    return int(sent[0]["status"])  # type: ignore[call-overload, no-any-return]


def main() -> None:
    """Run the bundled policies around an app, and see what is said without the rest."""
    required = importlib.metadata.requires("wasmgate") or []
    unmarked = [one for one in required if "extra ==" not in one]
    assert [one.partition(">")[0] for one in unmarked] == ["pydantic"], unmarked
    sys.meta_path[:] = [Only()]
    import wasmgate  # noqa: PLC0415 (after the finder)
    from wasmgate import PolicyMiddleware, policies  # noqa: PLC0415

    chain = [
        policies.rate_limit(limit="1/minute"),
        policies.rewrite(request_headers={"set": {"x-tier": "gold"}}),
        policies.jwt_auth(algorithms=["HS256"], keys={"secret": "0123456789abcdef" * 2 + "XyZ9"}),
    ]
    statuses = [
        asyncio.run(status_of(PolicyMiddleware(hello, policies=some))) for some in ([], chain[1:2])
    ]
    limited = PolicyMiddleware(hello, policies=chain[:1])
    statuses += [asyncio.run(status_of(limited)), asyncio.run(status_of(limited))]
    statuses.append(asyncio.run(status_of(PolicyMiddleware(hello, policies=chain[2:]))))
    assert statuses == [200, 200, 200, 429, 401], statuses

    try:
        _ = wasmgate.Gateway
    except ImportError as error:
        assert "pip install 'wasmgate[gateway]'" in str(error), error  # noqa: PT017
    else:
        raise AssertionError("there is a gateway without its packages")

    from wasmgate.cli import main as command  # noqa: PLC0415

    try:
        command(["--help"])
    except SystemExit as error:
        said = str(error.code)
        assert said.count("\n") == 0, said
        assert "pip install 'wasmgate[gateway]'" in said, said

    sys.stdout.write("the app runs alone\n")


if __name__ == "__main__":
    main()
