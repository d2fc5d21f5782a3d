"""The HTTP trigger and the host's own status page, served by worker 0.

Routes, methods, prefix: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
Status: https://learn.microsoft.com/azure/azure-functions/functions-how-to-use-azure-function-app-settings#host-status
"""

import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator

import azure.functions as func
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from .hostjson import Host, Refused
from .invoke import Failed, Invoker, NotStarted
from .package import Function

METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]
CONSTRAINTS = {"": "", ":int": ":int", ":guid": ":uuid"}


def path(function: Function, prefix: str) -> str:
    """`things/{id:int}/{*rest}` with prefix `api` -> `/api/things/{id:int}/{rest:path}`.  Refused: other constraints."""

    def parameter(match: re.Match[str]) -> str:
        star, name, constraint = match.groups()
        if not star and constraint not in CONSTRAINTS:
            raise Refused(f"function {function.name}: route part {match[0]} is not supported: use {{{name}}} or :int")
        return f"{{{name}{':path' if star else CONSTRAINTS[constraint]}}}"

    route = function.trigger.get("route") or function.name
    return "/" + "/".join(part for part in (prefix, re.sub(r"\{(\*?)(\w+)([^}]*)\}", parameter, route)) if part)


def application(functions: list[Function], host: Host, invoker: Invoker) -> Starlette:
    """The ASGI application of all HTTP functions."""
    started = time.monotonic()

    async def status(_: Request) -> Response:
        state = "Stopping" if invoker.stopping.is_set() else "Running"
        uptime = int((time.monotonic() - started) * 1000)
        return JSONResponse({"id": host.id, "state": state, "version": "twin", "processUptime": uptime})

    async def home(_: Request) -> Response:
        return PlainTextResponse("Your Functions app is up and running\n")

    routes = [Route("/admin/host/status", status), *(_route(function, host, invoker) for function in functions)]
    return Starlette(routes=[*routes, Route("/", home)])


def _route(function: Function, host: Host, invoker: Invoker) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await invoker(function, await _request(request))
        except Failed:
            return Response(status_code=500)
        except NotStarted:
            return Response(status_code=503, headers={"Retry-After": "1"})
        return _response(answer)

    return Route(path(function, host.route_prefix), endpoint, methods=function.trigger.get("methods") or METHODS)


async def _request(request: Request) -> func.HttpRequest:
    route = {name: str(value) for name, value in request.path_params.items()}
    return func.HttpRequest(
        method=request.method,
        url=str(request.url),
        headers=dict(request.headers),
        params=dict(request.query_params),
        route_params=route,
        body=await request.body(),
    )


def _response(answer: func.HttpResponse | str | bytes | None) -> Response:
    if not isinstance(answer, func.HttpResponse):
        return Response(answer, 200 if answer else 204, media_type="text/plain")
    response = Response(answer.get_body(), answer.status_code)
    for name, value in answer.headers.items():
        response.headers.append(name, value)
    if "content-type" not in response.headers:
        response.headers["content-type"] = f"{answer.mimetype}; charset={answer.charset}"
    return response


class Server(uvicorn.Server):
    """uvicorn on a socket that the controller keeps open, without its own signal handlers."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False))

    @contextlib.contextmanager
    def capture_signals(self) -> AsyncIterator[None]:
        yield

    async def listen(self, descriptor: int) -> None:
        await self.serve([socket.socket(fileno=descriptor)])
