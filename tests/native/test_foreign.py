"""Foreign functions: signatures that the host verifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.native.chain_request import Request
from tests.native.scripted import chain, outcomes

if TYPE_CHECKING:
    from wasmgate._native import Host

MESSAGE = b"header.claims"
SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def message(*members: tuple[int, bytes]) -> str:
    """Write a protobuf message of byte strings, in hex."""
    out = b""
    for number, value in members:
        out += bytes([number << 3 | 2]) + length(len(value)) + value
    return out.hex()


def length(value: int) -> bytes:
    """Write a varint."""
    return bytes([value]) if value < 128 else bytes([value & 127 | 128, value >> 7])


def verified(host: Host, name: str, arguments: str) -> str:
    """Call a foreign function and return its result as the guest shows it."""
    request = Request(chain(host, f"request_headers: foreign {name} {arguments}"))
    return outcomes(request)[0].rsplit(" = ", 1)[1]


def test_verify_signature_takes_envoys_arguments(host: Host) -> None:
    """ECDSA as ASN.1 DER; the result has `result: true` and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    public = key.public_key().public_bytes(*SPKI)
    sound = message((1, b"sha256"), (2, public), (3, signature), (4, MESSAGE))
    assert verified(host, "verify_signature", sound) == "\\x08\\x01"
    forged = message((1, b"sha256"), (2, public), (3, signature), (4, MESSAGE + b"x"))
    assert not verified(host, "verify_signature", forged).startswith("\\x08\\x01")


def test_our_own_function_has_what_envoys_has_no_words_for(host: Host) -> None:
    """EdDSA, by its JWA name."""
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(*SPKI)
    sound = message((1, b"EdDSA"), (2, public), (3, MESSAGE), (4, key.sign(MESSAGE)))
    assert verified(host, "wasmgate_verify_signature", sound) == "\\x08\\x01"
    forged = message((1, b"EdDSA"), (2, public), (3, MESSAGE), (4, key.sign(b"other")))
    assert not verified(host, "wasmgate_verify_signature", forged).startswith("\\x08\\x01")


def test_arguments_that_are_no_message_are_an_answer_too(host: Host) -> None:
    """A result that says false, not a crash."""
    assert not verified(host, "verify_signature", "ffffff").startswith("\\x08\\x01")
