"""The HTTP trigger and the host's own status page, served by worker 0.

Routes, methods, prefix: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger
Status: https://learn.microsoft.com/azure/azure-functions/functions-how-to-use-azure-function-app-settings
"""

import contextlib
import re
import socket
from collections.abc import Iterator

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
    """`things/{id:int}/{*rest}` with prefix `api` -> `/api/things/{id:int}/{rest:path}`.  Others: Refused."""

    def parameter(match: re.Match[str]) -> str:
        star, name, constraint = match.groups()
        if constraint not in CONSTRAINTS:
            raise Refused(f"function {function.name}: route part {match[0]} is not supported: use {{{name}}} or :int")
        return f"{{{name}{':path' if star else CONSTRAINTS[constraint]}}}"

    route = re.sub(r"\{(\*?)(\w+)([^}]*)\}", parameter, function.trigger.get("route") or function.name)
    return f"/{prefix}/{route}" if prefix else f"/{route}"


def application(functions: list[Function], host: Host, invoker: Invoker) -> Starlette:
    """The ASGI application of all HTTP functions."""

    async def status(_: Request) -> Response:
        return JSONResponse({"id": host.id, "state": "Stopping" if invoker.stopping.is_set() else "Running"})

    async def home(_: Request) -> Response:
        return PlainTextResponse("Your Functions app is up and running\n")

    routes = [_route(function, host, invoker) for function in functions]
    return Starlette(routes=[Route("/admin/host/status", status), *routes, Route("/", home)])


def _route(function: Function, host: Host, invoker: Invoker) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return _response(await invoker(function, await _request(request)))
        except Failed:
            return Response(status_code=500)
        except NotStarted:
            return Response(status_code=503, headers={"Retry-After": "1"})

    return Route(path(function, host.route_prefix), endpoint, methods=function.trigger.get("methods") or METHODS)


async def _request(request: Request) -> func.HttpRequest:
    route = {name: str(value) for name, value in request.path_params.items()}
    return func.HttpRequest(
        request.method, str(request.url), headers=dict(request.headers), params=dict(request.query_params),
        route_params=route, body=await request.body(),
    )


def _response(answer: func.HttpResponse | str | bytes | None) -> Response:
    if not isinstance(answer, func.HttpResponse):
        return Response(answer, 200 if answer else 204, media_type="text/plain")
    response = Response(answer.get_body(), answer.status_code)
    for name, value in answer.headers.items():
        response.headers.append(name, value)
    response.headers.setdefault("content-type", f"{answer.mimetype}; charset={answer.charset}")
    return response


class Server(uvicorn.Server):
    """uvicorn on a socket that the controller keeps open; the worker handles the signals."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def listen(self, descriptor: int) -> None:
        await self.serve([socket.socket(fileno=descriptor)])
