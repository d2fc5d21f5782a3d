"""Who may do what with a storage account's data: role assignments, as `azurite_access.cjs` obeys them.

Roles: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage ; inheritance of scopes:
https://learn.microsoft.com/azure/role-based-access-control/scope-overview ; conditions:
https://learn.microsoft.com/azure/storage/blobs/storage-auth-abac-attributes
"""

import re
import weakref
from collections import defaultdict
from typing import Any

from twin.services.base import AzureError, Cloud, Resource

ASSIGNMENT = "azure-native:authorization:RoleAssignment"
DEFINITION = "azure-native:authorization:RoleDefinition"
SERVICES = "microsoft.storage/storageaccounts/"
BLOBS, QUEUES = "blobservices/containers/", "queueservices/queues/"
ROLES: dict[str, tuple[str, ...]] = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": (f"{BLOBS}*", "blobservices/generateuserdelegationkey/action"),
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": (
        *(f"{BLOBS}{what}" for what in ("read", "write", "delete", "blobs/read", "blobs/write", "blobs/delete",
                                        "blobs/add/action", "blobs/move/action")),
        "blobservices/generateuserdelegationkey/action"),
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": (f"{BLOBS}read", f"{BLOBS}blobs/read",
                                             "blobservices/generateuserdelegationkey/action"),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": (
        *(f"{QUEUES}{what}" for what in ("read", "write", "delete", "messages/read", "messages/write",
                                         "messages/delete", "messages/process/action")),),
    "c6a89b2d-59bc-44d0-9896-0f6e12d7b80a": (f"{QUEUES}messages/add/action",),
    "19e7f393-937e-4f77-808e-94535e297925": (f"{QUEUES}read", f"{QUEUES}messages/read"),
    "8a0f0c08-91a1-4084-bc3d-661d67233fed": (f"{QUEUES}messages/read", f"{QUEUES}messages/process/action"),
}
"""Blob Data Owner, Contributor, Reader; Queue Data Contributor, Message Sender, Reader, Message Processor."""
ACTION = r"!\(ActionMatches\{'([^']+)'\}\)"
CONDITION = re.compile(rf"\(\({ACTION}(?:AND{ACTION})*\)OR\(@Resource\[Microsoft\.Storage/storageAccounts/blobServices/"
                       r"containers/blobs:path\]StringEquals'([^']+)'\)\)")
_changing: weakref.WeakKeyDictionary[Cloud, dict[str, Resource | None]] = weakref.WeakKeyDictionary()
"""Assignments and definitions being put (or, as None, deleted), and so not in the record yet (or still)."""


def change(cloud: Cloud, id: str, resource: Resource | None) -> None:
    """Tells of one that is being put or deleted; AzureError for a condition that is not understood."""
    if resource:
        condition(resource)
    _changing.setdefault(cloud, {})[id] = resource


def known(cloud: Cloud, kind: str) -> list[Resource]:
    """The recorded resources of a type, with the changes under way."""
    found = {resource.id: resource for resource in cloud.find(kind)}
    found |= {id: resource for id, resource in _changing.get(cloud, {}).items()
              if resource is None or resource.type == kind}
    return [resource for resource in found.values() if resource]


def grants(cloud: Cloud, account: Resource) -> dict[str, list[dict[str, Any]]]:
    """{principal: [{"on": below the account, "" for all of it, "actions": patterns in lower case, "when": None or
    {"actions": bound by the condition, "path": the only blob}}]}."""
    held: dict[str, list[dict[str, Any]]] = defaultdict(list)
    own = account.id.lower()
    for assignment in known(cloud, ASSIGNMENT):
        scope = assignment.inputs["scope"].lower().rstrip("/")
        within = scope == own or scope.startswith(f"{own}/")
        if within or own.startswith(f"{scope}/"):
            held[assignment.inputs["principalId"]].append({
                "on": scope.removeprefix(own) if within else "", "when": condition(assignment),
                "actions": actions(cloud, assignment.inputs["roleDefinitionId"])})
    return held


def actions(cloud: Cloud, role: str) -> list[str]:
    """What a role allows on storage: a built-in one, or one of the program's own."""
    if found := ROLES.get(role.rpartition("/")[2].lower()):
        return list(found)
    own = [definition for definition in known(cloud, DEFINITION)
           if role.rpartition("/")[2].lower() == definition.id.rpartition("/")[2].lower()]
    return [action.lower().removeprefix(SERVICES) for definition in own
            for permission in definition.inputs.get("permissions") or []
            for key in ("actions", "dataActions") for action in permission.get(key) or []]


def condition(assignment: Resource) -> dict[str, Any] | None:
    """The one form that is understood: the actions named are bound to one blob's path, all others are free."""
    text = assignment.inputs.get("condition")
    if not text:
        return None
    if not (match := CONDITION.fullmatch(re.sub(r"\s+", "", text))):
        raise AzureError("NotSupportedByTwin", f"{assignment.name}: its condition is not the one that the twin "
                         "understands, ((!(ActionMatches{'…'}) AND …) OR (@Resource[…blobs:path] StringEquals '…')); "
                         f"it is {text!r}.", 501)
    bound = re.findall(ACTION, match[0])
    return {"path": match[match.lastindex or 0], "actions": [name.lower().removeprefix(SERVICES) for name in bound]}
