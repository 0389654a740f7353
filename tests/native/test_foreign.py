"""Foreign functions of the host: signatures, compression, filter state, and what it is asked."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.native.chain_request import Request
from tests.native.scripted import chain, outcomes

if TYPE_CHECKING:
    from wasmgate._native import Host

MESSAGE = b"header.claims"
PKCS8 = (PrivateFormat.PKCS8, NoEncryption())
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


def test_verify_signature_takes_a_key_in_pem(host: Host) -> None:
    """Envoy's fifth field, in place of the second."""
    key = ec.generate_private_key(ec.SECP256R1())
    signature = key.sign(MESSAGE, ec.ECDSA(hashes.SHA256()))
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    sound = message((1, b"sha256"), (3, signature), (4, MESSAGE), (5, pem))
    assert verified(host, "verify_signature", sound) == "\\x08\\x01"


def result(host: Host, name: str, arguments: str) -> bytes:
    """Call a foreign function and return its result as bytes."""
    shown = verified(host, name, arguments)
    return shown.encode().decode("unicode_escape").encode("latin-1")


def signature_of(signed: bytes) -> bytes:
    """Return the signature in a `SignResult` that says true."""
    assert signed[:3] == b"\x08\x01\x12"
    short = signed[3] < 128
    return signed[4:] if short else signed[5:]


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_sign_signs_with_rsa(host: Host, encoding: Encoding) -> None:
    """PKCS#1 v1.5, with a key of PKCS#8 in DER or PEM."""
    key = rsa.generate_private_key(65537, 2048)
    field = 2 if encoding is Encoding.DER else 4
    arguments = message((1, b"sha256"), (3, MESSAGE), (field, key.private_bytes(encoding, *PKCS8)))
    signature = signature_of(result(host, "sign", arguments))
    key.public_key().verify(signature, MESSAGE, padding.PKCS1v15(), hashes.SHA256())


def test_sign_signs_with_an_elliptic_curve(host: Host) -> None:
    """ECDSA in ASN.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    der = key.private_bytes(Encoding.DER, *PKCS8)
    signed = result(host, "sign", message((1, b"sha256"), (2, der), (3, MESSAGE)))
    key.public_key().verify(signature_of(signed), MESSAGE, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("sign", message((1, b"sha256"), (2, b"no key"), (3, MESSAGE))),
        ("sign", "ffffff"),
        ("set_envoy_filter_state", "ffffff"),
        ("set_envoy_filter_state", message((2, b"value"))),
        ("declare_property", "ffffff"),
    ],
)
def test_arguments_that_cannot_be_used(host: Host, name: str, arguments: str) -> None:
    """BAD_ARGUMENT, as Envoy answers."""
    assert verified(host, name, arguments) == "BadArgument"


def test_compress_makes_a_zlib_stream(host: Host) -> None:
    """Which everybody can read."""
    assert zlib.decompress(result(host, "compress", (b"abc" * 100).hex())) == b"abc" * 100


def test_uncompress_reads_one(host: Host) -> None:
    """Of anybody."""
    assert result(host, "uncompress", zlib.compress(b"hello").hex()) == b"hello"


def test_what_is_no_zlib_stream_is_told_so(host: Host) -> None:
    """With SERIALIZATION_FAILURE, as Envoy answers."""
    assert verified(host, "uncompress", b"hello".hex()) == "SerializationFailure"


def test_a_bomb_does_not_go_off(host: Host) -> None:
    """4 MiB is the most that comes out."""
    bomb = zlib.compress(bytes(8 << 20)).hex()
    request = Request(
        chain(host, f"request_headers: foreign uncompress {bomb}", fuel=1 << 32, log_bytes=1 << 20)
    )
    assert outcomes(request)[0].endswith(" = SerializationFailure")
    assert "uncompress: no zlib stream, or more than 4194304 bytes" in request.said


def test_compression_takes_the_fuel_of_the_work(host: Host) -> None:
    """A callback cannot compress for longer than it may compute."""
    data = bytes(400_000).hex()
    request = Request(chain(host, f"request_headers: foreign compress {data}", fuel=5_000_000))
    assert request.status == 503


def test_filter_state_is_stored_under_its_key(host: Host) -> None:
    """It is read as a part of `filter_state`, and nowhere else."""
    arguments = message((1, b"tier"), (2, b"gold"))
    request = Request(
        chain(
            host,
            f"request_headers: foreign set_envoy_filter_state {arguments}",
            "request_headers: property filter_state.tier",
            "request_headers: property tier",
        )
    )
    assert outcomes(request)[1:] == ["property filter_state.tier = gold", "property tier = None"]


def test_envoys_own_filter_state_is_not_understood(host: Host) -> None:
    """Nothing here would do what it asks: NOT_FOUND, and a line that says so."""
    arguments = message((1, b"envoy.tcp_proxy.cluster"), (2, b"other"))
    request = Request(chain(host, f"request_headers: foreign set_envoy_filter_state {arguments}"))
    assert outcomes(request)[0].endswith(" = NotFound")
    told = "set_envoy_filter_state: nothing here acts on envoy.tcp_proxy.cluster"
    assert told in request.said


def test_a_property_is_declared_once(host: Host) -> None:
    """The second time is BAD_ARGUMENT."""
    name = message((1, b"acme"))
    program = f"request_headers: foreign declare_property {name}"
    got = outcomes(Request(chain(host, program, program)))
    assert [text.rsplit(" = ", 1)[1] for text in got] == ["None", "BadArgument"]


def test_a_declared_property_that_is_read_only_keeps_its_value(host: Host) -> None:
    """OK all the same, because the SDK for Rust cannot bear another answer; the log says it."""
    declaration = message((1, b"acme")) + "1001"
    request = Request(
        chain(
            host,
            f"request_headers: foreign declare_property {declaration}",
            "request_headers: set_property acme first",
            "request_headers: set_property acme second",
            "request_headers: property acme",
        )
    )
    assert outcomes(request)[1:] == [
        "set_property acme first = Ok",
        "set_property acme second = Ok",
        "property acme = first",
    ]
    assert "a property that was declared to be read only keeps its first value" in request.said


def test_higress_asks_for_the_log_level(host: Host) -> None:
    """4 bytes; this host logs everything, so trace."""
    assert result(host, "get_log_level", "") == bytes(4)


@pytest.mark.parametrize(
    "name",
    [
        "expr_create",
        "expr_evaluate",
        "expr_delete",
        "set_global_max_requests_per_io_cycle",
        "acme.unknown",
    ],
)
def test_what_is_not_there_is_not_found(host: Host, name: str) -> None:
    """With a line that names it."""
    request = Request(chain(host, f"request_headers: foreign {name} 00"))
    assert outcomes(request)[0].endswith(" = NotFound")
    assert f"the foreign function `{name}` is not available on this host" in request.said


def test_higress_sends_a_body_on_with_the_headers(host: Host) -> None:
    """In place of the upstream's, of which nothing goes on."""
    arguments = message((1, b"mine")) + "1001"
    name = "inject_encoded_data_to_filter_chain_on_header"
    program = (f"response_headers: foreign {name} {arguments}", "response_headers: pause")
    request = Request(chain(host, *program)).response(200).response_body(b"theirs", end=True)
    assert (request.status, request.client.body) == (200, b"mine")
