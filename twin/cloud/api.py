"""The daemon's HTTP surface: the control protocol, and Azure's own endpoints beside it.

Control protocol, `Authorization: Bearer <token of control.json>`:
PUT, GET, DELETE /twin/resources; POST, GET, DELETE /twin/faults; POST /twin/settle, /twin/shutdown; GET /twin/status.
"""

import asyncio
import hmac
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from twin.cloud import arm
from twin.cloud.cloud import LocalCloud
from twin.cloud.faults import Fault
from twin.cloud.status import status
from twin.cloud.vaults import challenge
from twin.services.base import AzureError, Held, TwinError


class Wanted(BaseModel):
    """A resource as the provider sends it."""

    urn: str = ""
    type: str
    id: str
    name: str
    inputs: dict[str, Any]
    create: bool = False


def application(cloud: LocalCloud, token: str, stop: asyncio.Event) -> FastAPI:
    """All routes; `stop` is set by /twin/shutdown."""
    app = FastAPI(openapi_url=None)
    for router in (control(cloud, token, stop), cloud.identities.routes(), cloud.vaults.routes(),
                   cloud.deployments.routes(), arm.routes(cloud)):
        app.include_router(router)

    @app.exception_handler(AzureError)
    def refused(request: Request, error: AzureError) -> JSONResponse:
        return challenge(error) if request.url.path.startswith("/vaults/") else JSONResponse(error.body(), error.status)

    @app.exception_handler(404)
    def unknown(request: Request, _: Exception) -> JSONResponse:
        what = f"{request.method} {request.url.path}"
        error = AzureError("NotSupportedByTwin", f"{what} is not covered by the twin.", 404)
        return JSONResponse(error.body(), error.status)

    @app.exception_handler(TwinError)
    def unable(_: Request, error: TwinError) -> JSONResponse:
        code, number = ("ServiceUnavailable", 503) if isinstance(error, Held) else ("InternalServerError", 500)
        return JSONResponse(AzureError(code, str(error)).body(), number)

    @app.exception_handler(Exception)
    def failed(_: Request, error: Exception) -> JSONResponse:
        text = f"{type(error).__name__}: {error}; `python -m twin logs cloud` shows where."
        return JSONResponse(AzureError("InternalServerError", text).body(), 500)
    return app


def control(cloud: LocalCloud, token: str, stop: asyncio.Event) -> APIRouter:
    """The control protocol."""
    def authorised(request: Request) -> None:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()):
            raise AzureError("AuthenticationFailed", "The token of control.json is needed.", 401)

    router = APIRouter(prefix="/twin", dependencies=[Depends(authorised)])

    @router.put("/resources")
    async def put(wanted: Wanted) -> dict[str, Any]:
        return {"outputs": await cloud.put(**wanted.model_dump())}

    @router.get("/resources")
    async def get(id: str) -> dict[str, Any]:
        resource = cloud.require(id)
        return {"inputs": resource.inputs, "outputs": resource.outputs}

    @router.delete("/resources", status_code=204)
    async def delete(id: str) -> Response:
        await cloud.delete(id)
        return Response(status_code=204)

    @router.post("/faults")
    async def inflict(fault: Fault) -> dict[str, Any]:
        return await cloud.chaos.inflict(fault)

    @router.get("/faults")
    async def faults() -> dict[str, Any]:
        return cloud.chaos.told()

    @router.delete("/faults")
    async def heal(region: str = "") -> dict[str, Any]:
        return await cloud.chaos.heal(region)

    @router.get("/status")
    async def state() -> dict[str, Any]:
        return await status(cloud)

    @router.post("/settle")
    async def settle() -> dict[str, Any]:
        return {"unhealthy": await cloud.settle()}

    @router.post("/shutdown", status_code=202)
    async def shutdown() -> Response:
        stop.set()
        return Response(status_code=202)
    return router
