"""Errors as `application/problem+json` (RFC 9457, https://www.rfc-editor.org/rfc/rfc9457), whoever raised them."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from shipments.epcis import Problem, Refused
from shipments.epcis.problems import pointer
from shipments.errors import Refusal, Unavailable

MEDIA_TYPE = "application/problem+json"
PAGE = "/nextPageToken"
"""A page token that is not ours, or no longer, names a page that is not there: 404; every other bad input is a 400."""
LOG = logging.getLogger("portal")

EXCEPTIONS = {400: "ValidationException", 404: "NoSuchResourceException", 413: "CaptureLimitExceededException",
              500: "ImplementationException"}
"""EPCIS 2.0's names of errors, which are the problem types of its endpoints; others have the plain `about:blank`."""


class Trouble(Exception):
    """An answer that is an error: `detail` tells limit, value, reason and next act; `problems` lead into the input."""

    def __init__(self, status: int, detail: str, problems: Sequence[Problem] = (),
                 headers: Mapping[str, str] | None = None):
        super().__init__(detail)
        self.status, self.detail, self.problems, self.headers = status, detail, problems, dict(headers or {})

    @classmethod
    def bad(cls, problems: Sequence[Problem], status: int = 400) -> "Trouble":
        """The input is refused for these reasons."""
        first = problems[0]
        return cls(status, f"{first.pointer}: {first.reason}" if first.pointer else first.reason, problems)


def problem(request: Request, trouble: Trouble) -> Response:
    """The response; `errors` holds one {"pointer", "reason"} per finding."""
    epcis = request.url.path.startswith(("/api/capture", "/api/events")) and trouble.status in EXCEPTIONS
    body: dict[str, Any] = {
        "type": f"epcisException:{EXCEPTIONS[trouble.status]}" if epcis else "about:blank",
        "title": HTTPStatus(trouble.status).phrase, "status": trouble.status, "detail": trouble.detail,
        "requestId": request.scope.get("request_id", "")}
    if trouble.problems:
        body["errors"] = [finding.as_json() for finding in trouble.problems]
    headers = {"Cache-Control": "no-store", **trouble.headers}
    return Response(orjson.dumps(body), trouble.status, headers, MEDIA_TYPE)


def trouble_of(error: Exception) -> Trouble:
    """What an exception of the framework or the domain means to whoever asked."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, Refused | Refusal):
        return Trouble.bad(error.problems, 404 if error.problems[0].pointer == PAGE else 400)
    if isinstance(error, Unavailable):
        return Trouble(503, str(error), headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, RequestValidationError):
        return Trouble.bad([Problem(pointer(*found["loc"][1:]), found["msg"]) for found in error.errors()])
    if isinstance(error, HTTPException):
        return Trouble(error.status_code, str(error.detail), headers=error.headers)
    return Trouble(500, "something went wrong here; the request id leads operators to it")


def answer_problems(app: FastAPI) -> None:
    """Makes every error of the app a problem document."""
    async def answer(request: Request, error: Exception) -> Response:
        trouble = trouble_of(error)
        if trouble.status == 405:
            trouble.headers["Allow"] = ", ".join(sorted(allowed_methods(app, request)))
            trouble.detail = f"{request.method} is not allowed here; allowed: {trouble.headers['Allow']}"
        if trouble.status == 404 and isinstance(error, HTTPException):
            trouble.detail = f"nothing is at {request.url.path}"
        log_failure(request, trouble, error)
        return problem(request, trouble)

    for kind in (Trouble, Refused, Refusal, Unavailable, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)


def log_failure(request: Request, trouble: Trouble, error: Exception) -> None:
    """Failures of ours go to the log, under the id that the answer names; those of the caller do not."""
    if trouble.status == 500:
        LOG.error("request %s failed", request.scope.get("request_id"), exc_info=error)


def allowed_methods(app: FastAPI, request: Request) -> set[str]:
    """The methods of every route at this path; the framework itself names those of the first one only."""
    allowed = set()
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in app.routes):
            allowed.add(method)
    return allowed
