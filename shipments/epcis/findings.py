"""pydantic's findings as problems of the document: JSON pointers into it, and reasons in JSON's words."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from shipments.epcis.formats import Strict
from shipments.epcis.problems import Problem, pointer, shown

Path = tuple[str | int, ...]

EXPECTED = {"dict_type": "an object", "model_type": "an object", "list_type": "a list", "string_type": "a text",
            "float_type": "a number", "bool_type": "true or false"}
"""What pydantic's own errors say in Python's words, in JSON's."""


def problems_of(model: type[Strict], value: Any, path: Path) -> Iterator[Problem]:
    """What keeps `value`, which stands at `path` of its document, from being one of `model`."""
    try:
        model.model_validate(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield Problem(pointer(*path, *_location(value, detail["loc"])), _reason(detail))


def _location(value: Any, location: Path) -> Path:
    """pydantic's location without what is not in the document: names of missing members, branches of a union."""
    found: list[str | int] = []
    for part in location:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            continue
        found.append(part)
    return tuple(found)


def _reason(detail: Any) -> str:
    name, given = detail["loc"][-1] if detail["loc"] else "", detail.get("input")
    if detail["type"] == "missing":
        return f"'{name}' is missing" if name else detail["msg"]
    if detail["type"] == "extra_forbidden":
        return f"{shown(name)} is not a member that is known here"
    if detail["type"] == "string_pattern_mismatch":
        return f"{shown(given)} does not match {detail['ctx']['pattern']}"
    if expected := EXPECTED.get(detail["type"]):
        return f"must be {expected}, got {shown(given)}"
    if detail["type"] == "literal_error":
        return f"must be {detail['ctx']['expected']}, got {shown(given)}"
    if detail["type"] == "too_short":
        return "must have at least one entry"
    return detail["msg"]
