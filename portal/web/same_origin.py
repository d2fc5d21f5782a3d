"""Who may post forms: our own pages only.  Stateless, so any instance can check it, without tokens or cookies.

Browsers tell where a request comes from in `Sec-Fetch-Site` (https://www.w3.org/TR/fetch-metadata/) or at least
`Origin`; what sends neither is no browser, and has no user's cookies to abuse.
"""

from urllib.parse import urlsplit

from starlette.requests import Request


def comes_from_us(request: Request, portal_url: str) -> bool:
    """False for a form that another site made a browser post."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc in _own_names(request, portal_url)


def _own_names(request: Request, portal_url: str) -> set[str]:
    """The names that users know us by: the edge passes the public one on in `X-Forwarded-Host`."""
    names = {request.headers.get("host", ""), request.headers.get("x-forwarded-host", ""), urlsplit(portal_url).netloc}
    return names - {""}
