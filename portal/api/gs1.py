"""What the EPCIS endpoints share: GS1's headers, versions, paging by the Link header."""

import re
from urllib.parse import urlencode

from starlette.requests import Request

from portal.api.documentation import parameters, query
from portal.problems import Trouble
from shipments.eventquery import MOST_PER_PAGE, EventQuery

LARGEST = 10 * 1024 * 1024
"""Bytes of a document."""
MOST_EVENTS = 10_000
"""Events of a document: they are applied in one transaction."""

GS1 = {"GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
DISCOVERY = GS1 | {
    "GS1-EPCIS-Min": "2.0.0", "GS1-EPCIS-Max": "2.0.0", "GS1-CBV-Min": "2.0.0", "GS1-CBV-Max": "2.0.0",
    "GS1-EPCIS-Capture-Limit": str(MOST_EVENTS), "GS1-EPCIS-Capture-File-Size-Limit": str(LARGEST),
    "GS1-Capture-Error-Behaviour": "rollback"}

PAGING = parameters(
    query("perPage", {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": 30}, "Entries of a page"),
    query("nextPageToken", {"type": "string"}, "From the Link header of the page before"))

_VERSION = re.compile(r"\d+(\.\d+){0,2}")


def check_request(request: Request) -> None:
    """Raises Trouble 406 when the caller's versions exclude 2.0, 400 for an error behaviour other than rollback."""
    headers = request.headers
    for name, fits in _BOUNDS.items():
        given = headers.get(name)
        if given is not None and not (_VERSION.fullmatch(given) and fits(_padded(given))):
            raise Trouble(406, f"{name} {given[:20]!r}: EPCIS and CBV 2.0.0 are what is spoken here")
    behaviour = headers.get("gs1-capture-error-behaviour", "rollback")
    if behaviour != "rollback":
        raise Trouble(400, f"GS1-Capture-Error-Behaviour {behaviour[:20]!r} is not offered; "
                           "only rollback is: all events of a document or none")


_BOUNDS = {f"gs1-{standard}-{bound}": fits for standard in ("epcis", "cbv") for bound, fits in {
    "version": lambda version: version[:2] == (2, 0),
    "min": lambda version: version <= (2, 0, 0), "max": lambda version: version >= (2, 0, 0)}.items()}


def _padded(version: str) -> tuple[int, ...]:
    return (*map(int, version.split(".")), 0, 0)[:3]


def page_size(request: Request) -> int:
    """`perPage`, checked; raises Refused."""
    given = [("perPage", value) for value in request.query_params.getlist("perPage")[:1]]
    return EventQuery.parse(given).per_page


def next_page(request: Request, token: str | None) -> dict[str, str]:
    """The Link header to the page after this one (RFC 8288); nothing after the last."""
    if token is None:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "nextPageToken"]
    return {"Link": f'<{request.url.path}?{urlencode([*kept, ("nextPageToken", token)])}>; rel="next"'}
