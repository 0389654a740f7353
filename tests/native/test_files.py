"""Files of the capability `read`, seen by the standard libraries of Rust and Go."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.native.chain_request import Request, load
from tests.native.hostile import guest
from wasmgate import PolicyLoadError
from wasmgate._native import Chain, Host

ROOT = Path(__file__).parents[2]
GO_START = 1_000_000_000


@pytest.fixture(scope="session")
def go_guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build tests/guests/files, where there is Go."""
    if shutil.which("go") is None:
        pytest.skip("Go is missing: https://go.dev/dl")
    built = tmp_path_factory.mktemp("go") / "files.wasm"
    environment = {**os.environ, "GOOS": "wasip1", "GOARCH": "wasm"}
    command = ["go", "build", "-buildmode=c-shared", "-o", str(built), "."]
    folder = ROOT / "tests" / "guests" / "files"
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return built


@pytest.fixture(params=["rust", "go"])
def module(request: pytest.FixtureRequest) -> bytes:
    """Take the guest that makes each line of its configuration an operation on a file."""
    if request.param == "rust":
        return (ROOT / "tests" / "fixtures" / "files.wasm").read_bytes()
    built: Path = request.getfixturevalue("go_guest")
    return built.read_bytes()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Make a folder with files, links and something outside."""
    folder = tmp_path / "keys"
    (folder / "old").mkdir(parents=True)
    (folder / "a.pem").write_text("the key")
    (folder / "long").write_text("x" * 200_000)
    (tmp_path / "secret").write_text("secret")
    (folder / "inside").symlink_to("a.pem")
    (folder / "outside").symlink_to("../secret")
    (folder / "absolute").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "pipe")
    return folder


def performed(
    host: Host, module: bytes, *program: str, read: tuple[tuple[str, Path], ...]
) -> list[str]:
    """Return what the operations got."""
    configuration = "\n".join(program).encode()
    plugin = load(host, module, configuration=configuration, read=read, start_fuel=GO_START)
    said = Request(Chain([plugin])).said
    return [line.split(" = ", 1)[1] for line in said if " = " in line]


def test_files_and_folders_are_read(host: Host, module: bytes, keys: Path) -> None:
    """By their absolute name, or relative to the root."""
    got = performed(
        host,
        module,
        "read /keys/a.pem",
        "read keys/a.pem",
        "size /keys/long",
        "list /keys",
        "stat /keys/a.pem",
        read=(("keys/", keys),),
    )
    names = "a.pem absolute inside long old outside pipe"
    assert got == ["the key", "the key", "200000", names, "file 7"]


def test_a_link_is_followed_that_stays_in_its_folder(host: Host, module: bytes, keys: Path) -> None:
    """And no other: 76."""
    links = ("inside", "outside", "absolute")
    program = (f"read /keys/{link}" for link in links)
    got = performed(host, module, *program, read=(("keys", keys),))
    assert got == ["the key", "errno 76", "errno 76"]


def test_nothing_above_or_beside_the_folder_is_seen(host: Host, module: bytes, keys: Path) -> None:
    """76, or 44 for what is not there at all."""
    paths = ("/keys/../secret", "/keys/old/../../secret", "/etc/hostname", "/keys/none")
    program = (f"read {path}" for path in paths)
    got = performed(host, module, *program, read=(("keys", keys),))
    assert got == ["errno 76", "errno 76", "errno 76", "errno 44"]


def test_nothing_is_written(host: Host, module: bytes, keys: Path) -> None:
    """69, and everything is as it was."""
    program = ("write /keys/a.pem", "write /keys/new", "remove /keys/a.pem")
    got = performed(host, module, *program, read=(("keys", keys),))
    assert got == ["errno 69"] * 3
    assert ((keys / "a.pem").read_text(), (keys / "new").exists()) == ("the key", False)


def test_a_pipe_is_not_opened(host: Host, module: bytes, keys: Path) -> None:
    """It would never answer."""
    assert performed(host, module, "read /keys/pipe", read=(("keys", keys),)) == ["errno 2"]


def test_of_a_file_its_neighbours_are_not_seen(host: Host, module: bytes, keys: Path) -> None:
    """76 for them; their folder has one name."""
    got = performed(
        host,
        module,
        "read /a.pem",
        "read /keys/b.pem",
        "list /keys",
        "read /keys/long",
        read=(("a.pem", keys / "a.pem"), ("keys/b.pem", keys / "a.pem")),
    )
    assert got == ["the key", "the key", "b.pem", "errno 76"]


def test_without_the_capability_there_is_nothing(host: Host, module: bytes) -> None:
    """Not the process's own files either."""
    program = ("read /etc/hostname", "list /", "write /x")
    assert performed(host, module, *program, read=()) == ["errno 76"] * 3


def test_a_denied_path_is_logged_and_counted(host: Host, keys: Path) -> None:
    """With the policy, the capability and the path."""
    module = (ROOT / "tests" / "fixtures" / "files.wasm").read_bytes()
    read = (("keys", keys),)
    plugin = load(host, module, configuration=b"read /keys/outside", read=read)
    said = Request(Chain([plugin])).said
    line = "PermissionDenied: policy 'guest' may not read '/keys/outside' (capability read)"
    assert line in said
    assert [row[:3] for row in host.denials()] == [("guest", "read", "/keys/outside")]


def test_what_is_missing_is_an_error_at_load(host: Host, tmp_path: Path) -> None:
    """With the path, what is wrong, and what to do."""
    with pytest.raises(PolicyLoadError, match=r"capability `read` cannot be opened.*No such file"):
        load(host, guest(), read=(("keys", tmp_path / "keys"),))


