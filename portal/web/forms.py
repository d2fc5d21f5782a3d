"""Forms: reading them, keeping what was typed, and saying per field what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.requests import Request

from portal.bodies import read_body
from portal.problems import Trouble
from shipments.commands import Body

LARGEST = 65_536
"""Bytes of a form; several times of what its fields may hold."""


@dataclass
class Form:
    """What was typed, by field name, and what is wrong with it; `trouble` is about the form as a whole."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    def model(self, model: type[Body], required: Sequence[str] = (), **given: Any) -> Body | None:
        """The command's body, or None with `errors` filled. Empty fields count as not given."""
        typed = {name: value for name, value in self.values.items() if value.strip() and name in _aliases(model)}
        self.errors |= {name: "Please fill this in." for name in required if name not in typed}
        if self.errors:
            return None
        try:
            return model.model_validate_strings(typed | given)
        except ValidationError as error:
            for found in error.errors():
                self.errors[str(found["loc"][0]) if found["loc"] else ""] = plain(found)
            return None


async def read_form(request: Request) -> Form:
    """The fields of an urlencoded form; raises Trouble for anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise Trouble(415, "only forms of this site's pages are taken here")
    try:
        text = (await read_body(request, LARGEST)).decode()
        return Form(dict(parse_qsl(text, keep_blank_values=True, max_num_fields=40, errors="strict")))
    except ValueError:
        raise Trouble(400, "the form is not readable") from None


def plain(found: Any) -> str:
    """pydantic's finding in words for people."""
    kind, limits = found["type"], found.get("ctx", {})
    said = {
        "missing": "Please fill this in.",
        "string_too_long": f"At most {limits.get('max_length')} characters.",
        "string_too_short": "Please fill this in.",
        "float_parsing": "Please give a number, for example 2.5.",
        "greater_than": "Must be more than 0.",
        "less_than_equal": f"At most {limits.get('le')}.",
        "timezone_aware": "Please give a date and a time.",
    }
    if kind.startswith("datetime"):
        return "Please give a date and a time."
    return said.get(kind) or found["msg"].removeprefix("Value error, ")


def _aliases(model: type[Body]) -> set[str]:
    return {described.alias or name for name, described in model.model_fields.items()} - {"kind"}
