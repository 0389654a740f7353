"""The docstrings of public names have the one form that CONTRIBUTING.md describes."""

from __future__ import annotations

import enum
import inspect
import re
from typing import is_typeddict

import pytest

from tests.docs.docstrings import Documented, documented_fields, public, sections
from wasmgate import errors

ALL = list(public())
CLASSES = [one for one in ALL if inspect.isclass(one.value)]
CALLABLES = [one for one in ALL if not isinstance(one.value, property)]
ORDER = ["", "Args", "Returns", "Raises", "Source"]
EXCEPTIONS = "|".join([*errors.__all__, "ValueError", "TypeError", "RuntimeError", "OSError"])


def each(values: list[Documented]) -> pytest.MarkDecorator:
    """Run a test for each name."""
    return pytest.mark.parametrize("one", values, ids=[one.name for one in values])


@each(ALL)
def test_the_summary_is_one_line(one: Documented) -> None:
    """The first line is a sentence of its own, and the sections have their order."""
    above = one.parts[""].split("\n")
    assert above[0].endswith("."), above[0]
    assert above[1:2] in ([], [""])
    assert list(one.parts) == [title for title in ORDER if title in one.parts]


@each(CALLABLES)
def test_every_parameter_has_an_entry(one: Documented) -> None:
    """`Args` explains the parameters in their order; those of a value may stand at its fields."""
    if hasattr(one.value, "__dataclass_fields__"):
        fields = one.value.__dataclass_fields__.values()
        made = [field.name for field in fields if field.init]
        below = documented_fields(one.value)
        entries = set(one.entries("Args"))
        assert [name for name in made if name not in below | entries] == []
        assert entries - set(made) == set()
    else:
        assert one.entries("Args") == one.parameters()


@each(CLASSES)
def test_every_field_has_a_docstring(one: Documented) -> None:
    """The fields of models and dictionaries, and the members of enumerations."""
    below = documented_fields(one.value)
    if isinstance(one.value, enum.EnumMeta):
        assert set(one.value.__members__) - below == set()
    elif is_typeddict(one.value):
        assert set(one.value.__annotations__) - below == set()
    elif hasattr(one.value, "model_fields"):
        assert set(one.value.model_fields) - below == set()


@each(CALLABLES)
def test_what_is_raised_has_an_entry(one: Documented) -> None:
    """Each exception that the body raises, and each that the text above the sections names."""
    named = set(re.findall(rf"\b({EXCEPTIONS})\b", one.parts[""]))
    if inspect.isclass(one.value) and issubclass(one.value, Exception):
        named = set()
    assert (named | one.raised()) - set(one.entries("Raises")) == set()


@each(ALL)
def test_the_text_does_not_say_what_is_raised(one: Documented) -> None:
    """That is the section's part."""
    assert re.findall(r"\b[Rr]aises?\b.*", one.parts[""]) == []


@each(ALL)
def test_every_entry_is_a_sentence(one: Documented) -> None:
    """Each begins with its name and ends with a full stop."""
    for title in ("Args", "Raises"):
        text = one.parts.get(title, "").rstrip()
        entries = re.split(r"\n(?= {4}\S)", text) if text else []
        sentence = re.compile(r"^ {4}\*{0,2}\w+: .*\.$", re.DOTALL)
        assert [entry for entry in entries if not sentence.match(entry)] == []
        assert (title in one.parts) == bool(entries)


@each([one for one in CALLABLES if not inspect.isclass(one.value)])
def test_what_is_returned_is_said(one: Documented) -> None:
    """By the summary, which then begins with "Return" or says "and return", or by a section."""
    returns = one.body.__annotations__.get("return") != "None"
    summary = one.parts[""].split("\n")[0]
    said = re.match(r"Return\b|.*\band return\b", summary) is not None
    assert (said or "Returns" in one.parts) == returns


def test_sections_are_told_apart() -> None:
    """A title counts at the beginning of a line alone."""
    text = """Do it.

    Args: of no section.

    Args:
        one: Its text
            goes on.

    Raises:
        ValueError: It is wrong.
    """
    assert sections(text) == {
        "": "Do it.\n\nArgs: of no section.\n\n",
        "Args": "    one: Its text\n        goes on.\n\n",
        "Raises": "    ValueError: It is wrong.",
    }


def test_raised_exceptions_are_found() -> None:
    """By their names and as attributes; a variable names none."""

    def example(number: int, error: Exception) -> None:
        match number:
            case 0:
                raise ValueError
            case 1:
                raise errors.ConfigError("text")
        raise error

    assert Documented("example", example, example).raised() == {"ValueError", "ConfigError"}


def test_raised_exceptions_of_a_class_are_found() -> None:
    """Those of `__post_init__`, and of a method that makes the exception."""
    assert next(one for one in CLASSES if one.name.endswith(".Limits")).raised() == {"ConfigError"}
    parse = next(one for one in ALL if one.name.endswith(".Address.parse"))
    assert parse.raised() == {"PydanticCustomError"}