OPEN = """
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "env" "proxy_send_local_response"
    (func $answer (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (data (i32.const 64) "keya.pem")
  (func $opened (param $path i32) (param $size i32) (result i32)
    (call $open (i32.const 3) (i32.const 1) (local.get $path) (local.get $size) (i32.const 0)
      (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 128)))
  (func $tell (param $number i32) (result i32)
    (call $answer (i32.add (i32.const 200) (local.get $number)) (i32.const 0) (i32.const 0)
      (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const -1)))
"""


def told(host: Host, *fields: str, keys: Path, body: str) -> int:
    """Return the number that a guest of one expression tells."""
    headers = (
        '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)'
        f" (local $n i32) {body})"
    )
    module = guest(*fields, OPEN, headers)
    return (Request(Chain([load(host, module, read=(("k", keys),))])).status or 0) - 200


def test_64_files_are_open_at_most(host: Host, keys: Path) -> None:
    """33 after that."""
    body = """
      (loop $again
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $again (i32.eqz (call $opened (i32.const 67) (i32.const 5)))))
      (call $tell (local.get $n))"""
    assert told(host, keys=keys, body=body) == 65


def test_a_number_is_used_again_when_it_was_closed(host: Host, keys: Path) -> None:
    """The smallest that is free; folders come before."""
    close = '(import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))'
    body = """
      (drop (call $opened (i32.const 67) (i32.const 5)))
      (drop (call $opened (i32.const 67) (i32.const 5)))
      (drop (call $close (i32.const 4)))
      (drop (call $opened (i32.const 67) (i32.const 5)))
      (call $tell (i32.load (i32.const 128)))"""
    assert told(host, close, keys=keys, body=body) == 4


@pytest.mark.parametrize(
    ("module", "whence"), [("wasi_snapshot_preview1", 2), ("wasi_unstable", 1)]
)
def test_the_end_has_another_number_in_the_older_module(
    host: Host, keys: Path, module: str, whence: int
) -> None:
    """`whence` was renumbered."""
    seek = f'(import "{module}" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))'
    body = f"""
      (drop (call $opened (i32.const 67) (i32.const 5)))
      (drop (call $seek (i32.const 4) (i64.const -2) (i32.const {whence}) (i32.const 136)))
      (call $tell (i32.load (i32.const 136)))"""
    assert told(host, seek, keys=keys, body=body) == 5


@pytest.mark.parametrize(
    "call",
    [
        "(call $opened (i32.const -1) (i32.const 5))",
        "(call $opened (i32.const 65535) (i32.const 5))",
        "(call $read (i32.const 4) (i32.const -8) (i32.const 1) (i32.const 136))",
        "(call $read (i32.const 4) (i32.const 200) (i32.const 1) (i32.const -1))",
        "(call $list (i32.const 3) (i32.const 64) (i32.const -1) (i64.const 0) (i32.const 136))",
        "(call $list (i32.const 3) (i32.const 64) (i32.const 64) (i64.const 0) (i32.const -1))",
        "(call $poll (i32.const -1) (i32.const 256) (i32.const 1) (i32.const 136))",
        "(call $poll (i32.const 256) (i32.const -1) (i32.const 1) (i32.const 136))",
    ],
)
def test_a_wild_pointer_is_21(host: Host, keys: Path, call: str) -> None:
    """And nothing else happens."""
    imports = """
      (import "wasi_snapshot_preview1" "fd_read"
        (func $read (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_readdir"
        (func $list (param i32 i32 i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll (param i32 i32 i32 i32) (result i32)))"""
    body = f"(drop (call $opened (i32.const 67) (i32.const 5))) (call $tell {call})"
    assert told(host, imports, keys=keys, body=body) == 21


def test_a_listing_goes_on_after_its_cookie(host: Host, keys: Path) -> None:
    """The second entry has the length of `absolute`."""
    readdir = """(import "wasi_snapshot_preview1" "fd_readdir"
      (func $list (param i32 i32 i32 i64 i32) (result i32)))"""
    body = """
      (drop (call $list (i32.const 3) (i32.const 256) (i32.const 512) (i64.const 1)
        (i32.const 136)))
      (call $tell (i32.load (i32.const 272)))"""
    assert told(host, readdir, keys=keys, body=body) == len("absolute")


@pytest.mark.parametrize(
    ("tag", "number", "error"), [(0, 1, 0), (0, 9, 58), (2, 1, 0), (1, 0, 8), (1, 4, 0), (7, 0, 28)]
)
def test_polling_reports_each_subscription_at_once(
    host: Host, keys: Path, tag: int, number: int, error: int
) -> None:
    """Clocks that are due, what can be read or written, and what is wrong with the rest."""
    poll = """(import "wasi_snapshot_preview1" "poll_oneoff"
      (func $poll (param i32 i32 i32 i32) (result i32)))"""
    body = f"""
      (drop (call $opened (i32.const 67) (i32.const 5)))
      (i32.store8 (i32.const 264) (i32.const {tag}))
      (i32.store (i32.const 272) (i32.const {number}))
      (i64.store (i32.const 280) (i64.const 3600000000000))
      (drop (call $poll (i32.const 256) (i32.const 512) (i32.const 1) (i32.const 136)))
      (call $tell (i32.add (i32.load16_u (i32.const 520))
        (i32.mul (i32.const 100) (i32.sub (i32.load (i32.const 136)) (i32.const 1)))))"""
    assert told(host, poll, keys=keys, body=body) == error
