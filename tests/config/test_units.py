"""Durations and sizes as a person writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmgate.config.units import BYTES, LARGEST, SECONDS, duration, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5s", 5.0),
        ("250ms", 0.25),
        ("1.5s", 1.5),
        ("2m", 120.0),
        ("24h", 86400.0),
        ("1d", 86400.0),
        ("5 s", 5.0),
    ],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    """Four units, a fraction, and a space where a person writes one."""
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "value",
    [
        5,
        5.0,
        "5",
        "s",
        "",
        "5S",
        "5sec",
        "-5s",
        "+5s",
        "1e3s",
        "5s ",
        ".5s",
        "5.s",
        "\u0665s",
        None,
    ],
)
def test_what_is_no_duration_is_refused(value: object) -> None:
    """A bare number could be seconds or milliseconds."""
    with pytest.raises(ValueError, match="must be a duration with its unit, such as 5s"):
        duration(value)


@pytest.mark.parametrize("text", ["0s", "0.0ms", "24.1h", "999999999999h"])
def test_a_duration_has_bounds(text: str) -> None:
    """Zero would time out everything, and no request takes a day."""
    with pytest.raises(ValueError, match="longer than 0 and at most 24h"):
        duration(text)


@given(st.integers(1, 86_400), st.sampled_from(sorted(SECONDS)))
def test_a_duration_is_its_number_times_its_unit(number: int, unit: str) -> None:
    """Or it is out of bounds; nothing in between."""
    expected = number * SECONDS[unit]
    if expected <= 86_400:
        assert duration(f"{number}{unit}") == pytest.approx(expected)
    else:
        with pytest.raises(ValueError, match="at most 24h"):
            duration(f"{number}{unit}")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (65536, 65536),
        ("65536", 65536),
        ("64KiB", 65536),
        ("64 KiB", 65536),
        ("10MB", 10_000_000),
        ("1_000", 1000),
        ("1GiB", 1024**3),
        ("512B", 512),
    ],
)
def test_a_size_is_read_as_bytes(value: object, number: int) -> None:
    """KiB counts by 1024 and KB by 1000; without a unit it is bytes."""
    assert size(value) == number


@pytest.mark.parametrize(
    "value", ["", "MiB", "32mib", "32M", "1.5MiB", "-1", "_1", "0x10", "32 MiB ", True, 1.0, None]
)
def test_what_is_no_size_is_refused(value: object) -> None:
    """`M` could be either, and a fraction of a byte is nothing."""
    with pytest.raises(ValueError, match="must be a size, such as 32MiB"):
        size(value)


@pytest.mark.parametrize("value", [0, -1, "0KiB", "1025GiB", 10**30, "9" * 30])
def test_a_size_has_bounds(value: object) -> None:
    """Nothing here is empty or larger than 1024 GiB."""
    with pytest.raises(ValueError, match="more than 0 and at most 1024GiB"):
        size(value)


@given(st.integers(1, LARGEST), st.sampled_from(sorted(BYTES)))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    """Or it is out of bounds."""
    expected = number * BYTES[unit]
    if expected <= LARGEST:
        assert size(f"{number}{unit}") == expected
    else:
        with pytest.raises(ValueError, match="at most 1024GiB"):
            size(f"{number}{unit}")


def test_a_size_of_thousands_of_digits_is_too_large() -> None:
    """Python's own limit for numbers is not what is told."""
    with pytest.raises(ValueError, match="more than 0 and at most 1024GiB"):
        size("9" * 5000)
