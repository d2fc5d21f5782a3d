"""Pieces of the OpenAPI document that the framework cannot know: bodies read by ourselves, errors, headers.

`errors(400, 404)` and `receipts(201)` are for `responses=`, the rest for `openapi_extra=`; all merge with `|`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from portal.api.receipts import Receipt
from portal.preferences import LONGEST_KEY, LONGEST_WAIT
from portal.problems import MEDIA_TYPE

Spec = dict[str, Any]


AWAY = ("Not now: what is needed does not answer; or, for writes, the region is fenced, another one runs the service, "
        "or two regions are required (DURABILITY=strict) and only one can be had")


class Finding(BaseModel):
    pointer: str = Field(description="RFC 6901 JSON pointer into the input; a parameter's name for queries")
    reason: str


class ProblemDocument(BaseModel):
    """RFC 9457."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    requestId: str
    errors: list[Finding] = []


def errors(*statuses: int) -> dict[int | str, Spec]:
    """The errors that an operation may answer; 500 always may."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    documented: dict[int | str, Spec] = {
        status: {"description": HTTPStatus(status).phrase, "content": content} for status in (*statuses, 500)}
    if 503 in documented:
        documented[503]["description"] = AWAY
        documented[503]["headers"] = {"Retry-After": _header("Seconds after which to try again", {"type": "integer"})}
    return documented


def receipts(done: int) -> dict[int | str, Spec]:
    """A command's answers: 202 when it is durable, `done` when it was applied while the caller waited."""
    headers = {
        "Location": _header("Where to follow it"),
        "Shipment-Durability": _header(
            "In how many regions it is durable: no region's loss loses a command of two-regions",
            {"enum": ["one-region", "two-regions"]}),
        "Preference-Applied": _header("The wait that was granted", required=False)}
    return {202: {"description": "Accepted: durable, applied soon", "model": Receipt, "headers": headers},
            done: {"description": "Applied", "model": Receipt, "headers": headers}}


def json_body(schema: Spec, *media_types: str) -> Spec:
    return request_body(dict.fromkeys(media_types or ("application/json",), schema))


def request_body(schemas: Mapping[str, Spec]) -> Spec:
    """By media type."""
    content = {media_type: {"schema": schema} for media_type, schema in schemas.items()}
    return {"requestBody": {"required": True, "content": content}}


def parameters(*given: Spec) -> Spec:
    return {"parameters": list(given)}


def header(name: str, schema: Spec, description: str) -> Spec:
    return {"in": "header", "name": name, "schema": schema, "description": description, "required": False}


def query(name: str, schema: Spec, description: str) -> Spec:
    return {"in": "query", "name": name, "schema": schema, "description": description, "required": False}


PREFER = header("Prefer", {"type": "string"},
                f"`wait=n`: wait up to n (at most {LONGEST_WAIT}) seconds for the result; others are ignored")
KEY = header("Idempotency-Key", {"type": "string", "pattern": rf"^[!-~]{{1,{LONGEST_KEY}}}$"},
             "Makes a repeated request the same one; best a UUID")
COMMAND_PARAMETERS = parameters(PREFER, KEY)


def complete(app: FastAPI, schemas: Spec) -> None:
    """Adds schemas that operations refer to, and takes away the framework's 422, which is a 400 here."""
    made = app.openapi

    def openapi() -> Spec:
        document = made()
        schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        document["components"]["schemas"] |= schema.pop("$defs") | {"ProblemDocument": schema} | schemas
        for operation in (entry for path in document["paths"].values() for entry in path.values()):
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
        app.openapi = lambda: document
        return document

    app.openapi = openapi


def _header(description: str, schema: Spec | None = None, required: bool = True) -> Spec:
    return {"description": description, "schema": schema or {"type": "string"}, "required": required}
