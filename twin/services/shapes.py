"""The shapes that Azure gives its answers, shared by the services."""

import uuid
from dataclasses import replace
from typing import Any

from twin.services.base import AzureError, Cloud, Resource

PREFIX = "azure-native:"
TOP_LEVEL = frozenset({"sku", "kind", "identity", "zones", "managedBy", "etag", "systemData", "plan"})
ENVELOPE = TOP_LEVEL | {"id", "name", "type", "location", "tags", "azureApiVersion"}


def tokens(module: str, *names: str) -> frozenset[str]:
    """("storage", "Queue") -> {"azure-native:storage:Queue"}."""
    return frozenset(f"{PREFIX}{module}:{name}" for name in names)


def guid(*parts: str) -> str:
    """A GUID that is the same for the same parts, so that a second `up` sees no change; case does not matter."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts).lower()))


def arm_type(resource_id: str) -> str:
    """".../providers/Microsoft.Web/sites/x" -> "Microsoft.Web/sites"."""
    if "/providers/" not in resource_id:
        return "Microsoft.Resources/resourceGroups"
    namespace, *rest = resource_id.rsplit("/providers/", 1)[1].split("/")
    return "/".join([namespace, *rest[::2]])


def shaped(resource: Resource, **outputs: Any) -> dict[str, Any]:
    """What Azure returns for a resource: what was asked for, its name and type, and `outputs`.

    Assigned identities are a list when asked for and a map by id in the answer
    (https://learn.microsoft.com/azure/templates/microsoft.cdn/profiles#managedserviceidentity)."""
    answer = {**resource.inputs, "name": resource.name, "type": arm_type(resource.id)}
    if (assigned := (resource.inputs.get("identity") or {}).get("userAssignedIdentities")) is not None:
        answer["identity"] = {**resource.inputs["identity"], "userAssignedIdentities": {id: {} for id in assigned}}
    return answer | outputs


def shown(resource: Resource) -> dict[str, Any]:
    """As ARM shows it."""
    known = resource.inputs | resource.outputs
    body = {"id": resource.id, "name": resource.name, "type": arm_type(resource.id)}
    if resource.location != "global" or "location" in known:
        body["location"] = resource.location
    body |= {key: known[key] for key in TOP_LEVEL if key in known} | {"tags": known.get("tags") or {}}
    return body | {"properties": {key: value for key, value in resource.outputs.items() if key not in ENVELOPE}}


def holder(cloud: Cloud, resource: Resource, kind: str) -> Resource | None:
    """The realised resource above `resource` at a segment of its id, such as "storageAccounts"."""
    parts = resource.id.split("/")
    return cloud.get("/".join(parts[:[part.lower() for part in parts].index(kind.lower()) + 2]))


def ancestor(cloud: Cloud, resource: Resource, kind: str) -> Resource:
    """The same; AzureError ParentResourceNotFound when there is none, as ARM does
    (https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-parent-resource)."""
    if found := holder(cloud, resource, kind):
        return found
    raise AzureError("ParentResourceNotFound", f"Failed to perform 'write' on resource '{resource.name}' of type "
                     f"'{arm_type(resource.id)}', because its parent among the {kind} could not be found.", 404)


def region(cloud: Cloud, resource: Resource) -> str:
    """Its own, else that of the resource that it is part of: a queue is where its account is."""
    while resource.location == "global" and "/providers/" in (id := resource.id.rpartition("/")[0].rpartition("/")[0]):
        resource = cloud.get(id) or replace(resource, id=id)
    return resource.location


def require_region(cloud: Cloud, resource: Resource) -> None:
    """AzureError when its region is down: the management plane does not fail over with the data
    (https://learn.microsoft.com/azure/azure-resource-manager/management/overview#resiliency-of-azure-resource-manager)."""
    where = region(cloud, resource)
    if cloud.faults.down(where):
        raise AzureError("ServiceUnavailable", f"{resource.name} ({arm_type(resource.id)}) cannot be changed: its "
                         f"region {where} is down.", 503)


def refuse(resource: Resource, what: str) -> AzureError:
    """The refusal of something that exists in Azure and that the twin does not do."""
    return AzureError("NotSupportedByTwin", f"{resource.name} ({arm_type(resource.id)}): {what} "
                      "See twin/COVERAGE.md for what the twin does.", 501)
