"""The pages: home (track and register), one shipment with its timeline, and what to say while there is none."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal.accepting import accept, outcome
from portal.problems import Trouble
from portal.standing import Closed
from portal.web import wording
from portal.web.forms import Form, read_form
from portal.web.rendering import page
from portal.web.same_origin import comes_from_us
from shipments.commands import AddComment, Body, RegisterShipment
from shipments.errors import Refusal, Unavailable
from shipments.ids import InvalidId, shipment_id
from shipments.models import Accepted, CommandResult

PATIENCE = 2.0
"""Seconds that a form waits for its result, so that the next page mostly shows it."""
TRIES = 20
"""Times that a page without JavaScript asks again by itself for what is not applied yet."""

NEEDED = ("sender", "recipient", "origin", "destination")
"""What people are asked for; the API takes less, for systems that know no more."""


async def home(request: Request) -> Response:
    """Track and register."""
    return await _home(request, Form(), Form())


async def track(request: Request) -> Response:
    """From the tracking field to the shipment's page."""
    number = request.query_params.get("number", "")
    try:
        return _to(shipment_id(number))
    except InvalidId as error:
        said = str(error) if number.strip() else "Please give a tracking number."
        return await _home(request, Form({"number": number}, {"number": said}), Form(), 422)


async def register(request: Request) -> Response:
    """Takes the form; on success leads to the shipment, else shows the form again with everything that was typed."""
    form = await _own_form(request)
    body = form.model(RegisterShipment, NEEDED)
    accepted = await _submit(request, form, body) if body else None
    if accepted is None:
        return await _home(request, Form(), form, 503 if form.retry_after else 422)
    return _to(str(accepted.shipment), accepted)


async def shipment(request: Request) -> Response:
    """One shipment; the answer to `?command=` says what became of what was sent just now."""
    name, result = request.path_params["shipment_id"], await _sent(request)
    try:
        found = await request.app.state.shipments.shipment(name)
    except InvalidId as error:
        raise Trouble(404, str(error)) from None
    waiting = result is not None and result.status == "accepted"
    tries = _tries(request)
    again = request.url.include_query_params(tries=tries + 1) if waiting and tries < TRIES else None
    values = {"name": name, "result": result, "waiting": waiting, "again": again and f"{again.path}?{again.query}"}
    if found is None:
        return await page(request, "unknown.html", 202 if waiting else 404, **values)
    return await page(request, "shipment.html", shipment=found, form=Form(), **values)


async def comment(request: Request) -> Response:
    form, name = await _own_form(request), request.path_params["shipment_id"]
    try:
        body = form.model(AddComment, ("author", "text"), shipment=shipment_id(name))
    except InvalidId as error:
        raise Trouble(404, str(error)) from None
    accepted = await _submit(request, form, body) if body else None
    return _to(str(accepted.shipment), accepted) if accepted else await _comment_again(request, form)


async def _submit(request: Request, form: Form, body: Body) -> Accepted | None:
    """Durable, or None with the form's trouble told. The hidden key makes a form that is sent twice one command."""
    try:
        accepted = await accept(request, body, form.key, form.photo)
    except Refusal:
        form.trouble = "This form was sent before with another content. Please check it and send it once more."
        form.values.pop("key", None)
        return None
    except Unavailable as error:
        why = wording.banner(error.standing) if isinstance(error, Closed) else str(error)
        form.retry_after = error.retry_after
        form.trouble = wording.not_saved(why, error.retry_after, form.photo is not None)
        return None
    await outcome(request, accepted, PATIENCE)
    return accepted


async def _home(request: Request, tracking: Form, registration: Form, status: int = 200) -> Response:
    return await page(request, "home.html", status, _retry(registration), tracking=tracking, registration=registration)


async def _comment_again(request: Request, form: Form) -> Response:
    """With what was typed, also while the shipment itself cannot be shown."""
    status, name = 503 if form.retry_after else 422, request.path_params["shipment_id"]
    here = request.url.path.removesuffix("/comments")
    try:
        found = await request.app.state.shipments.shipment(name)
    except Unavailable:
        found = None
    return await page(request, "shipment.html" if found else "comment.html", status, _retry(form), shipment=found,
                      form=form, name=name, here=here, result=None, waiting=False, again=None)


async def _sent(request: Request) -> CommandResult | None:
    command = request.query_params.get("command")
    return await request.app.state.shipments.result(command) if command else None


async def _own_form(request: Request) -> Form:
    if not comes_from_us(request, request.app.state.shipments.settings.portal_url):
        raise Trouble(403, "this form was sent by another site; open the page here and send it again")
    return await read_form(request)


def _retry(form: Form) -> dict[str, str]:
    return {"Retry-After": str(form.retry_after)} if form.retry_after else {}


def _tries(request: Request) -> int:
    given = request.query_params.get("tries", "0")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 4 else TRIES


def _to(name: str, accepted: Accepted | None = None) -> Response:
    return RedirectResponse(f"/shipments/{name}" + (f"?command={accepted.id}" if accepted else ""), 303)
