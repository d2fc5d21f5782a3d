"""Forms: reading them, keeping what was typed, and saying per field what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from pydantic import ValidationError
from starlette.requests import Request

from portal.bodies import read_body
from portal.photos import check_photo
from portal.problems import Trouble
from portal.uploads import MULTIPART, read_upload
from shipments.commands import Body

LARGEST = 65_536
"""Bytes of a form without a photo; several times of what its fields may hold."""
TOO_LARGE = "A photo may have 10 MB, this one has more. Please choose a smaller one."
NO_PHOTO = "Please choose a photo (JPEG, PNG or WebP); this file is something else."


@dataclass
class Form:
    """What was typed, by field name, and what is wrong with it; `trouble` is about the form as a whole, which may be
    sent again after `retry_after` seconds."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    photo: bytes | None = None
    trouble: str = ""
    retry_after: int = 0

    @property
    def key(self) -> str:
        """What makes a form that is sent twice one command, also when its first answer was "not now"."""
        return self.values.get("key", "")[:255] or str(uuid4())

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
    """The fields of one of this site's forms, with or without a photo; raises Trouble for anything else."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == MULTIPART:
        return await _with_photo(request)
    if media_type != "application/x-www-form-urlencoded":
        raise Trouble(415, "only forms of this site's pages are taken here")
    try:
        text = (await read_body(request, LARGEST)).decode()
        return Form(dict(parse_qsl(text, keep_blank_values=True, max_num_fields=40, errors="strict")))
    except ValueError:
        raise Trouble(400, "the form is not readable") from None


async def _with_photo(request: Request) -> Form:
    upload = await read_upload(request)
    form = Form(upload.values, photo=upload.photo)
    try:
        if upload.photo is not None:
            check_photo(upload.photo)
    except Trouble as trouble:
        form.errors["photo"] = TOO_LARGE if trouble.status == 413 else NO_PHOTO
    if upload.too_large:
        form.errors["photo"] = TOO_LARGE
    return form


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
