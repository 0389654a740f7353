"""`wasmgate token`."""

from __future__ import annotations

import stat
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from jose import jwt

from tests.middleware.apps import echo
from tests.middleware.asgi_server import get
from wasmgate import PolicyMiddleware, policies
from wasmgate.cli import main
from wasmgate.cli.token import Algorithm

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Command

SECRET = ("--algorithm", "HS256", "--secret", "s3cret")


def claims(token: str) -> dict[str, Any]:
    """Verify a token of SECRET, with any audience and times."""
    options = {"verify_aud": False, "verify_exp": False}
    verified: dict[str, Any] = jwt.decode(token.strip(), "s3cret", ["HS256"], options=options)
    return verified


def test_only_the_token_is_on_stdout(wasmgate: Command) -> None:
    """The warning is on stderr, so that $(wasmgate token …) works."""
    done = wasmgate("token", *SECRET)
    assert (done.returncode, done.stdout.count("."), done.stdout.count("\n"), done.stderr) == (
        0,
        2,
        1,
        "for development only:\n",
    )


def test_named_claims_and_free_ones_are_in_it(wasmgate: Command) -> None:
    """A value that is JSON is that, any other is text."""
    named = ("--audience", "orders", "--issuer", "me", "--subject", "alice")
    free = ("--claim", "roles=[1]", "--claim", "tier=gold", "--claim", "url=a=b")
    found = claims(wasmgate("token", *SECRET, *named, *free).stdout)
    assert {name: value for name, value in found.items() if name not in {"iat", "exp"}} == {
        "aud": "orders",
        "iss": "me",
        "sub": "alice",
        "roles": [1],
        "tier": "gold",
        "url": "a=b",
    }


def test_it_expires_after_the_given_time(wasmgate: Command) -> None:
    """Counted from now."""
    before = int(time.time())
    found = claims(wasmgate("token", *SECRET, "--expires-in", "5m").stdout)
    assert (found["exp"] - found["iat"], found["iat"] >= before) == (300, True)


def test_a_claim_stands_in_place_of_a_computed_one(wasmgate: Command) -> None:
    """An expired token is one that a gateway must refuse."""
    assert claims(wasmgate("token", *SECRET, "--claim", "exp=1").stdout)["exp"] == 1


def test_a_key_id_goes_into_the_header(wasmgate: Command) -> None:
    """For sets of keys."""
    token = wasmgate("token", *SECRET, "--key-id", "k1").stdout.strip()
    assert jwt.get_unverified_header(token)["kid"] == "k1"


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "ES256", "ES384", "ES512"])
def test_a_generated_key_verifies_its_tokens(
    algorithm: str, wasmgate: Command, tmp_path: Path
) -> None:
    """The public half is beside it."""
    made = wasmgate("token", "--algorithm", algorithm, "--key", "k.pem", "--generate-key")
    public = (tmp_path / "k.pub.pem").read_text()
    assert jwt.decode(made.stdout.strip(), public, [algorithm])["exp"] > time.time()


@pytest.mark.parametrize("algorithm", [*Algorithm])
async def test_jwt_auth_takes_what_is_signed(
    algorithm: str, wasmgate: Command, tmp_path: Path
) -> None:
    """Every algorithm that the policy verifies can be tried."""
    hmac = algorithm.startswith("HS")
    arguments = ("--algorithm", algorithm, "--subject", "alice", "--key", "k.pem")
    made = wasmgate("token", *arguments, "--generate-key")
    key = (tmp_path / ("k.pem" if hmac else "k.pub.pem")).read_text()
    policy = policies.jwt_auth(algorithms=[algorithm], keys={"secret": key} if hmac else key)
    fields = [(b"authorization", b"Bearer " + made.stdout.strip().encode())]
    answer = await get(PolicyMiddleware(echo, policies=[policy]), headers=fields)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("written", "seconds"), [("90s", 90), ("2h", 7200), ("1d", 86_400), ("30d", 2_592_000)]
)
def test_a_time_has_the_units_of_the_configuration(
    written: str, seconds: int, wasmgate: Command
) -> None:
    """And may be longer than any there."""
    found = claims(wasmgate("token", *SECRET, "--expires-in", written).stdout)
    assert found["exp"] - found["iat"] == seconds


def test_a_generated_secret_signs_again(wasmgate: Command, tmp_path: Path) -> None:
    """The file is the secret."""
    wasmgate("token", "--algorithm", "HS512", "--key", "k", "--generate-key")
    token = wasmgate("token", "--algorithm", "HS512", "--key", "k").stdout
    assert jwt.decode(token.strip(), (tmp_path / "k").read_text(), ["HS512"])["exp"] > time.time()


def test_a_generated_key_is_for_its_owner_only(wasmgate: Command, tmp_path: Path) -> None:
    """Mode 0600 from the first byte."""
    wasmgate("token", "--algorithm", "ES256", "--key", "k.pem", "--generate-key")
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600


def test_no_key_is_overwritten(wasmgate: Command, tmp_path: Path) -> None:
    """It may still be in use."""
    (tmp_path / "k.pem").write_text("mine")
    done = wasmgate("token", "--key", "k.pem", "--generate-key")
    assert (done.returncode, (tmp_path / "k.pem").read_text(), done.stdout) == (1, "mine", "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "name a key with --key FILE"),
        (["--secret", "x"], 2, "--secret is for HS algorithms"),
        (["--algorithm", "PS999", "--key", "k"], 2, "Invalid value for '--algorithm'"),
        (["--algorithm", "none"], 2, "Invalid value for '--algorithm'"),
        ([*SECRET, "--expires-in", "5"], 2, "must be a duration with its unit"),
        ([*SECRET, "--claim", "x"], 2, "--claim 'x' must be NAME=VALUE"),
        (["--key", "none.pem"], 1, "the key none.pem cannot be read"),
        (["--key", "text.pem"], 1, "nothing can be signed with this key and RS256"),
        (
            ["--algorithm", "ES256", "--key", "rsa.pem"],
            1,
            "nothing can be signed with this key and ES256",
        ),
        (
            ["--algorithm", "HS256", "--key", "rsa.pem"],
            1,
            "nothing can be signed with this key and HS256",
        ),
        (["--key", "rsa.pub.pem"], 1, "nothing can be signed with this key and RS256"),
        (["--algorithm", "EdDSA", "--key", "rsa.pem"], 1, "this key and EdDSA"),
        ([*SECRET, "--expires-in", "4000d"], 2, "at most 3650d"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_a_message(
    arguments: list[str], code: int, said: str, wasmgate: Command, tmp_path: Path
) -> None:
    """And no token."""
    (tmp_path / "text.pem").write_text("hello")
    wasmgate("token", "--algorithm", "RS256", "--key", "rsa.pem", "--generate-key")
    done = wasmgate("token", *arguments)
    assert (done.returncode, done.stdout, said in done.stderr, "Traceback" in done.stderr) == (
        code,
        "",
        True,
        False,
    )


def test_without_cryptography_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is an extra: running a gateway never needs it."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(SystemExit) as stopped:
        main(["token", *SECRET])
    assert (stopped.value.code, "pip install 'wasmgate[dev]'" in capsys.readouterr().err) == (
        1,
        True,
    )
