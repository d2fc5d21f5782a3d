"""Azure Resource Manager: what the operations code reads and orders, by resource id.

Shapes: https://learn.microsoft.com/rest/api/resources/resources/get-by-id ; long-running operations:
https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations (202 with Azure-AsyncOperation,
Location and Retry-After).  What it does is in `operations.py`; whatever is not there is refused by name.
"""

import json
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from twin.cloud.cloud import LocalCloud
from twin.cloud.operations import Answer, Operations, load_operations
from twin.services.base import AzureError, Later, Resource
from twin.services.shapes import arm_type, require_region, shown

RETRY_AFTER = "1"


def routes(cloud: LocalCloud) -> APIRouter:
    """Every path below /subscriptions."""
    router, manager = APIRouter(), Manager(cloud)

    @router.api_route("/subscriptions/{path:path}", methods=["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"])
    async def call(path: str, request: Request) -> Response:
        cloud.identities.check_deployer(request.headers.get("authorization"))
        query = dict(request.query_params)
        if "api-version" not in query:
            raise AzureError("MissingApiVersionParameter", "The api-version query parameter is required.")
        id = f"/subscriptions/{path.strip('/')}"
        if request.method in ("GET", "HEAD"):
            return await manager.read(id, query)
        return await manager.write(request.method, id, await _body(request), query)
    return router


class Manager:
    """Finds the handler and answers as ARM does."""

    def __init__(self, cloud: LocalCloud):
        self._cloud, self._handlers, self._operations = cloud, load_operations(), Operations()

    async def read(self, id: str, query: dict[str, str]) -> Response:
        """A resource, a collection, or how an operation goes."""
        parent, _, last = id.rpartition("/")
        if parent.lower().endswith("/asyncoperations"):
            return JSONResponse(self._operations.get(last).status(), headers={"Retry-After": RETRY_AFTER})
        if parent.lower().endswith("/operationresults"):
            return self._result(last, query)
        if resource := self._cloud.get(id):
            return JSONResponse(await self._shown(resource, query))
        holder = self._cloud.get(parent)
        if holder and (handler := self._handlers.get((arm_type(parent).lower(), f"get {last.lower()}"))):
            return JSONResponse(await handler(self._cloud, holder, {}, query))
        if found := [each for each in self._cloud.registry.all() if each.id.rpartition("/")[0].lower() == id.lower()]:
            return JSONResponse({"value": [await self._shown(each, query) for each in found]})
        raise AzureError("ResourceNotFound", f"The Resource '{id}' was not found.", 404)

    async def _shown(self, resource: Resource, query: dict[str, str]) -> dict[str, Any]:
        handler = self._handlers.get((arm_type(resource.id).lower(), "get"))
        return await handler(self._cloud, resource, {}, query) if handler else shown(resource)

    async def write(self, method: str, id: str, body: dict[str, Any], query: dict[str, str]) -> Response:
        """202 for what goes on, else 200, 201 for what is new, 204 for what has nothing to say."""
        id, _, verb = id.rpartition("/") if method == "POST" else (id, "", "")
        what, kind = f"{method} {verb}".strip(), arm_type(id)
        handler = self._handlers.get((kind.lower(), what.lower()))
        if not handler:
            raise AzureError("NotSupportedByTwin", f"{what} of {kind} is not covered here: resources change through "
                             "`pulumi up`. twin/COVERAGE.md says what the twin does.", 501)
        new = method == "PUT" and not self._cloud.get(id)
        resource = Resource(id, "", id.rpartition("/")[2], {}) if new else self._cloud.require(id)
        if not getattr(handler, "during_outage", False):
            require_region(self._cloud, resource)

        async def held(call: Any) -> Any:
            if method in ("PUT", "DELETE"):
                return await call()
            async with self._cloud.lock(id):
                return await call()

        answer = await held(lambda: handler(self._cloud, resource, body, query))
        if isinstance(answer, Later):
            return self._accepted(self._operations.start(id, answer, lambda later: held(later.work)).id, query)
        return _answer(answer, 201 if new else 200)

    def _accepted(self, operation: str, query: dict[str, str]) -> Response:
        version = f"?api-version={query['api-version']}"
        result = operation.replace("/asyncoperations/", "/operationresults/")
        return Response(status_code=202, headers={
            "Azure-AsyncOperation": f"{self._cloud.arm}{operation}{version}",
            "Location": f"{self._cloud.arm}{result}{version}", "Retry-After": RETRY_AFTER})

    def _result(self, name: str, query: dict[str, str]) -> Response:
        """What the Location URL answers: 202 until the end, then the outcome."""
        operation = self._operations.get(name)
        if not operation.task.done():
            return self._accepted(operation.id, query)
        if operation.error:
            raise operation.error
        return _answer(operation.task.result(), 200)


def _answer(body: Answer, status: int) -> Response:
    return JSONResponse(body, status) if body else Response(status_code=204 if body is None else status)


async def _body(request: Request) -> dict[str, Any]:
    text = await request.body()
    try:
        body = json.loads(text) if text else {}
    except ValueError as error:
        raise AzureError("InvalidRequestContent", f"The request content is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise AzureError("InvalidRequestContent", "The request content must be a JSON object.")
    return body
