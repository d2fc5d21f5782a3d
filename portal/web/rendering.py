"""Templates to pages."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import Response

from portal import photos
from portal.web import wording

ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=select_autoescape(default=True),
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False)
ENVIRONMENT.globals["LARGEST_PHOTO"] = photos.LARGEST
ENVIRONMENT.filters |= {
    name: getattr(wording, name) for name in ("status", "words", "place", "headline", "moment", "region", "field_name")}


async def page(request: Request, template: str, status: int = 200, headers: dict[str, str] | None = None,
               **values: Any) -> Response:
    """A template filled with its values and with who serves it; `here` in them is where the page is found again."""
    standing = await request.app.state.standpoint.standing()
    values = {"here": _own_address(request), "path": request.url.path, "banner": wording.banner(standing), **values}
    html = ENVIRONMENT.get_template(template).render(standing=standing, **values)
    return Response(html, status, {"Cache-Control": "no-store", **(headers or {})}, "text/html")


def _own_address(request: Request) -> str:
    """What answers a form has no address of its own."""
    url = request.url
    return (url.path + (f"?{url.query}" if url.query else "")) if request.method == "GET" else "/"
