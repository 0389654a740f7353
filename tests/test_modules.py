"""How the name of a module is understood."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wasmgate import ConfigError
from wasmgate.modules import bundled, is_path, locate, symbols


@pytest.mark.parametrize("module", ["./own.wasm", "own.wasm", "a/b", "/a", Path("own")])
def test_a_slash_or_the_suffix_or_a_path_object_makes_a_path(module: str | Path) -> None:
    """Three ways to say that a file is meant."""
    assert is_path(module)


def test_a_bare_word_names_a_bundled_policy() -> None:
    """So that a file in the working folder never stands in for one."""
    assert not is_path("jwt_auth")


def test_three_policies_are_bundled() -> None:
    """What the wheel ships."""
    assert bundled() == ("jwt_auth", "rate_limit", "rewrite")


@pytest.mark.parametrize("name", ["jwt_auth", "rate_limit", "rewrite"])
def test_a_bundled_policy_is_webassembly(name: str) -> None:
    """It begins with the magic bytes and version 1."""
    assert locate(name).read_bytes()[:8] == b"\0asm\1\0\0\0"


@pytest.mark.parametrize("name", ["jwt_auth", "rate_limit", "rewrite"])
def test_a_bundled_policy_is_small(name: str) -> None:
    """A swap takes 0.4 ms of compilation for each kB."""
    assert locate(name).stat().st_size < 500_000


def test_a_misspelt_name_gets_a_suggestion() -> None:
    """The closest one."""
    with pytest.raises(ConfigError, match=r"named 'jwt_aut' \(did you mean 'jwt_auth'\?\)"):
        locate("jwt_aut")


def test_an_unknown_name_lists_what_is_bundled() -> None:
    """And says how to name a file."""
    with pytest.raises(ConfigError) as caught:
        locate("own")
    assert caught.value.hint == (
        "bundled are jwt_auth, rate_limit, rewrite; the path of a file has a '/' or ends in '.wasm'"
    )


def test_a_missing_file_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path alone would not say where it was looked for."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        locate("own.wasm")
    assert str(tmp_path / "own.wasm") in caught.value.hint


def test_a_folder_is_no_module(tmp_path: Path) -> None:
    """Said as such, not as a failed read."""
    with pytest.raises(ConfigError, match="is a directory"):
        locate(tmp_path)


def test_the_modules_were_built_from_the_sources_beside_them() -> None:
    """A change under rust/policies or to a locked crate needs `nox -s policies`."""
    tool = Path(__file__).parent.parent / "tools" / "build_policies.py"
    command = [sys.executable, str(tool), "--sources"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    built = {name: module["sources"] for name, module in manifest()["modules"].items()}
    assert built == json.loads(run.stdout)


def test_the_manifest_has_the_digests_of_the_modules() -> None:
    """So that a module that was exchanged alone is noticed."""
    digests = {name: hashlib.sha256(locate(name).read_bytes()).hexdigest() for name in bundled()}
    expected = {name: module["sha256"] for name, module in manifest()["modules"].items()}
    assert digests == expected


def test_the_manifest_has_the_digests_of_the_symbols() -> None:
    """They ship beside the modules."""
    files = {name: symbols(name) for name in bundled()}
    digests = {
        name: file and hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()
    }
    expected = {name: module["symbols"] for name, module in manifest()["modules"].items()}
    assert digests == expected


def test_a_path_has_no_symbols() -> None:
    """Its own names are in it, or nowhere."""
    assert symbols("./own.wasm") is None


def manifest() -> dict[str, Any]:
    """Read what the build wrote beside the modules."""
    path = locate("jwt_auth").with_name("manifest.json")
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return read
