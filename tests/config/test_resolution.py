"""What a configuration names outside itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wasmgate import ConfigError
from wasmgate.config import load
from wasmgate.config.resolution import MAX_FILE, ReferenceResolver
from wasmgate.policy.capabilities import Mount

if TYPE_CHECKING:
    from pathlib import Path


def resolve(folder: Path, configuration: object) -> tuple[Any, list[str]]:
    """Resolve one policy's configuration; return it and what was said."""
    resolver = ReferenceResolver(folder)
    data = resolver.resolve({"policies": {"p": {"configuration": configuration}}})
    return data["policies"]["p"]["configuration"], [one.text for one in resolver.problems]


def test_files_are_found_at_any_depth(tmp_path: Path) -> None:
    """In dictionaries and lists, and as the whole configuration."""
    (tmp_path / "a").write_text("A")
    configuration = {"x": [{"file": "a"}, {"y": {"file": "a"}}]}
    assert resolve(tmp_path, configuration) == ({"x": ["A", {"y": "A"}]}, [])


@pytest.mark.parametrize("value", [{"file": "a", "other": 1}, {"file": 5}, {"File": "a"}, "file"])
def test_only_a_mapping_with_one_key_is_a_file(value: object, tmp_path: Path) -> None:
    """Other uses of a key `file` belong to the policy."""
    assert resolve(tmp_path, value) == (value, [])


def test_the_text_is_not_changed(tmp_path: Path) -> None:
    """Line ends stay as they are."""
    (tmp_path / "a").write_bytes("ä\r\nb\n".encode())
    assert resolve(tmp_path, {"file": "a"}) == ("ä\r\nb\n", [])


@pytest.mark.parametrize(
    ("content", "said"), [(b"\xff", "is not UTF-8 text"), (b"x" * (MAX_FILE + 1), "1 MiB")]
)
def test_a_file_must_be_text_of_a_sane_size(content: bytes, said: str, tmp_path: Path) -> None:
    """Keys are small; a core dump is not a key."""
    (tmp_path / "a").write_bytes(content)
    (problem,) = resolve(tmp_path, {"file": "a"})[1]
    assert said in problem


@pytest.mark.parametrize("name", ["none", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    """With its full path."""
    (problem,) = resolve(tmp_path, {"file": name})[1]
    assert problem.startswith(f"{tmp_path / name} cannot be read: ")


@pytest.mark.parametrize("data", [None, [], {"policies": []}, {"policies": {"p": 1}}])
def test_other_mistakes_are_left_to_the_models(data: object, tmp_path: Path) -> None:
    """Nothing is resolved, nothing is lost."""
    assert ReferenceResolver(tmp_path).resolve(data) == data


def test_what_a_policy_may_read_keeps_its_name(tmp_path: Path) -> None:
    """The policy sees it by the name in the file, wherever the file is."""
    resolver = ReferenceResolver(tmp_path)
    data = resolver.resolve({"policies": {"p": {"capabilities": {"read": ["keys/", 5]}}}})
    mount = Mount(tmp_path / "keys", at="keys/")
    assert data["policies"]["p"]["capabilities"]["read"] == [mount, 5]


def test_a_policy_of_the_file_reads_beside_it(tmp_path: Path) -> None:
    """What the file names is what is opened, from wherever the gateway is started."""
    (tmp_path / "gateway.yaml").write_text(
        "policies: {own: {module: rewrite, capabilities: {read: [keys/, ../plans.json]}}}\n"
        "clusters: {site: {endpoints: [http://127.0.0.1:1]}}\n"
        "routes: [{match: {prefix: /}, cluster: site}]\n"
    )
    policy = load(tmp_path / "gateway.yaml").to_policies()["own"]
    assert policy.capabilities.mounts() == [
        ("keys/", tmp_path / "keys"),
        ("../plans.json", tmp_path / "../plans.json"),
    ]


def test_an_entry_of_read_is_text(tmp_path: Path) -> None:
    """And no number."""
    (tmp_path / "gateway.yaml").write_text(
        "policies: {own: {module: rewrite, capabilities: {read: [5]}}}\n"
        "clusters: {site: {endpoints: [http://127.0.0.1:1]}}\n"
        "routes: [{match: {prefix: /}, cluster: site}]\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "gateway.yaml")
    assert "policies.own.capabilities.read[0]: must be text" in caught.value.diagnostics()
