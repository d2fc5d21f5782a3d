"""Azure Resource Manager: what the operations code reads and orders, by resource id.

Shapes: https://learn.microsoft.com/rest/api/resources/resources/get-by-id ; verbs of sites:
https://learn.microsoft.com/rest/api/appservice/web-apps/restart .  Whatever is not here is refused by name.
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from twin.cloud.cloud import LocalCloud
from twin.services.base import AzureError, Resource
from twin.services.shapes import arm_type

TOP_LEVEL = frozenset({"sku", "kind", "identity", "zones", "managedBy", "etag", "systemData", "plan"})
ENVELOPE = TOP_LEVEL | {"id", "name", "type", "location", "tags", "azureApiVersion"}
VERBS = {("Microsoft.Web/sites", verb): "power" for verb in ("restart", "start", "stop")}
"""(resource type, verb) -> the method of its service that does it: `async method(cloud, resource, verb)`."""


def shape(resource: Resource) -> dict[str, Any]:
    """As ARM shows it."""
    shown = resource.inputs | resource.outputs
    body = {"id": resource.id, "name": resource.name, "type": arm_type(resource.id)}
    if resource.location != "global" or "location" in shown:
        body["location"] = resource.location
    body |= {key: shown[key] for key in TOP_LEVEL if key in shown} | {"tags": shown.get("tags") or {}}
    return body | {"properties": {key: value for key, value in resource.outputs.items() if key not in ENVELOPE}}


def routes(cloud: LocalCloud) -> APIRouter:
    """GET of any resource, and the verbs."""
    router = APIRouter()

    def authorise(request: Request) -> None:
        cloud.identities.check_deployer(request.headers.get("authorization"))
        if "api-version" not in request.query_params:
            raise AzureError("MissingApiVersionParameter", "The api-version query parameter is required.")

    @router.get("/subscriptions/{path:path}")
    def read(path: str, request: Request) -> dict[str, Any]:
        authorise(request)
        return shape(cloud.require(f"/subscriptions/{path}"))

    @router.post("/subscriptions/{path:path}/{verb}")
    async def order(path: str, verb: str, request: Request) -> Response:
        authorise(request)
        resource = cloud.require(f"/subscriptions/{path}")
        kind = arm_type(resource.id)
        method = VERBS.get((kind, verb))
        if not method:
            raise AzureError("NotSupportedByTwin", f"POST {kind}/{verb} is not covered; covered are "
                             f"{', '.join(map('/'.join, VERBS))}.", 501)
        async with cloud.lock(resource.id):
            await getattr(cloud.service(resource), method)(cloud, resource, verb)
        return Response(status_code=200)

    @router.api_route("/subscriptions/{path:path}", methods=["PUT", "PATCH", "DELETE", "POST", "HEAD"])
    def refuse(path: str, request: Request) -> None:
        raise AzureError("NotSupportedByTwin", f"{request.method} {arm_type('/subscriptions/' + path)} is not "
                         "covered here: resources change through `pulumi up`.", 501)
    return router
